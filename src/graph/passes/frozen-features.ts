/**
 * Frozen features: the part of a graph that depends on its images and on constants alone gives the same values for an
 * image at every run, so these can be computed once and kept. The graph is cut into two: from images to features, and
 * from features to results.
 *
 * Where to cut is a minimum cut. A node before the cut is run once for each image; one behind it is run every time and
 * costs its own time; each tensor that crosses the cut is kept, which costs memory and the time to read it. An upsampled
 * or concatenated copy is therefore made again from its smaller source, and so is the result of a cheap product that
 * has many channels.
 */
import type { GraphDefinition, Node, Tensor } from '../tensor.js';
import { Leaf, reapply } from '../tensor.js';
import { minimumCut } from './minimum-cut.js';
import type { FlowEdge } from './minimum-cut.js';
import { multiplyAdds } from './multiply-adds.js';
import { nodesBehind } from './reachability.js';

/** The cost of keeping one value of a feature, in values that a node writes. Memory is scarcer than time. */
const COST_OF_KEEPING = 4;
/** Multiplications and additions that take as long as writing one value to memory. */
const MULTIPLY_ADDS_PER_VALUE = 60;

/** The images of a graph, and which of its other inputs have the same values at every run. */
export interface FrozenInputs {
  readonly images: Leaf;
  readonly isFixed: (leaf: Leaf) => boolean;
}

/** The features of a graph, as positions among its frozen tensors. They are the same for every batch size. */
export type FeatureCut = readonly number[];

/** @returns undefined if no product depends on images and fixed values alone. */
export function chooseFeatures(definition: GraphDefinition, inputs: FrozenInputs): FeatureCut | undefined {
  const { images } = inputs;
  const { nodes, frozen } = frozenPart(definition, inputs);
  const vertices = new Map<Node | Tensor, number>();
  for (const node of frozen) for (const item of [node, ...node.outputs]) vertices.set(item, vertices.size);
  const [source, sink] = [vertices.size, vertices.size + 1];
  const edges: FlowEdge[] = [];
  for (const node of frozen) {
    const own = vertices.get(node)!;
    edges.push({ from: source, to: own, capacity: node === images.node ? Infinity : timeOf(node) });
    for (const t of node.outputs) {
      const cost = t.dtype === 'float32' ? COST_OF_KEEPING * t.size : Infinity;
      edges.push({ from: own, to: vertices.get(t)!, capacity: cost });
    }
    for (const t of node.inputs.filter((each) => vertices.has(each))) {
      // A node that is run once reads nothing that is run every time. One behind the cut needs what it reads there.
      edges.push({ from: own, to: vertices.get(t.node)!, capacity: Infinity });
      edges.push({ from: vertices.get(t)!, to: own, capacity: Infinity });
    }
  }
  const read = nodes.filter((node) => !frozen.has(node)).flatMap((node) => node.inputs);
  for (const t of new Set([...read, ...Object.values(definition.outputs)])) {
    if (vertices.has(t)) edges.push({ from: vertices.get(t)!, to: sink, capacity: Infinity });
  }
  const before = minimumCut(vertices.size + 2, edges, source, sink);
  const runOnce = (node: Node) => before[vertices.get(node)!]!;
  if (![...frozen].some((node) => runOnce(node) && multiplyAdds(node) !== 0)) return undefined;
  return tensorsOf(frozen).flatMap((t, position) =>
    runOnce(t.node) && !before[vertices.get(t)!] ? [position] : [],
  );
}

/** The tensors at these positions. */
export function featuresAt(
  definition: GraphDefinition,
  inputs: FrozenInputs,
  cut: FeatureCut,
): readonly Tensor[] {
  const tensors = tensorsOf(frozenPart(definition, inputs).frozen);
  return cut.map((position) => tensors[position]!);
}

/** The name of a feature, as a result of one graph and an input of the other. */
export const featureName = (i: number) => `feature_${i}`;

/** The graph from images to features. */
export function featureGraph(definition: GraphDefinition, features: readonly Tensor[]): GraphDefinition {
  const outputs = Object.fromEntries(features.map((t, i) => [featureName(i), t]));
  return { inputs: inputsBehind(definition, outputs), outputs };
}

/** The graph from features, which are inputs of it, to the results of `definition`. */
export function graphBehindFeatures(
  definition: GraphDefinition,
  features: readonly Tensor[],
): GraphDefinition {
  const leaves = features.map(({ shape, dtype }, i) => new Leaf(featureName(i), shape, dtype));
  const replaced = new Map<Tensor, Tensor>(features.map((t, i) => [t, leaves[i]!]));
  const now = (t: Tensor) => replaced.get(t) ?? t;
  for (const node of nodesBehind(Object.values(definition.outputs))) {
    if (node.inputs.every((t) => now(t) === t)) continue;
    const made = reapply(node, node.inputs.map(now));
    node.outputs.forEach((t, i) => {
      if (!replaced.has(t)) replaced.set(t, made[i]!);
    });
  }
  const outputs = Object.fromEntries(
    Object.entries(definition.outputs).map(([name, t]) => [name, now(t)] as const),
  );
  return { inputs: [...leaves, ...inputsBehind(definition, outputs)], outputs };
}

/** All nodes of a graph, and those that depend on the images and otherwise on fixed values alone. */
function frozenPart(
  definition: GraphDefinition,
  { images, isFixed }: FrozenInputs,
): { readonly nodes: readonly Node[]; readonly frozen: ReadonlySet<Node> } {
  const nodes = nodesBehind(Object.values(definition.outputs));
  /** Nodes that depend on fixed values alone. They are part of both graphs. */
  const fixed = new Set<Node>();
  const frozen = new Set<Node>();
  for (const node of nodes) {
    const leaf = node.outputs[0];
    if (leaf === images) frozen.add(node);
    else if (leaf instanceof Leaf) {
      if (isFixed(leaf)) fixed.add(node);
    } else if (node.inputs.every((t) => fixed.has(t.node))) fixed.add(node);
    else if (node.inputs.every((t) => fixed.has(t.node) || frozen.has(t.node))) frozen.add(node);
  }
  return { nodes, frozen };
}

const tensorsOf = (nodes: Iterable<Node>): Tensor[] => [...nodes].flatMap(({ outputs }) => outputs);

/** The time to run a node, in values that could be written to memory meanwhile. */
function timeOf(node: Node): number {
  const products = multiplyAdds(node);
  const written = node.outputs.reduce((sum, { size }) => sum + size, 0);
  return products === undefined ? Infinity : written + Math.ceil(products / MULTIPLY_ADDS_PER_VALUE);
}

/** Those inputs of a graph that some of its results depend on. */
function inputsBehind({ inputs }: GraphDefinition, outputs: GraphDefinition['outputs']): readonly Leaf[] {
  const needed = new Set(nodesBehind(Object.values(outputs)));
  return inputs.filter(({ node }) => needed.has(node));
}
