/**
 * Symbolic tensors, on which a model's `forward` operates. A tensor has a shape and an element type but no values. It
 * keeps the node that computes it, and so the tensors of an expression form a graph that can be differentiated
 * (`gradients.ts`) and written as ONNX (`lowering.ts`).
 */
import { ShapeError } from '../errors/index.js';
import type { ChannelAffine } from './channel-affine.js';
import type { Lowering } from './lowering.js';
import type { Interval, SpatialAxis } from './region.js';
import type { TensorMethods } from './tensor-methods.js';

export type DType = 'float32' | 'int32' | 'int64' | 'uint8' | 'bool';
export type Shape = readonly number[];

/** Values of a constant, in the array type of its element type (bool as 0 and 1). */
export type TensorData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * An operation: its shape rule, its gradient rule, its ONNX lowering, and what passes over the graph (`passes/`) must
 * know of it, side by side. To a pass, an operator that does not declare something is unknown: its result is kept
 * rather than recomputed, it is not folded, and the receptive field behind it is unknown.
 */
export interface Operator<A = unknown> {
  readonly name: string;
  /** The types of the outputs. Throws a {@link ShapeError} where the inputs do not fit. */
  infer(inputs: readonly Tensor[], attributes: A): TensorType[];
  /** Emits ONNX nodes; returns the ONNX names of the outputs. */
  lower(node: Node<A>, onnx: Lowering): string[];
  /**
   * The gradient of each input, given the gradient of each output (undefined where there is none). Absent where no
   * input is differentiable.
   */
  gradient?(node: Node<A>, outputGradients: readonly (Tensor | undefined)[]): (Tensor | undefined)[];

  /** For `passes/recomputation.ts`: how the result is computed a second time. */
  readonly recompute?: Recomputation<A>;
  /**
   * For `passes/receptive-field.ts`: the rows (or columns) of input `index` that rows `range` of the result are computed
   * from; undefined where that is unknown. Input and result are N×C×H×W.
   */
  region?(node: Node<A>, index: number, axis: SpatialAxis, range: Interval): Interval | undefined;
  /** For `passes/receptive-field.ts`: the result is statistics of a whole batch, which by convention do not count. */
  readonly statistics?: true;
  /** For `passes/multiply-adds.ts`: multiplications that are followed by an addition; undefined where unknown. */
  multiplyAdds?(node: Node<A>): number | undefined;
  /** For `passes/folding.ts`: the result as an affine function of each channel of the first input. */
  asAffine?(node: Node<A>, valueOf: KnownValue): ChannelAffine | undefined;
  /** For `passes/folding.ts`: the inputs with which the operator computes its result followed by `affine`. */
  absorbAffine?(node: Node<A>, valueOf: KnownValue, affine: ChannelAffine): Tensor[] | undefined;
}

/** A second way to the same values, to the bit. */
export interface Recomputation<A> {
  /** Whether it is a convolution, and not merely a pass over memory. */
  readonly product: boolean;
  /**
   * As `lower`, but by nodes that differ from those of `lower` in a detail without effect: of two equal nodes ONNX
   * Runtime would drop the second, and keep the result of the first until it is read.
   */
  lower(node: Node<A>, onnx: Lowering): string[];
}

/** The value of a tensor, where it is known when the graph is folded. */
export type KnownValue = (tensor: Tensor) => Float32Array | undefined;

/** One application of an operator. */
export interface Node<A = unknown> {
  readonly operator: Operator<A>;
  readonly inputs: readonly Tensor[];
  readonly attributes: A;
  readonly outputs: readonly Tensor[];
  /** The place in the model: `down.0.conv1`. */
  readonly scope: string;
  /** Whether the node computes a second time what another one computes (see {@link Operator.recompute}). */
  readonly recomputed?: boolean;
}

