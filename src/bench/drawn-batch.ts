/** Random batches for benchmarks: the time of a step does not depend on the pixel values. */
import type { Batch } from '../data/index.js';
import { Random } from '../random/index.js';
import type { BatchShape } from '../training/index.js';
import type { BenchCase } from './case.js';

export const batchShape = ({ batch, size }: BenchCase): BatchShape => ({
  size: batch,
  channels: 3,
  height: size,
  width: size,
});

/** Noise images, and masks with a random class for each pixel. */
export function drawBatch({ size, channels, height, width }: BatchShape, classes: number): Batch {
  const random = new Random(0, 'bench');
  const pixels = size * height * width;
  return {
    ids: Array.from({ length: size }, (_, i) => `drawn ${i}`),
    size,
    channels,
    height,
    width,
    images: Float32Array.from({ length: pixels * channels }, () => random.float()),
    masks: Uint8Array.from({ length: pixels }, () => random.integer(classes)),
  };
}
