/**
 * An optimizer's arithmetic as a graph, for devices on which weights, gradients and moments stay. It is computed
 * in single precision there, where `step` has double: the same step up to float32's rounding.
 */
import type { Tensor } from '../graph/index.js';
import type { ParameterSlice } from './optimizer.js';

export type NamedTensors = Readonly<Record<string, Tensor>>;

/** What a group does to each of its parameters in one step. */
export interface UpdateRule {
  /** Tells apart rules whose graphs differ; rules that differ in their numbers alone share one. */
  readonly kind: string;
  /** The numbers of this step, fed as scalars. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Names of the moments. */
  readonly moments: readonly string[];
  /** The new weight and moments of a parameter; all tensors have its shape, those of `numbers` have none. */
  update(weight: Tensor, gradient: Tensor, moments: NamedTensors, numbers: NamedTensors): UpdatedParameter;
}

export interface UpdatedParameter {
  readonly weight: Tensor;
  readonly moments: NamedTensors;
}

/** One group's part of a step that is computed elsewhere. */
export interface GroupUpdate {
  readonly parameters: readonly ParameterSlice[];
  readonly rule: UpdateRule;
}

/** A moment of one parameter, in place. */
export interface MomentSlice {
  readonly moment: string;
  readonly parameter: string;
  readonly values: Float32Array;
}
