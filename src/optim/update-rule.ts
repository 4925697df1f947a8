/** What one step of an optimizer does, for whoever runs it elsewhere. */
import type { ArrayRule } from '../runtime/index.js';
import type { ParameterSlice } from './optimizer.js';

/** One group's part of a step. The rule's arrays are `weight`, `gradient` and moments. */
export interface GroupUpdate {
  readonly parameters: readonly ParameterSlice[];
  readonly rule: ArrayRule;
}

/** The arrays of a rule that are moments. */
export const momentsOf = ({ arrays }: ArrayRule): readonly string[] =>
  arrays.filter((name) => name !== 'weight' && name !== 'gradient');

/** A moment of one parameter, in place. */
export interface MomentSlice {
  readonly moment: string;
  readonly parameter: string;
  readonly values: Float32Array;
}
