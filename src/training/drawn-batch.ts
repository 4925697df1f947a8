/** Random batches for measuring speed: the time of a step does not depend on the pixel values. */
import type { Batch } from '../data/dataset.js';
import { Random } from '../random/index.js';
import type { BatchShape } from './step.js';

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
