/** Mean and deviation of a data set's own pixels, for data that ImageNet's numbers do not fit. */
import type { Dataset } from './dataset.js';
import type { Normalization } from './normalization.js';
import { mapParallel } from './parallel.js';
import { spread } from './spread.js';

export interface DatasetNormalizationOptions {
  /** Images looked at, spread over the set; default 200. */
  readonly samples?: number;
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
}

/**
 * Mean and standard deviation by channel over all pixels of the images looked at (in 0…1), each image weighing
 * by its pixels. A channel of one value gets the deviation 1. Give the training part, not the whole.
 */
export async function datasetNormalization(
  dataset: Dataset,
  options: DatasetNormalizationOptions = {},
): Promise<Normalization> {
  const { samples = 200, concurrency = 4, signal } = options;
  const { channels, maxValue } = dataset;
  const looked = spread(dataset.length, samples);
  const sums = await mapParallel(
    looked.length,
    concurrency,
    async (k) => {
      const { data } = (await dataset.get(looked[k]!)).image;
      const sum = new Float64Array(channels);
      const squares = new Float64Array(channels);
      for (let i = 0; i < data.length;) {
        for (let c = 0; c < channels; c++, i++) {
          const value = data[i]! / maxValue;
          sum[c]! += value;
          squares[c]! += value * value;
        }
      }
      return { sum, squares, pixels: data.length / channels };
    },
    signal,
  );
  const pixels = sums.reduce((total, one) => total + one.pixels, 0);
  const average = (of: 'sum' | 'squares', c: number): number =>
    sums.reduce((total, one) => total + one[of][c]!, 0) / pixels;
  const mean = Array.from({ length: channels }, (_, c) => average('sum', c));
  const std = mean.map((value, c) => {
    const variance = average('squares', c) - value * value;
    return variance > 1e-12 ? Math.sqrt(variance) : 1;
  });
  return { kind: 'fixed', name: 'dataset', mean, std };
}
