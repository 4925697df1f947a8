/** Flips and rotations by 90°, which are exact: no resampling. */
import { likeMask, type MaskPixels } from '../../images/raster.js';
import { type PairedSample, sometimes, type Transform } from '../paired-sample.js';
import { portable } from '../portable.js';

/** Flips left to right with probability `p`. */
export const horizontalFlip = portable('horizontalFlip', (p: number = 0.5): Transform => {
  return sometimes(p, mirrorColumns);
});

/** Flips top to bottom with probability `p`. */
export const verticalFlip = portable('verticalFlip', (p: number = 0.5): Transform => {
  return sometimes(p, mirrorRows);
});

/** Rotates by a random multiple of 90°, or of 180° if height and width differ, with probability `p`. */
export const quarterTurns = portable('quarterTurns', (p: number = 1): Transform => {
  return sometimes(p, (sample, random) => {
    const turns = sample.width === sample.height ? random.integer(4) : 2 * random.integer(2);
    let turned = sample;
    if (turns % 2 === 1) turned = transpose(turned);
    if (turns === 1 || turns === 2) turned = mirrorColumns(turned);
    if (turns === 3 || turns === 2) turned = mirrorRows(turned);
    return turned;
  });
});

function mirrorColumns(sample: PairedSample): PairedSample {
  const { width, height, channels, image, mask } = sample;
  for (let y = 0; y < height * channels; y++) image.subarray(y * width, (y + 1) * width).reverse();
  for (let y = 0; y < height; y++) mask.subarray(y * width, (y + 1) * width).reverse();
  return sample;
}

function mirrorRows(sample: PairedSample): PairedSample {
  const { width, height, channels, image, mask } = sample;
  for (let c = 0; c < channels; c++) swapRows(image, c * height * width, width, height);
  swapRows(mask, 0, width, height);
  return sample;
}

function swapRows(data: Float32Array | MaskPixels, at: number, width: number, height: number): void {
  for (let top = 0, bottom = height - 1; top < bottom; top++, bottom--) {
    const upper = data.slice(at + top * width, at + (top + 1) * width);
    data.copyWithin(at + top * width, at + bottom * width, at + (bottom + 1) * width);
    data.set(upper, at + bottom * width);
  }
}

function transpose(sample: PairedSample): PairedSample {
  const { width, height, channels } = sample;
  const image = new Float32Array(sample.image.length);
  const mask = likeMask(sample.mask, sample.mask.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      mask[x * height + y] = sample.mask[y * width + x]!;
      for (let c = 0; c < channels; c++) {
        const plane = c * height * width;
        image[plane + x * height + y] = sample.image[plane + y * width + x]!;
      }
    }
  }
  return { ...sample, width: height, height: width, image, mask };
}
