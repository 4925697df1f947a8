/** Image degradations: noise, blur, JPEG artefacts, missing patches. Masks do not change. */
import { UsageError } from '../../errors/index.js';
import { type PairedSample, sometimes, type Transform } from '../paired-sample.js';
import { gaussianFilter } from './gaussian.js';
import { portable } from '../portable.js';

/** Adds Gaussian noise with a standard deviation drawn from the range (image values are in 0…1). */
export const noise = portable('noise', (low: number, high: number, p: number = 1): Transform => {
  checkRange('noise', low, high, 0, 1);
  return sometimes(p, (sample, random) => {
    const deviation = random.uniform(low, high);
    const { image } = sample;
    for (let i = 0; i < image.length; i++) {
      image[i] = Math.min(1, Math.max(0, image[i]! + deviation * random.normal()));
    }
    return sample;
  });
});

/** Blurs with a Gaussian whose standard deviation in pixels is drawn from the range. */
export const blur = portable('blur', (low: number, high: number, p: number = 1): Transform => {
  checkRange('blur', low, high, 0, 100);
  return sometimes(p, (sample, random) => {
    const sigma = random.uniform(low, high);
    const { width, height, image } = sample;
    const plane = width * height;
    for (let at = 0; at < image.length; at += plane) {
      image.set(gaussianFilter(image.subarray(at, at + plane), width, height, sigma), at);
    }
    return sample;
  });
});

export interface CoarseDropoutOptions {
  /** Maximum number of patches; the minimum is 1. Default 8. */
  readonly holes?: number;
  /** Maximum side of a patch as a fraction of the image's; default 0.15. */
  readonly size?: number;
  /** Image value of the patches; default 0. */
  readonly fill?: number;
  readonly p?: number;
}

/**
 * Blanks out random rectangles of the image (DeVries and Taylor, "Cutout", 2017). The mask keeps its classes, so
 * the network learns to infer them from the surroundings.
 */
export const coarseDropout = portable('coarseDropout', (options: CoarseDropoutOptions = {}): Transform => {
  const { holes = 8, size = 0.15, fill = 0, p = 1 } = options;
  if (!Number.isInteger(holes) || holes < 1 || !(size > 0 && size <= 1)) {
    throw new UsageError(
      `Coarse dropout: holes is ${holes} and size is ${size}; holes must be at least 1, size above 0 and at most 1.`,
    );
  }
  return sometimes(p, (sample, random) => {
    const { width, height, image } = sample;
    const plane = width * height;
    for (let left = 1 + random.integer(holes); left > 0; left--) {
      const holeWidth = Math.max(1, Math.round(random.uniform(size / 3, size) * width));
      const holeHeight = Math.max(1, Math.round(random.uniform(size / 3, size) * height));
      const x = random.integer(width - holeWidth + 1);
      const y = random.integer(height - holeHeight + 1);
      for (let at = 0; at < image.length; at += plane) {
        for (let row = y; row < y + holeHeight; row++) {
          image.fill(fill, at + row * width + x, at + row * width + x + holeWidth);
        }
      }
    }
    return sample;
  });
});

/** Applies JPEG compression of a quality drawn from the range (1…100); see `compressAsJpeg`. */
export const jpegArtefacts = portable(
  'jpegArtefacts',
  (low: number, high: number, p: number = 1): Transform => {
    checkRange('JPEG quality', low, high, 1, 100);
    return sometimes(p, (sample, random) =>
      compressAsJpeg(sample, low + random.integer(Math.floor(high - low) + 1)),
    );
  },
);

/** Luminance and chrominance quantisation tables of ISO/IEC 10918-1, annex K, row-major. */
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22,
  29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103,
  121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMINANCE = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/** Orthonormal DCT matrix of size 8: cos((2x + 1)uπ/16)·c(u)/2 at u·8 + x. */
const COSINES = Float64Array.from({ length: 64 }, (_, i) => {
  const [u, x] = [i >> 3, i & 7];
  return (Math.cos(((2 * x + 1) * u * Math.PI) / 16) * (u === 0 ? Math.SQRT1_2 : 1)) / 2;
});

