/** Tells weights whose batch norms were folded into the convolutions before they were saved. */
import type { WeightTensor } from './tensor.js';

/** Folding leaves means of 0 and variances of 1, give or take the norm's epsilon. */
const TOLERANCE = 1e-3;

/**
 * Whether every running mean is 0 and every running variance 1: the norms then do nothing in evaluation. In
 * training they would normalise what the folded convolutions have normalised already, by other numbers.
 */
export function hasFoldedNorms(tensors: readonly WeightTensor[]): boolean {
  const statistics = tensors.flatMap(({ name, data }) => {
    const rest = name.endsWith('running_mean') ? 0 : name.endsWith('running_var') ? 1 : undefined;
    return rest === undefined ? [] : [{ data, rest }];
  });
  return (
    statistics.length > 0 &&
    statistics.every(({ data, rest }) => data.every((value) => Math.abs(value - rest) <= TOLERANCE))
  );
}
