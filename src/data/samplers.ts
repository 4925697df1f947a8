/** Samplers: the order and frequency of samples in an epoch. */
import { UsageError } from '../errors/index.js';
import { Random } from '../random/index.js';

/**
 * Gives the sample order of each epoch. It depends only on the epoch's number, so resuming needs no saved state.
 */
export interface Sampler {
  /** Number of samples per epoch. */
  readonly length: number;
  /** Indices in the data set. */
  order(epoch: number): Uint32Array;
}

/** 0, 1, 2 … in every epoch, for validation and test. */
export function sequential(length: number): Sampler {
  return { length, order: () => Uint32Array.from({ length }, (_, i) => i) };
}

/** Every sample once, in a new order each epoch. */
export function shuffled(length: number, seed: number): Sampler {
  return {
    length,
    order: (epoch) => new Random(seed, 'shuffle', epoch).shuffle(Uint32Array.from({ length }, (_, i) => i)),
  };
}

/**
 * Samples with replacement; sample i has the probability weights[i] / Σ weights.
 * @param draws number of samples per epoch; default the number of weights.
 */
export function weighted(weights: ArrayLike<number>, seed: number, draws: number = weights.length): Sampler {
  const cumulative = new Float64Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    if (!(weight >= 0) || weight === Infinity) {
      throw new UsageError(`Weight ${i} is ${weight}; weights must be finite and at least 0.`);
    }
    sum += weight;
    cumulative[i] = sum;
  }
  if (sum === 0) throw new UsageError('All sample weights are 0; at least one must be above 0.');
  return {
    length: draws,
    order: (epoch) => {
      const random = new Random(seed, 'weighted', epoch);
      return Uint32Array.from({ length: draws }, () => {
        const target = random.float() * sum;
        let low = 0;
        let high = cumulative.length - 1;
        while (low < high) {
          const middle = (low + high) >> 1;
          if (cumulative[middle]! > target) high = middle;
          else low = middle + 1;
        }
        return low;
      });
    },
  };
}