/** A computation: inputs, and named results in the order in which the host wants them. */
export interface GraphDefinition {
  readonly inputs: readonly Leaf[];
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** `x.mul(y).sum()`: `tensor-methods.ts` adds the methods, so that operators can import this file. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type
export interface Tensor extends TensorMethods {}

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export class Tensor implements TensorType {
  constructor(
    readonly node: Node,
    readonly index: number,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  toString(): string {
    return `${this.dtype} ${formatShape(this.shape)}`;
  }
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** `8×64×128×128`, or `scalar`. */
export function formatShape(shape: Shape): string {
  return shape.length === 0 ? 'scalar' : shape.join('×');
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** @throws ShapeError unless all tensors are float32 */
export function requireFloat(name: string, ...tensors: readonly Tensor[]): void {
  for (const tensor of tensors) {
    if (tensor.dtype !== 'float32') {
      throw new ShapeError(`${name} needs float32, not ${tensor}: cast it${atScope()}`);
    }
  }
}

/** Counts a negative axis from the front instead of from the end, and checks it. */
export function normalizeAxis(axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(resolved) || resolved < 0 || resolved >= rank) {
    throw new ShapeError(`axis ${axis} does not exist in a tensor of rank ${rank}${atScope()}`);
  }
  return resolved;
}

const scopes: string[] = [];

/** Runs `body`. The nodes that it creates have `name` as their place in the model. */
export function withScope<T>(name: string, body: () => T): T {
  scopes.push(name);
  try {
    return body();
  } finally {
    scopes.pop();
  }
}

export function currentScope(): string {
  return scopes.at(-1) ?? '';
}

/** For messages: ` (in layer down.0.conv1)`, or '' outside of layers. */
export function atScope(): string {
  const scope = currentScope();
  return scope === '' ? '' : ` (in layer ${scope})`;
}

/** Applies an operator. */
export function apply<A>(operator: Operator<A>, inputs: readonly Tensor[], attributes: A): Tensor[] {
  const types = operator.infer(inputs, attributes);
  const outputs: Tensor[] = [];
  const node = { operator, inputs, attributes, outputs, scope: currentScope() } as Node;
  types.forEach(({ shape, dtype }, index) => outputs.push(new Tensor(node, index, shape, dtype)));
  return outputs;
}

/** Applies an operator that has one output. */
export function apply1<A>(operator: Operator<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  return apply(operator, inputs, attributes)[0]!;
}

/**
 * The outputs of a node like `node` that reads `inputs`, which have the same types.
 *
 * @param changes what else is different about it
 */
export function reapply(
  node: Node,
  inputs: readonly Tensor[],
  changes: Partial<Pick<Node, 'scope' | 'recomputed'>> = {},
): Tensor[] {
  const outputs: Tensor[] = [];
  const made: Node = { ...node, ...changes, inputs, outputs };
  node.outputs.forEach(({ shape, dtype }, i) => outputs.push(new Tensor(made, i, shape, dtype)));
  return outputs;
}

const leafOperator: Operator<{ readonly name: string }> = {
  name: 'input',
  infer: () => [],
  lower(node) {
    throw new Error(`"${node.attributes.name}" is not among the inputs of the graph being compiled`);
  },
};

/** A tensor that is fed at every run: a batch, a weight. The leaves of one graph need different names. */
export class Leaf extends Tensor {
  constructor(
    public name: string,
    shape: Shape,
    dtype: DType = 'float32',
  ) {
    const outputs: Tensor[] = [];
    super({ operator: leafOperator, inputs: [], attributes: { name }, outputs, scope: '' }, 0, shape, dtype);
    outputs.push(this);
  }
}

/** A tensor that is fed at every run. */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Leaf {
  return new Leaf(name, shape, dtype);
}

interface ConstantAttributes extends TensorType {
  readonly data: TensorData;
}

const constantOperator: Operator<ConstantAttributes> = {
  name: 'constant',
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
  lower({ attributes: { data, shape, dtype } }, onnx) {
    const computed = onnx.dtype(dtype);
    const values = computed === dtype ? data : arrayOf(computed, Array.from(data, Number));
    return [onnx.constant(values, shape, computed)];
  },
};

/** A tensor whose values are part of the graph. */
export function constant(data: TensorData, shape: Shape, dtype: DType = dtypeOf(data)): Tensor {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(`${data.length} values given for a constant of shape ${formatShape(shape)}`);
  }
  return apply1(constantOperator, [], { data, shape, dtype });
}

/** A single number, of rank 0. */
export function scalar(value: number, dtype: DType = 'float32'): Tensor {
  return constant(arrayOf(dtype, [value]), [], dtype);
}

/** Whether the tensor's values are part of the graph. */
export const isConstant = ({ node }: Tensor): boolean => node.operator === constantOperator;

/** The value of a constant of one element; undefined for any other tensor. */
export function scalarValue(tensor: Tensor): number | undefined {
  if (!isConstant(tensor) || tensor.size !== 1) return undefined;
  return Number((tensor.node.attributes as ConstantAttributes).data[0]);
}

/** The element type of an array. A Uint8Array is taken for numbers, not for bool. */
export function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Int32Array) return 'int32';
  return data instanceof BigInt64Array ? 'int64' : 'uint8';
}

export function arrayOf(dtype: DType, values: ArrayLike<number>): TensorData {
  switch (dtype) {
    case 'float32':
      return Float32Array.from(values);
    case 'int32':
      return Int32Array.from(values);
    case 'int64':
      return BigInt64Array.from(values, BigInt);
    default:
      return Uint8Array.from(values);
  }
}
