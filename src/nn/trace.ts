/**
 * What `forward` does besides arithmetic: the layers it calls, the buffers it updates, the random masks it asks
 * for, the other logits that it wants trained. A trace records this while {@link traceModel} runs.
 */
import type { Tensor } from '../graph/index.js';
import { Leaf, withScope } from '../graph/index.js';
import type { Buffer } from './parameter.js';
import type { Module } from './module.js';

/** One call of a layer. */
export interface LayerCall {
  /** Path in the model: `down.0.conv1`, or '' for the model itself. */
  readonly path: string;
  readonly module: Module;
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
}

/** A mask that the host draws for each run. */
export interface RandomMask {
  readonly leaf: Leaf;
  /** Probability of 1. */
  readonly keep: number;
}

/** Logits besides the model's output that the loss is computed for in training, too. */
export interface AuxiliaryLogits {
  /** The shape of the output. */
  readonly logits: Tensor;
  /** Weight of their loss; that of the output's loss is 1. */
  readonly weight: number;
}

export interface Trace {
  readonly output: Tensor;
  /** In the order in which they ended: a layer comes after the layers inside it. */
  readonly calls: readonly LayerCall[];
  /** New values of buffers, to store after the run. */
  readonly updates: ReadonlyMap<Buffer, Tensor>;
  readonly masks: readonly RandomMask[];
  readonly auxiliary: readonly AuxiliaryLogits[];
}

interface OpenTrace {
  readonly paths: ReadonlyMap<Module, string>;
  readonly calls: LayerCall[];
  readonly updates: Map<Buffer, Tensor>;
  readonly masks: RandomMask[];
  readonly auxiliary: AuxiliaryLogits[];
}

let open: OpenTrace | undefined;

/** Runs the model's `forward` on symbolic inputs and records what it does. */
export function traceModel(
  model: Module & { forward(...inputs: Tensor[]): Tensor },
  ...inputs: Tensor[]
): Trace {
  const outer = open;
  const paths = new Map<Module, string>();
  for (const [path, module] of model.namedModules()) if (!paths.has(module)) paths.set(module, path);
  const trace: OpenTrace = { paths, calls: [], updates: new Map(), masks: [], auxiliary: [] };
  open = trace;
  try {
    return { ...trace, output: model.forward(...inputs) };
  } finally {
    open = outer;
  }
}

/** Calls a layer's `forward` in the scope of the layer's name. */
export function enterLayer(
  module: Module,
  forward: (...inputs: Tensor[]) => Tensor,
  inputs: Tensor[],
): Tensor {
  const path = open?.paths.get(module);
  if (open === undefined || path === undefined) return forward.apply(module, inputs);
  const output = withScope(path, () => forward.apply(module, inputs));
  open.calls.push({ path, module, inputs, output });
  return output;
}

/** Sets the value that `buffer` has after this run. Without a trace it does nothing. */
export function updateBuffer(buffer: Buffer, value: Tensor): void {
  open?.updates.set(buffer, value);
}

/**
 * Asks for the loss of other logits, of the shape of the model's output, to be added to that of the output (deep
 * supervision). Without a trace it does nothing.
 *
 * @param weight of their loss, above 0; that of the output's loss is 1
 */
export function superviseAlso(logits: Tensor, weight: number): void {
  open?.auxiliary.push({ logits, weight });
}

/** A bool tensor that is 1 with probability `keep`. The host draws it for each run. */
export function randomMask(shape: readonly number[], keep: number): Tensor {
  if (!open) throw new Error('a random mask can only be made while a model is traced (see traceModel)');
  const leaf = new Leaf(`mask_${open.masks.length}`, shape, 'bool');
  open.masks.push({ leaf, keep });
  return leaf;
}
