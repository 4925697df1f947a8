/**
 * Resamples masks bilinearly, like images, to reproduce published code that does this by mistake. Interpolation
 * gives values between the class indices, which are rounded here. Between classes 0 and 2 this creates a false
 * seam of class 1. All other code resamples masks with nearest-neighbour interpolation.
 *
 * A loss on the interpolated values themselves cannot be reproduced, since targets are classes. Ignored pixels
 * become class 0, as in code without an ignore index, and so do pixels from outside the image.
 */
import { type Fit, type Size, sizeOf, stretch } from '../fit.js';
import { UsageError } from '../../errors/index.js';
import { IGNORE_INDEX, type MaskPixels } from '../../images/raster.js';
import { resizeImage } from '../../images/resize.js';
import type { Transform } from '../paired-sample.js';
import { portable } from '../portable.js';

/** Applies a geometric transform with the mask as an additional channel of the image. */
export const maskAsImage = portable('maskAsImage', (transform: Transform): Transform => {
  return (sample, random) => {
    const { channels, image, width, height } = sample;
    const mask = classesOnly(sample.mask);
    const plane = width * height;
    const joined = new Float32Array(image.length + plane);
    joined.set(image);
    joined.set(asValues(mask), image.length);
    const moved = transform({ ...sample, channels: channels + 1, image: joined }, random);
    const colours = moved.image.length - moved.width * moved.height;
    return {
      ...moved,
      channels,
      image: moved.image.slice(0, colours),
      mask: Uint8Array.from(moved.image.subarray(colours), Math.round),
    };
  };
});

/** Like {@link stretch}, but resizes masks with the filter for images. */
export const stretchMaskAsImage = portable('stretchMaskAsImage', (size: Size): Fit => {
  const { height, width } = sizeOf(size);
  const plain = stretch(size);
  return {
    key: `${plain.key} mask as image`,
    random: false,
    apply(sample, maxValue, random) {
      const { mask } = sample;
      if (sample.objects) classesOnly(sample.objects.data);
      const raster = { width: mask.width, height: mask.height, channels: 1, data: asValues(mask.data) };
      const values = resizeImage(raster, width, height).data;
      return { ...plain.apply(sample, maxValue, random), mask: Uint8Array.from(values, Math.round) };
    },
  };
});

/** @throws UsageError for codes of objects, which cannot be interpolated. */
function classesOnly(mask: MaskPixels): Uint8Array {
  if (mask instanceof Uint8Array) return mask;
  throw new UsageError(
    'The numbers of objects cannot be interpolated: leave --mask-interpolation as-image out.',
  );
}

/** Class indices as values to interpolate; ignored pixels become 0. */
function asValues(mask: Uint8Array): Uint8Array {
  return mask.map((index) => (index === IGNORE_INDEX ? 0 : index));
}
