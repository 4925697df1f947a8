/**
 * The first step of every pipeline: resizes or crops a decoded sample of any size to the training size. Resizing is
 * defined in images/resize.ts.
 */
import { ShapeError, UsageError } from '../errors/index.js';
import { type Box, resizeImage, resizeMask } from '../images/resize.js';
import { IGNORE_INDEX, likeMask } from '../images/raster.js';
import type { Random } from '../random/index.js';
import type { Sample } from './dataset.js';
import type { PairedSample } from './paired-sample.js';
import { portable } from './portable.js';

/** Resizes or crops a sample to a size. */
export interface Fit {
  /** Describes the operation and size; part of the key of cached results. */
  readonly key: string;
  /** Whether it is random. Results of a random fit are not cached. */
  readonly random: boolean;
  /** Values are divided by `maxValue`, so the result is in 0…1. */
  apply(sample: Sample, maxValue: number, random: Random): PairedSample;
}

/** Height and width in pixels, or one number for both. */
export type Size = number | { readonly height: number; readonly width: number };

export function sizeOf(size: Size): { height: number; width: number } {
  const { height, width } = typeof size === 'number' ? { height: size, width: size } : size;
  for (const side of [height, width]) {
    if (!Number.isInteger(side) || side < 1)
      throw new UsageError(`A size of ${side}; sizes are whole numbers from 1.`);
  }
  return { height, width };
}

/** Resizes to the size, ignoring the aspect ratio of the source. */
export const stretch = portable('stretch', (size: Size): Fit => {
  const { height, width } = sizeOf(size);
  return {
    key: `stretch ${height}x${width}`,
    random: false,
    apply: (sample, maxValue) => resizeBox(sample, maxValue, wholeOf(sample), height, width),
  };
});

/** Resizes without distortion until the image fits inside, centred; the rest is 0 and ignored in the mask. */
export const letterbox = portable('letterbox', (size: Size): Fit => {
  const { height, width } = sizeOf(size);
  return {
    key: `letterbox ${height}x${width}`,
    random: false,
    apply: (sample, maxValue) => {
      const scale = Math.min(height / sample.image.height, width / sample.image.width);
      const innerHeight = Math.max(1, Math.min(height, Math.round(sample.image.height * scale)));
      const innerWidth = Math.max(1, Math.min(width, Math.round(sample.image.width * scale)));
      const inner = resizeBox(sample, maxValue, wholeOf(sample), innerHeight, innerWidth);
      return placed(inner, (height - innerHeight) >> 1, (width - innerWidth) >> 1, height, width);
    },
  };
});

/** Resizes without distortion until the image covers the size, then crops the centre. */
export const shortestSide = portable('shortestSide', (size: Size): Fit => {
  const { height, width } = sizeOf(size);
  return {
    key: `shortest-side ${height}x${width}`,
    random: false,
    apply: (sample, maxValue) => {
      const box = covering(sample, height / width);
      return resizeBox(sample, maxValue, box, height, width);
    },
  };
});

export interface RandomResizedCropOptions {
  /** Fraction of the source area that is kept; default 0.08…1. */
  readonly scale?: readonly [low: number, high: number];
  /** Width ÷ height of the crop; default 3/4…4/3. */
  readonly ratio?: readonly [low: number, high: number];
}

/** Crops a region of random area, aspect ratio and position and resizes it (Szegedy et al. 2015, as in torchvision). */
export const randomResizedCrop = portable(
  'randomResizedCrop',
  (size: Size, options: RandomResizedCropOptions = {}): Fit => {
    const { height, width } = sizeOf(size);
    const [lowScale, highScale] = options.scale ?? [0.08, 1];
    const [lowRatio, highRatio] = options.ratio ?? [3 / 4, 4 / 3];
    return {
      key: `random-resized-crop ${height}x${width} ${lowScale}-${highScale} ${lowRatio}-${highRatio}`,
      random: true,
      apply: (sample, maxValue, random) => {
        const { width: fullWidth, height: fullHeight } = sample.image;
        for (let attempt = 0; attempt < 10; attempt++) {
          const area = fullWidth * fullHeight * random.uniform(lowScale, highScale);
          const ratio = Math.exp(random.uniform(Math.log(lowRatio), Math.log(highRatio)));
          const cropWidth = Math.round(Math.sqrt(area * ratio));
          const cropHeight = Math.round(Math.sqrt(area / ratio));
          if (cropWidth < 1 || cropHeight < 1 || cropWidth > fullWidth || cropHeight > fullHeight) continue;
          const box = {
            x: random.integer(fullWidth - cropWidth + 1),
            y: random.integer(fullHeight - cropHeight + 1),
            width: cropWidth,
            height: cropHeight,
          };
          return resizeBox(sample, maxValue, box, height, width);
        }
        return resizeBox(sample, maxValue, covering(sample, height / width), height, width);
      },
    };
  },
);

export interface CropOptions {
  /** Fraction of the crops that must contain a foreground class; default 0. nnU-Net uses 1/3. */
  readonly foreground?: number;
}

