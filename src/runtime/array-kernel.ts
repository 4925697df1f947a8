/**
 * Rules over arrays on the host. A rule's graph becomes one WebAssembly loop that computes in double precision,
 * two elements at a time, and rounds to float32 when it stores. Arrays pass through the module's memory in
 * blocks that fit the cache.
 *
 * Why WebAssembly: an interpreter with a loop for each operation took 3.5 times as long as a hand-written loop
 * over Adam's arrays, since JavaScript has no vector instructions. Pages whose security policy forbids generated
 * JavaScript allow WebAssembly, because ONNX Runtime needs it too (`wasm-unsafe-eval`).
 */
import type { Leaf, Node, Tensor } from '../graph/index.js';
import { input, nodesBehind, scalarValue } from '../graph/index.js';
import type { ArrayRule } from './array-rule.js';
import type { WasmFunction } from './wasm-writer.js';
import {
  F64,
  I32,
  i32,
  localGet,
  localSet,
  loopWhile,
  mask,
  memory,
  OP,
  simd,
  SIMD,
  V128,
  wasmModule,
} from './wasm-writer.js';

/** Elements of a block. Even. */
const BLOCK = 4096;

/** What an operator does to numbers, and to vectors: instructions that follow its operands on the stack. */
interface HostOperator {
  readonly scalar: (...values: number[]) => number;
  readonly vector: readonly number[];
}

const truth = (value: boolean) => Number(value);

/** The operators that a rule may use, by their names in the graph. A comparison gives 1 or 0. */
const OPERATORS: Readonly<Record<string, HostOperator>> = {
  add: { scalar: (a, b) => a! + b!, vector: simd(SIMD.add) },
  sub: { scalar: (a, b) => a! - b!, vector: simd(SIMD.sub) },
  mul: { scalar: (a, b) => a! * b!, vector: simd(SIMD.mul) },
  div: { scalar: (a, b) => a! / b!, vector: simd(SIMD.div) },
  maximum: { scalar: Math.max, vector: simd(SIMD.maximum) },
  minimum: { scalar: Math.min, vector: simd(SIMD.minimum) },
  sqrt: { scalar: Math.sqrt, vector: simd(SIMD.sqrt) },
  abs: { scalar: Math.abs, vector: simd(SIMD.abs) },
  neg: { scalar: (a) => -a!, vector: simd(SIMD.neg) },
  greater: { scalar: (a, b) => truth(a! > b!), vector: simd(SIMD.greater) },
  greaterEqual: { scalar: (a, b) => truth(a! >= b!), vector: simd(SIMD.greaterEqual) },
  less: { scalar: (a, b) => truth(a! < b!), vector: simd(SIMD.less) },
  lessEqual: { scalar: (a, b) => truth(a! <= b!), vector: simd(SIMD.lessEqual) },
  equal: { scalar: (a, b) => truth(a! === b!), vector: simd(SIMD.equal) },
  and: { scalar: (a, b) => truth(a! > 0 && b! > 0), vector: simd(SIMD.and) },
  or: { scalar: (a, b) => truth(a! > 0 || b! > 0), vector: simd(SIMD.or) },
};

/** A scalar of a plan: a number of the rule, a constant, a sum over an array, or computed from other scalars. */
type PlannedScalar =
  | { readonly number: string }
  | { readonly constant: number }
  | { readonly sum: true }
  | { readonly operator: string; readonly inputs: readonly number[] };

/** One sweep over the arrays. */
interface Pass {
  /** Scalars that the loop reads, by their places in the plan. */
  readonly reads: readonly number[];
  /** Scalars that the loop sums up. */
  readonly sums: readonly number[];
}

/** A compiled rule: plain data and a module, which other threads can be sent. */
export interface KernelPlan {
  readonly arrays: readonly string[];
  /** Which arrays the last pass writes, by their places in `arrays`. */
  readonly writes: readonly number[];
  readonly scalars: readonly PlannedScalar[];
  /** One, and one more for every sum that rests on another sum. */
  readonly passes: readonly Pass[];
  readonly module: WebAssembly.Module;
}

const isScalar = (tensor: Tensor) => tensor.size === 1;

