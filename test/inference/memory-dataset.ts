/** A data set in memory: images with masks by brightness. */
import type { Dataset, Sample } from '../../src/data/dataset.js';
import type { Raster } from '../../src/images/raster.js';
import { testImage } from './tiny-model.js';

/** Images of the given sizes; the mask's class is the brightness of the first channel, in steps. */
export function memoryDataset(
  classes: readonly string[],
  sizes: readonly (readonly [width: number, height: number])[],
  changes: Partial<Dataset> = {},
): Dataset {
  const samples = sizes.map(([width, height], i): Sample => {
    const image = testImage(width, height);
    return { id: `sample ${i}`, image, mask: { width, height, data: maskOf(image, classes.length) } };
  });
  return {
    format: 'memory',
    length: samples.length,
    ids: samples.map(({ id }) => id),
    classes,
    channels: 3,
    maxValue: 255,
    files: (i) => ({ image: `${i}.png`, mask: `${i}-mask.png` }),
    get: async (i) => samples[i]!,
    ...changes,
  };
}

function maskOf({ width, height, channels, data }: Raster, classes: number): Uint8Array {
  return Uint8Array.from({ length: width * height }, (_, i) =>
    // A few pixels count for nothing.
    i % 97 === 0 ? 255 : Math.min(classes - 1, Math.floor((data[i * channels]! * classes) / 256)),
  );
}