/**
 * Crops a window at source resolution, padded if the source is smaller (0, ignored in the mask). With `foreground`,
 * that fraction of the crops is centred on a random pixel of a random class in the sample, other than class 0, so that
 * rare classes are seen (Isensee et al., nnU-Net, 2021).
 */
export const randomCrop = portable('randomCrop', (size: Size, options: CropOptions = {}): Fit => {
  const { height, width } = sizeOf(size);
  const share = options.foreground ?? 0;
  if (!(share >= 0 && share <= 1)) throw new UsageError(`A foreground share of ${share}; it must be in 0…1.`);
  return {
    key: `random-crop ${height}x${width} ${share}`,
    random: true,
    apply: (sample, maxValue, random) => {
      const centre = random.chance(share) ? foregroundPixel(sample, random) : undefined;
      const [x, cropWidth] = windowAt(sample.image.width, width, centre?.x, random);
      const [y, cropHeight] = windowAt(sample.image.height, height, centre?.y, random);
      const box = { x, y, width: cropWidth, height: cropHeight };
      const cut = resizeBox(sample, maxValue, box, cropHeight, cropWidth);
      if (cropWidth === width && cropHeight === height) return cut;
      return placed(cut, (height - cropHeight) >> 1, (width - cropWidth) >> 1, height, width);
    },
  };
});

/** Keeps the source size, padded at the right and the bottom to a multiple (0, ignored in the mask). */
export const sourceSize = portable('sourceSize', (multiple: number = 1): Fit => {
  return {
    key: `source-size ${multiple}`,
    random: false,
    apply: (sample, maxValue) => {
      const { width, height } = sample.image;
      const whole = resizeBox(sample, maxValue, wholeOf(sample), height, width);
      const toHeight = Math.ceil(height / multiple) * multiple;
      const toWidth = Math.ceil(width / multiple) * multiple;
      return toHeight === height && toWidth === width ? whole : placed(whole, 0, 0, toHeight, toWidth);
    },
  };
});

function wholeOf({ image }: Sample): Box {
  return { x: 0, y: 0, width: image.width, height: image.height };
}

/** The largest centred box with the given height ÷ width. */
function covering({ image }: Sample, heightOverWidth: number): Box {
  const width = Math.max(1, Math.min(image.width, Math.round(image.height / heightOverWidth)));
  const height = Math.max(1, Math.min(image.height, Math.round(image.width * heightOverWidth)));
  return { x: (image.width - width) >> 1, y: (image.height - height) >> 1, width, height };
}

function resizeBox(sample: Sample, maxValue: number, box: Box, height: number, width: number): PairedSample {
  const { channels, data } = resizeImage(sample.image, width, height, 1 / maxValue, box);
  const mask = sample.objects
    ? resizeMask(sample.objects, width, height, box)
    : resizeMask(sample.mask, width, height, box);
  return { id: sample.id, width, height, channels, image: data, mask: mask.data };
}

/** A sample on a larger canvas: 0 and ignored around it. */
export function placed(
  sample: PairedSample,
  top: number,
  left: number,
  height: number,
  width: number,
): PairedSample {
  const { channels } = sample;
  if (top < 0 || left < 0 || top + sample.height > height || left + sample.width > width) {
    throw new ShapeError(
      `${sample.width}×${sample.height} at ${left},${top} does not fit into ${width}×${height}.`,
    );
  }
  const image = new Float32Array(channels * height * width);
  const mask = likeMask(sample.mask, height * width).fill(IGNORE_INDEX);
  for (let y = 0; y < sample.height; y++) {
    const from = y * sample.width;
    const to = (top + y) * width + left;
    mask.set(sample.mask.subarray(from, from + sample.width), to);
    for (let c = 0; c < channels; c++) {
      const plane = c * sample.height * sample.width + from;
      image.set(sample.image.subarray(plane, plane + sample.width), c * height * width + to);
    }
  }
  return { id: sample.id, width, height, channels, image, mask };
}

/** A random pixel of a random foreground class in the sample; undefined if there is none. */
function foregroundPixel({ mask }: Sample, random: Random): { x: number; y: number } | undefined {
  const counts = new Uint32Array(256);
  for (let i = 0; i < mask.data.length; i++) counts[mask.data[i]!]!++;
  const classes: number[] = [];
  for (let value = 1; value < IGNORE_INDEX; value++) if (counts[value]! > 0) classes.push(value);
  if (classes.length === 0) return undefined;
  const chosen = classes[random.integer(classes.length)]!;
  let left = random.integer(counts[chosen]!);
  for (let i = 0; i < mask.data.length; i++) {
    if (mask.data[i] === chosen && left-- === 0) return { x: i % mask.width, y: Math.floor(i / mask.width) };
  }
  return undefined;
}

/** Start and length of a window on one axis within the source, around `centre` if given. */
function windowAt(
  source: number,
  wanted: number,
  centre: number | undefined,
  random: Random,
): [start: number, length: number] {
  if (source <= wanted) return [0, source];
  if (centre === undefined) return [random.integer(source - wanted + 1), wanted];
  return [Math.max(0, Math.min(source - wanted, centre - (wanted >> 1))), wanted];
}