/** Compiles a rule. @throws Error where the rule uses an operator that the host does not have. */
export function compileRule(rule: ArrayRule): KernelPlan {
  const arrays = rule.arrays.map((name) => input(name, [BLOCK]));
  const numbers = Object.keys(rule.numbers).map((name) => input(name, []));
  const named = (leaves: readonly Leaf[]) => Object.fromEntries(leaves.map((leaf) => [leaf.name, leaf]));
  const results = Object.entries(rule.update(named(arrays), named(numbers))).flatMap(([name, tensor]) =>
    tensor ? [[rule.arrays.indexOf(name), tensor] as const] : [],
  );
  const nodes = nodesBehind(results.map(([, tensor]) => tensor));
  const outputOf = ({ outputs }: Node) => outputs[0]!;

  // A sum is known after the pass that makes it: whatever rests on it belongs to a later pass.
  const level = new Map<Tensor, number>();
  for (const node of nodes) {
    const before = Math.max(0, ...node.inputs.map((tensor) => level.get(tensor)!));
    level.set(outputOf(node), before + (node.operator.name === 'sum' ? 1 : 0));
  }

  const places = new Map<Tensor, number>();
  const scalars: PlannedScalar[] = [];
  for (const tensor of nodes.map(outputOf).filter(isScalar)) {
    places.set(tensor, scalars.length);
    scalars.push(scalarOf(rule, tensor, places));
  }

  const last = Math.max(0, ...results.map(([, tensor]) => level.get(tensor)!));
  const passes: Pass[] = [];
  const functions: WasmFunction[] = [];
  for (let pass = 0; pass <= last; pass++) {
    const sums = nodes.filter(
      (node) => node.operator.name === 'sum' && level.get(outputOf(node)) === pass + 1,
    );
    const stores = pass === last ? results : [];
    const wanted = [...sums.map(({ inputs }) => inputs[0]!), ...stores.map(([, tensor]) => tensor)];
    const swept = nodesBehind(wanted, ({ inputs }) => inputs.filter((tensor) => !isScalar(tensor)));
    const used = new Set(
      swept
        .flatMap(({ inputs }) => inputs)
        .concat(wanted)
        .filter(isScalar),
    );
    const reads = [...used];
    functions.push(
      passFunction(
        rule,
        arrays,
        swept,
        reads,
        sums.map(({ inputs }) => inputs[0]!),
        stores,
      ),
    );
    passes.push({
      reads: reads.map((tensor) => places.get(tensor)!),
      sums: sums.map((node) => places.get(outputOf(node))!),
    });
  }
  const bytes = sumsAt(arrays.length) + 16 * scalars.length;
  const module = new WebAssembly.Module(wasmModule(functions, Math.ceil(bytes / 65536)));
  return { arrays: rule.arrays, writes: results.map(([place]) => place), scalars, passes, module };
}

function scalarOf(rule: ArrayRule, tensor: Tensor, places: ReadonlyMap<Tensor, number>): PlannedScalar {
  const { operator, inputs, attributes } = tensor.node;
  const value = scalarValue(tensor);
  if (value !== undefined) return { constant: value };
  if (operator.name === 'input') return { number: (attributes as { readonly name: string }).name };
  if (operator.name === 'sum' && !isScalar(inputs[0]!)) return { sum: true };
  if (operator.name !== 'where') hostOperator(rule, operator.name);
  return { operator: operator.name, inputs: inputs.map((operand) => places.get(operand)!) };
}

function hostOperator(rule: ArrayRule, name: string): HostOperator {
  const operator = OPERATORS[name];
  if (operator) return operator;
  const known = [...Object.keys(OPERATORS), 'sign', 'where', 'sum'].sort().join(', ');
  throw new Error(`the rule "${rule.kind}" uses the operator ${name}; on the host rules may use ${known}`);
}

const arrayAt = (place: number) => place * BLOCK * 4;
const sumsAt = arrayAt;

/**
 * One sweep over a block: parameters are the number of elements, then the scalars in `reads`. Sums are added to
 * what stands behind the arrays in memory, even and odd elements apart.
 */
function passFunction(
  rule: ArrayRule,
  arrays: readonly Tensor[],
  nodes: readonly Node[],
  reads: readonly Tensor[],
  sums: readonly Tensor[],
  stores: readonly (readonly [place: number, tensor: Tensor])[],
): WasmFunction {
  const parameters = [I32, ...reads.map(() => F64)];
  const locals: number[] = [];
  const local = (type: number) => parameters.length + locals.push(type) - 1;
  const [length, address] = [0, local(I32)];
  const vectors = new Map<Tensor, number>();
  const before = reads.flatMap((tensor, i) => {
    vectors.set(tensor, local(V128));
    // A condition is 1 or 0 as a scalar, and a mask of bits as a vector.
    const toMask = tensor.dtype === 'bool' ? [...mask(false, false), ...simd(SIMD.greater)] : [];
    return [...localGet(1 + i), ...simd(SIMD.splat), ...toMask, ...localSet(vectors.get(tensor)!)];
  });
  const totals = sums.map((tensor, i) => ({
    tensor,
    total: local(V128),
    at: sumsAt(arrays.length) + 16 * i,
  }));
  const get = (tensor: Tensor) => localGet(vectors.get(tensor)!);

  const body = nodes.flatMap((node) => {
    const tensor = node.outputs[0]!;
    if (isScalar(tensor)) return [];
    vectors.set(tensor, local(V128));
    const place = arrays.indexOf(tensor);
    const code =
      place >= 0
        ? [...localGet(address), ...memory(SIMD.load64Zero, arrayAt(place)), ...simd(SIMD.promote)]
        : vectorCode(rule, node, get);
    return [...code, ...localSet(vectors.get(tensor)!)];
  });
  const added = totals.flatMap(({ tensor, total }) => [
    ...localGet(total),
    ...get(tensor),
    // The last pair of an odd number of elements is one element: the other is kept out of the sum.
    ...mask(true, true),
    ...mask(true, false),
    ...[...localGet(address), ...i32(4), OP.i32Add, ...localGet(length), OP.i32LessUnsigned],
    OP.select,
    ...simd(SIMD.and),
    ...simd(SIMD.add),
    ...localSet(total),
  ]);
  const stored = stores.flatMap(([place, tensor]) => [
    ...localGet(address),
    ...get(tensor),
    ...simd(SIMD.demote),
    ...memory(SIMD.store64Lane, arrayAt(place), 0),
  ]);
  const loop = loopWhile([
    ...[...body, ...added, ...stored],
    ...[...localGet(address), ...i32(8), OP.i32Add, ...localSet(address)],
    ...[...localGet(address), ...localGet(length), OP.i32LessUnsigned],
  ]);
  const after = totals.flatMap(({ total, at }) => [...i32(0), ...localGet(total), ...memory(SIMD.store, at)]);
  return { parameters, locals, body: [...before, ...loop, ...after] };
}

