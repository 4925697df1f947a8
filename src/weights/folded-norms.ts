/** Detects weights whose batch norms were folded into the convolutions before they were saved. */
import type { WeightTensor } from './tensor.js';

/** Folding leaves means of 0 and variances of 1, up to the norm's epsilon. */
const TOLERANCE = 1e-3;

/**
 * Whether every running mean is 0 and every running variance 1. Such norms do nothing in evaluation. In training
 * they would normalise, by other statistics, what the folded convolutions have already normalised.
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
