/** The graphs of training: forward, loss and backward in one graph; forward and loss for validation. */
import type { FeatureCut, GraphDefinition, Leaf, Recompute, Shape, Tensor } from '../graph/index.js';
import {
  add,
  argMax,
  cast,
  chooseFeatures,
  concat,
  constant,
  div,
  featureGraph,
  featuresAt,
  flatGroups,
  gradients,
  graphBehindFeatures,
  greater,
  input,
  joinFlat,
  maximum,
  mul,
  nodesBehind,
  reshape,
  sub,
  sum,
  withRecomputation,
} from '../graph/index.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { setOf } from '../labels/label-set.js';
import { frozenLeaves } from '../models/index.js';
import type { Layer, LossTerm, RandomMask, Trace } from '../nn/index.js';
import type { TargetMap } from '../nn/target-map.js';
import { Parameter, sumOfLosses, traceModel } from '../nn/index.js';
import { targetMapsBehind } from '../nn/target-map.js';

export interface BatchShape {
  readonly size: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export interface StepGraph {
  readonly definition: GraphDefinition;
  readonly masks: readonly RandomMask[];
  readonly maps: readonly TargetMap[];
  readonly trace: Trace;
  /** Names of the inputs that weight each loss, if the graph has them. */
  readonly shares: readonly string[];
}

/** Prefixes of the names of results: `gradient:NAME`, `buffer:NAME`, `loss:NAME`. */
export const GRADIENT = 'gradient:';
export const BUFFER = 'buffer:';
export const LOSS = 'loss:';
/** Sum of the squares of all gradients, if requested. It is not finite if any gradient is not. */
export const GRADIENT_SQUARES = 'gradientSquares';

/**
 * The class of each pixel (N×H×W, uint8): the largest logit, or class 1 where a single logit is above 0. Of overlapping
 * classes the set of those whose logits are above 0.
 */
export function predictedClasses(logits: Tensor, multiLabel = false): Tensor {
  const [n, classes, h, w] = logits.shape as [number, number, number, number];
  if (multiLabel) {
    const bits = constant(
      Float32Array.from({ length: classes }, (_, k) => setOf(k)),
      [1, classes, 1, 1],
    );
    return cast(sum(mul(cast(greater(logits, 0), 'float32'), bits), 1), 'uint8');
  }
  return classes === 1
    ? reshape(cast(greater(logits, 0), 'uint8'), [n, h, w])
    : cast(argMax(logits, 1), 'uint8');
}

interface Traced {
  readonly trace: Trace;
  readonly images: Leaf;
  readonly maps: readonly TargetMap[];
  readonly inputs: readonly Leaf[];
  readonly outputs: Record<string, Tensor>;
  /** New values of buffers, by the name of the result. */
  readonly updates: Record<string, Tensor>;
  readonly loss: Tensor;
  readonly shares: readonly string[];
}

/**
 * The loss to minimise: the mean of the output's and of the auxiliary logits', by their weights. The loss that is
 * reported is the output's alone, so that those of training and validation are comparable.
 */
function withAuxiliary(loss: Tensor, { auxiliary }: Trace, lossOf: (logits: Tensor) => Tensor): Tensor {
  if (auxiliary.length === 0) return loss;
  const sum = auxiliary.reduce((so, { logits, weight }) => add(so, mul(lossOf(logits), weight)), loss);
  return div(sum, 1 + auxiliary.reduce((weights, { weight }) => weights + weight, 0));
}

/**
 * Sets of `classes` overlapping classes (N×H×W, uint8) as the target of losses, N×K×H×W: 1 where the set contains the
 * class, else 0, and IGNORE_INDEX for ignored pixels. Computed in float32, which every runtime has.
 */
export function membersOfSets(sets: Tensor, classes: number): Tensor {
  const [n, h, w] = sets.shape as [number, number, number];
  const value = reshape(cast(sets, 'float32'), [n, 1, h, w]);
  const ignored = cast(greater(value, IGNORE_INDEX - 0.5), 'float32');
  const bits: Tensor[] = [];
  let rest = value;
  for (let k = classes - 1; k >= 0; k--) {
    const bit = cast(greater(rest, setOf(k) - 0.5), 'float32');
    bits.unshift(bit);
    rest = sub(rest, mul(bit, setOf(k)));
  }
  return cast(maximum(concat(bits, 1), mul(ignored, IGNORE_INDEX)), 'uint8');
}

interface LossOptions {
  /** Whether each loss is multiplied by an input: its share in the loss of a larger batch. */
  readonly shared?: boolean;
  /** Whether masks hold sets of overlapping classes. */
  readonly multiLabel?: boolean;
}

function forwardAndLoss(
  model: Layer,
  terms: readonly LossTerm[],
  batch: BatchShape,
  { shared = false, multiLabel = false }: LossOptions = {},
): Traced {
  const shape: Shape = [batch.size, batch.channels, batch.height, batch.width];
  const images = input('images', shape);
  const masks = input('target', [batch.size, batch.height, batch.width], 'uint8');
  const trace = traceModel(model, images);
  const logits = trace.output;
  const target = multiLabel ? membersOfSets(masks, logits.shape[1]!) : masks;
  const parts = terms.map(({ name, weight, loss }) => ({ name, weight, loss: () => loss(logits, target) }));
  // Each component is traced once, for both the sum and the log.
  const values = parts.map(({ loss }) => loss());
  const shares = shared ? terms.map((_, i) => input(`share_${i}`, [])) : [];
  const total = (each: readonly Tensor[]) =>
    sumOfLosses(
      parts.map(({ name, weight }, i) => ({
        name,
        weight,
        loss: () => (shared ? mul(each[i]!, shares[i]!) : each[i]!),
      })),
    )(logits, target);
  const reported = total(values);
  const loss = withAuxiliary(reported, trace, (other) =>
    total(terms.map((term) => term.loss(other, target))),
  );
  const outputs: Record<string, Tensor> = {
    loss: reshape(reported, []),
    prediction: predictedClasses(logits, multiLabel),
  };
  if (parts.length > 1) parts.forEach(({ name }, i) => (outputs[LOSS + name] = reshape(values[i]!, [])));
  const updates = Object.fromEntries([...trace.updates].map(([{ name }, value]) => [BUFFER + name, value]));
  const leaves = [...model.namedParameters(), ...model.namedBuffers()].map(([, leaf]) => leaf as Leaf);
  const maps = targetMapsBehind([loss, ...values]);
  const drawn = trace.masks.map(({ leaf }) => leaf);
  const inputs = [images, masks, ...leaves, ...drawn, ...maps, ...shares];
  return { trace, images, maps, inputs, outputs, updates, loss, shares: shares.map(({ name }) => name) };
}

/** The name of the loss to minimise in a graph that is being cut. */
const MINIMISED = 'minimised';

const definitionOf = ({ inputs, outputs, updates, loss }: Traced): GraphDefinition => ({
  inputs,
  outputs: { ...outputs, ...updates, [MINIMISED]: loss },
});

function frozenInputs(model: Layer, { images }: Traced) {
  const fixed = frozenLeaves(model);
  return { images, isFixed: (leaf: Leaf) => fixed.has(leaf) };
}

/** The same results, computed from the features of the images. */
function behindFeatures(model: Layer, traced: Traced, cut: FeatureCut | undefined): Traced {
  if (!cut) return traced;
  const definition = definitionOf(traced);
  const behind = graphBehindFeatures(definition, featuresAt(definition, frozenInputs(model, traced), cut));
  const now = (before: Record<string, Tensor>) =>
    Object.fromEntries(Object.keys(before).map((name) => [name, behind.outputs[name]!]));
  return {
    ...traced,
    inputs: behind.inputs,
    outputs: now(traced.outputs),
    updates: now(traced.updates),
    loss: behind.outputs[MINIMISED]!,
  };
}

/** What is kept of an image of the frozen part of a model: its features, and the graph that computes them. */
export interface FrozenPart {
  readonly cut: FeatureCut;
  /** From `images`, a batch of one, to the features by `featureName`. */
  readonly definition: GraphDefinition;
}

/**
 * The frozen part of a model in training or in evaluation mode; undefined if there is none whose results are worth
 * keeping.
 */
export function frozenPart(
  model: Layer,
  terms: readonly LossTerm[],
  image: Omit<BatchShape, 'size'>,
  mode: 'train' | 'evaluate',
  multiLabel: boolean,
): FrozenPart | undefined {
  model.train(mode === 'train');
  try {
    const traced = forwardAndLoss(model, terms, { size: 1, ...image }, { multiLabel });
    const definition = definitionOf(traced);
    const inputs = frozenInputs(model, traced);
    const cut = chooseFeatures(definition, inputs);
    return cut && { cut, definition: featureGraph(definition, featuresAt(definition, inputs, cut)) };
  } finally {
    model.train();
  }
}

/**
 * Forward, loss, prediction, the gradient of every trainable weight, and the new values of the buffers.
 *
 * @param options `shared`: whether the batch is a part of a larger one. Then each component of the loss is multiplied
 *   by its share, which is an input; the results for the single components are not multiplied.
 *   `recompute`: which values the backward pass computes again instead of keeping them from the forward pass.
 *   `squares`: whether `GRADIENT_SQUARES` is a result, too. `multiLabel`: whether masks hold sets of classes.
 *   `features`: computes from these features of the images instead of from the images; see {@link frozenPart}.
 */
export function trainingGraph(
  model: Layer,
  terms: readonly LossTerm[],
  batch: BatchShape,
  {
    shared = false,
    recompute = 'none',
    squares = false,
    multiLabel = false,
    features,
  }: {
    readonly shared?: boolean;
    readonly recompute?: Recompute | undefined;
    readonly squares?: boolean;
    readonly multiLabel?: boolean;
    readonly features?: FeatureCut | undefined;
  } = {},
): StepGraph {
  model.train();
  const traced = forwardAndLoss(model, terms, batch, { shared, multiLabel });
  const { trace, maps, inputs, outputs, updates, loss, shares } = behindFeatures(model, traced, features);
  const weights = inBackwardOrder(
    loss,
    inputs.filter((leaf) => leaf instanceof Parameter && leaf.requiresGrad),
  );
  const forward = Object.values(outputs);
  const weightGradients = gradients(loss, weights);
  const gradientsByName = Object.fromEntries(
    weights.map(({ name }, i) => [GRADIENT + name, weightGradients[i]!]),
  );
  const named = withRecomputation(gradientsByName, [...forward, loss], recompute);
  Object.assign(outputs, named);
  if (squares) outputs[GRADIENT_SQUARES] = sumOfSquares(Object.values(named));
  Object.assign(outputs, updates);
  return { definition: { inputs, outputs }, masks: trace.masks, maps, trace, shares };
}

/** Values that are summed first: on a graphics processor, a reduction to one number uses a single workgroup. */
const SUMMED_FIRST = 1024;

function sumOfSquares(tensors: readonly Tensor[]): Tensor {
  return flatGroups(tensors, ({ shape }) => shape)
    .map((group) => {
      const size = group.reduce((values, tensor) => values + tensor.size, 0);
      const rows = Math.ceil(size / SUMMED_FIRST);
      const rest = rows * SUMMED_FIRST - size;
      const zeros = rest > 0 ? [constant(new Float32Array(rest), [rest])] : [];
      const table = reshape(joinFlat([...group, ...zeros]), [rows, SUMMED_FIRST]);
      return sum(sum(mul(table, table), 1));
    })
    .reduce((a, b) => add(a, b));
}

/**
 * The weights in the order in which the backward pass finishes their gradients: the reverse of their first use in
 * the forward pass. Results are computed in the order in which the graph lists them, so each gradient is computed as
 * soon as its inputs are, and the activations that it needs can then be freed.
 */
function inBackwardOrder(loss: Tensor, weights: readonly Leaf[]): Leaf[] {
  const wanted = new Set<Tensor>(weights);
  const used = new Set(nodesBehind([loss]).flatMap(({ inputs }) => inputs.filter((t) => wanted.has(t))));
  return [...weights.filter((leaf) => !used.has(leaf)), ...([...used].reverse() as Leaf[])];
}

/** Forward in evaluation mode, loss and prediction; also `logits` if requested. */
export function evaluationGraph(
  model: Layer,
  terms: readonly LossTerm[],
  batch: BatchShape,
  options: {
    readonly logits?: boolean;
    readonly multiLabel?: boolean;
    readonly features?: FeatureCut | undefined;
  } = {},
): StepGraph {
  model.eval();
  try {
    const { multiLabel = false } = options;
    const traced = forwardAndLoss(model, terms, batch, { multiLabel });
    if (options.logits) traced.outputs.logits = traced.trace.output;
    const { trace, maps, inputs, outputs } = behindFeatures(model, traced, options.features);
    return { definition: { inputs, outputs }, masks: [], maps, trace, shares: [] };
  } finally {
    model.train();
  }
}