/** The operands and the operator of a node that has an element for each of the arrays'. */
function vectorCode(
  rule: ArrayRule,
  { operator, inputs }: Node,
  get: (tensor: Tensor) => number[],
): number[] {
  const [a, b, c] = inputs;
  switch (operator.name) {
    case 'where':
      return [...get(b!), ...get(c!), ...get(a!), ...simd(SIMD.bitselect)];
    case 'sign': {
      const one = [0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, ...simd(SIMD.splat)];
      const zero = mask(false, false);
      const counts = (code: number) => [...get(a!), ...zero, ...simd(code), ...one, ...simd(SIMD.and)];
      return [...counts(SIMD.greater), ...counts(SIMD.less), ...simd(SIMD.sub)];
    }
    default:
      return [...inputs.flatMap(get), ...hostOperator(rule, operator.name).vector];
  }
}

/** A plan with memory to run in. */
export class ArrayKernel {
  private readonly blocks: readonly Float32Array[];
  private readonly totals: Float64Array;
  private readonly run: readonly ((bytes: number, ...scalars: number[]) => void)[];

  constructor(readonly plan: KernelPlan) {
    const { exports } = new WebAssembly.Instance(plan.module);
    const { buffer } = exports.memory as WebAssembly.Memory;
    this.blocks = plan.arrays.map((_, i) => new Float32Array(buffer, arrayAt(i), BLOCK));
    this.totals = new Float64Array(buffer, sumsAt(plan.arrays.length), 2 * plan.scalars.length);
    this.run = plan.passes.map((_, i) => exports[i] as (bytes: number, ...scalars: number[]) => void);
  }

  /**
   * Updates arrays of equal length in place.
   *
   * @param arrays in the order of the plan.
   */
  update(numbers: Readonly<Record<string, number>>, arrays: readonly Float32Array[]): void {
    const { passes, writes } = this.plan;
    const length = arrays[0]!.length;
    const sums = new Map<number, number>();
    passes.forEach((pass, index) => {
      const scalars = this.scalars(numbers, sums);
      const read = pass.reads.map((place) => scalars[place]!);
      pass.sums.forEach((place) => sums.set(place, 0));
      for (let start = 0; start < length; start += BLOCK) {
        const end = Math.min(start + BLOCK, length);
        arrays.forEach((array, i) => this.blocks[i]!.set(array.subarray(start, end)));
        this.run[index]!((end - start) * 4, ...read);
        pass.sums.forEach((place, i) => {
          sums.set(place, sums.get(place)! + (this.totals[2 * i]! + this.totals[2 * i + 1]!));
        });
        if (index < passes.length - 1) continue;
        for (const i of writes) arrays[i]!.set(this.blocks[i]!.subarray(0, end - start), start);
      }
    });
  }

  /** The plan's scalars as far as they are known: those that rest on later sums are not numbers. */
  private scalars(numbers: Readonly<Record<string, number>>, sums: ReadonlyMap<number, number>): number[] {
    const values: number[] = [];
    this.plan.scalars.forEach((scalar, place) => {
      if ('number' in scalar) values.push(numbers[scalar.number]!);
      else if ('constant' in scalar) values.push(scalar.constant);
      else if ('sum' in scalar) values.push(sums.get(place) ?? NaN);
      else {
        const operands = scalar.inputs.map((input) => values[input]!);
        const [condition, yes, no] = operands as [number, number, number];
        if (scalar.operator === 'where') values.push(condition > 0 ? yes : no);
        else values.push(OPERATORS[scalar.operator]!.scalar(...operands));
      }
    });
    return values;
  }
}
