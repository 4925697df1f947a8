/**
 * Masks resampled like images, bilinearly: what published code does by mistake. A mask that is blended has
 * values between those of its classes; rounded, as here, two classes meet where the blend is one half, while
 * between classes 0 and 2 a seam of class 1 appears that nobody drew. Only for repeating such work: everything
 * else resamples masks nearest.
 *
 * What cannot be repeated: a loss against the blended values themselves, since a target is a class. Ignored
 * pixels become class 0, as in code that knows none; so do those that a transform brings in from outside.
 */
import { type Fit, type Size, sizeOf, stretch } from '../fit.js';
import { IGNORE_INDEX } from '../../images/raster.js';
import { resizeImage } from '../../images/resize.js';
import type { Transform } from '../paired-sample.js';
import { portable } from '../portable.js';

/** Applies a geometric transform with the mask as one more channel of the image. */
export const maskAsImage = portable('maskAsImage', (transform: Transform): Transform => {
  return (sample, random) => {
    const { channels, image, mask, width, height } = sample;
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

/** {@link stretch} whose masks are resized by the images' filter. */
export const stretchMaskAsImage = portable('stretchMaskAsImage', (size: Size): Fit => {
  const { height, width } = sizeOf(size);
  const plain = stretch(size);
  return {
    key: `${plain.key} mask as image`,
    random: false,
    apply(sample, maxValue, random) {
      const { mask } = sample;
      const raster = { width: mask.width, height: mask.height, channels: 1, data: asValues(mask.data) };
      const values = resizeImage(raster, width, height).data;
      return { ...plain.apply(sample, maxValue, random), mask: Uint8Array.from(values, Math.round) };
    },
  };
});

/** Classes as values to blend. */
function asValues(mask: Uint8Array): Uint8Array {
  return mask.map((index) => (index === IGNORE_INDEX ? 0 : index));
}