/**
 * Simulates JPEG compression of a quality (1…100, as in libjpeg) without encoding a file: blocks of 8×8 are
 * transformed, quantised and transformed back, colours as YCbCr without subsampling (4:4:4). Rounds to integers
 * wherever JPEG does. In place. Images that do not have 1 or 3 channels are unchanged.
 */
export function compressAsJpeg(sample: PairedSample, quality: number): PairedSample {
  const { image, channels, width, height } = sample;
  if (channels !== 1 && channels !== 3) return sample;
  const plane = width * height;
  const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  const stepsOf = (table: readonly number[]): Float64Array =>
    Float64Array.from(table, (entry) => Math.min(255, Math.max(1, Math.floor((entry * scale + 50) / 100))));
  const planes = Array.from({ length: channels }, () => new Float32Array(plane));
  if (channels === 1) for (let i = 0; i < plane; i++) planes[0]![i] = Math.round(image[i]! * 255) - 128;
  else {
    for (let i = 0, j = plane, k = 2 * plane; i < plane; i++, j++, k++) {
      const [red, green, blue] = [
        Math.round(image[i]! * 255),
        Math.round(image[j]! * 255),
        Math.round(image[k]! * 255),
      ];
      planes[0]![i] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue) - 128;
      planes[1]![i] = Math.round(-0.168736 * red - 0.331264 * green + 0.5 * blue);
      planes[2]![i] = Math.round(0.5 * red - 0.418688 * green - 0.081312 * blue);
    }
  }
  planes.forEach((values, c) =>
    quantiseBlocks(values, width, height, stepsOf(c === 0 ? LUMINANCE : CHROMINANCE)),
  );
  const toUnit = (value: number): number => (value < 0 ? 0 : value > 255 ? 1 : value / 255);
  for (let i = 0, j = plane, k = 2 * plane; i < plane; i++, j++, k++) {
    const light = planes[0]![i]! + 128;
    if (channels === 1) {
      image[i] = toUnit(light);
      continue;
    }
    const [cb, cr] = [planes[1]![i]!, planes[2]![i]!];
    image[i] = toUnit(light + 1.402 * cr);
    image[j] = toUnit(light - 0.344136 * cb - 0.714136 * cr);
    image[k] = toUnit(light + 1.772 * cb);
  }
  return sample;
}

function quantiseBlocks(values: Float32Array, width: number, height: number, steps: Float64Array): void {
  const block = new Float64Array(64);
  const half = new Float64Array(64);
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      for (let i = 0; i < 64; i++) {
        // Blocks beyond the border repeat the last row and column.
        const y = Math.min(height - 1, top + (i >> 3));
        const x = Math.min(width - 1, left + (i & 7));
        block[i] = values[y * width + x]!;
      }
      transformRows(block, half, false);
      transformRows(half, block, false);
      for (let i = 0; i < 64; i++) block[i] = Math.round(block[i]! / steps[i]!) * steps[i]!;
      transformRows(block, half, true);
      transformRows(half, block, true);
      for (let y = top; y < Math.min(height, top + 8); y++) {
        for (let x = left; x < Math.min(width, left + 8); x++) {
          values[y * width + x] = Math.max(-128, Math.min(127, Math.round(block[(y - top) * 8 + x - left]!)));
        }
      }
    }
  }
}

/**
 * Applies the DCT or its inverse to each row and writes the result transposed, so two calls transform both axes.
 */
function transformRows(from: Float64Array, to: Float64Array, inverse: boolean): void {
  for (let row = 0; row < 8; row++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let x = 0; x < 8; x++) sum += from[row * 8 + x]! * COSINES[inverse ? x * 8 + u : u * 8 + x]!;
      to[u * 8 + row] = sum;
    }
  }
}

function checkRange(what: string, low: number, high: number, least: number, most: number): void {
  if (!(low >= least && high >= low && high <= most)) {
    throw new UsageError(
      `${what}: the range is ${low} to ${high}; it must be ascending and within ${least}…${most}.`,
    );
  }
}
