/** Tells from samples whether images have an up and a down, so that mirroring them upside down would teach nonsense. */
import type { Sample } from '../data/index.js';

/** Number of horizontal bands that an image is described by; even, so that each has a counterpart. */
const BANDS = 8;

/** Samples that the test needs: of fewer, or of slices of one volume, chance decides. */
const FEWEST = 48;

/** The largest probability that images without an up and a down pass as oriented. */
const SIGNIFICANCE = 0.05;

/**
 * Whether images have an up and a down: whether a simple classifier tells an image from its mirror image upside
 * down more often than chance would. An image is described by brightness, texture and class shares in eight horizontal
 * bands. The classifier projects on the mean difference between upper and lower bands of the other images.
 *
 * @param differences from {@link bandDifferences}, of each image.
 * @returns undefined for fewer than 48 images.
 */
export function isOriented(differences: readonly Float64Array[]): boolean | undefined {
  const count = differences.length;
  if (count < FEWEST) return undefined;
  const sums = sumOf(differences, (value) => value);
  const squares = sumOf(differences, (value) => value ** 2);
  const hits = differences.filter((own) => {
    let projection = 0;
    own.forEach((value, i) => {
      const mean = (sums[i]! - value) / (count - 1);
      const variance = (squares[i]! - value ** 2) / (count - 1);
      if (variance > 0) projection += (value * mean) / variance;
    });
    return projection > 0;
  }).length;
  return chanceOfAtLeast(hits, count) < SIGNIFICANCE;
}

/** Differences between the upper bands of a sample and their counterparts below, for {@link isOriented}. */
export function bandDifferences({ image, mask }: Sample, classes: number): Float64Array {
  const light = new Float64Array(BANDS);
  const texture = new Float64Array(BANDS);
  const shares = Array.from({ length: classes }, () => new Float64Array(BANDS));
  const { data, width, height, channels } = image;
  const bandOf = (y: number, rows: number) => Math.min(BANDS - 1, Math.floor((y * BANDS) / rows));
  for (let y = 0; y < height; y++) {
    const band = bandOf(y, height);
    let before = data[y * width * channels]!;
    for (let x = 0; x < width; x++) {
      const value = data[(y * width + x) * channels]!;
      light[band]! += value;
      texture[band]! += Math.abs(value - before);
      before = value;
    }
  }
  for (let y = 0; y < mask.height; y++) {
    const band = bandOf(y, mask.height);
    for (let x = 0; x < mask.width; x++) {
      const plane = shares[mask.data[y * mask.width + x]!];
      if (plane) plane[band]!++;
    }
  }
  return Float64Array.from([light, texture, ...shares].flatMap(upperMinusLower));
}

/** Relative to the sum over all bands, so that dark and bright images count alike. */
function upperMinusLower(bands: Float64Array): number[] {
  const total = bands.reduce((sum, each) => sum + each, 0);
  return Array.from({ length: BANDS / 2 }, (_, i) =>
    total > 0 ? (bands[i]! - bands[BANDS - 1 - i]!) / total : 0,
  );
}

function sumOf(rows: readonly Float64Array[], of: (value: number) => number): Float64Array {
  const sum = new Float64Array(rows[0]!.length);
  for (const row of rows) row.forEach((value, i) => (sum[i]! += of(value)));
  return sum;
}

/** The probability of `hits` or more heads in `count` tosses of a coin. */
function chanceOfAtLeast(hits: number, count: number): number {
  let probability = 0.5 ** count;
  let sum = 0;
  for (let k = 0; k <= count; k++) {
    if (k >= hits) sum += probability;
    probability *= (count - k) / (k + 1);
  }
  return sum;
}
