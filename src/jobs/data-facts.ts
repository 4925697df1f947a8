/** Finds the facts about a data set from which settings are chosen. */
import { meanIouAfterShrinking, numberedObjectWidth, objectWidth } from '../data/mask-scale.js';
import { mapParallel } from '../data/parallel.js';
import { spread } from '../data/spread.js';
import { valueRangeOf } from '../data/value-range.js';
import type { Dataset } from '../data/index.js';
import type { ClassMask, Raster } from '../images/raster.js';
import { hasClass, maskValueCount } from '../labels/label-set.js';
import { levelNames, levelsOf } from '../objects/index.js';
import type { PixelSize } from '../settings/index.js';
import type { DataFacts } from './choose.js';
import { bandDifferences, isOriented } from './orientation.js';
import type { ImageValues, Moments } from './choose-normalization.js';

/** Longest side of masks whose shrinking is measured. */
const MASK_SIDE = 2048;
/** Number of samples to read. */
const SAMPLE_COUNT = 48;
/** An image counts as coloured if its channels differ by more than this on average, on a scale of 255. */
const COLOUR_THRESHOLD = 4;

/** Reads a few samples spread evenly over the data set. @throws PixelwiseError if one cannot be read. */
export async function dataFacts(dataset: Dataset): Promise<DataFacts> {
  const { length, channels, classes, multiLabel } = dataset;
  const valueCount = maskValueCount(dataset);
  const drawnValues = dataset.tellsObjects ? levelNames(classes).length : valueCount;
  const heights: number[] = [];
  const widths: number[] = [];
  const colours: number[] = [];
  const counts = new Array<number>(valueCount).fill(0);
  const masks: ClassMask[] = [];
  const values: ImageValues[] = [];
  const scales: { size: PixelSize; object: number }[] = [];
  const bands: Float64Array[] = [];
  const looked = spread(length, SAMPLE_COUNT);
  await mapParallel(looked.length, 4, async (k) => {
    const sample = await dataset.get(looked[k]!);
    const { image, mask } = sample;
    bands[k] = bandDifferences(sample, valueCount);
    heights.push(image.height);
    widths.push(image.width);
    colours.push(colourOf(image));
    count(mask, counts);
    values.push({ ...valueRangeOf(image), classes: momentsOf(image, mask, valueCount) });
    const { objects } = sample;
    const object = objects ? numberedObjectWidth(objects) : objectWidth(mask);
    if (object !== undefined) scales.push({ size: { height: mask.height, width: mask.width }, object });
    // Of objects, what shrinking loses first is the rims that separate them.
    if (k % 3 === 0) masks.push(middleOf(objects ? { ...objects, data: levelsOf(objects) } : mask));
  });
  const total = counts.reduce((sum, each) => sum + each, 0);
  const perClass =
    multiLabel === true
      ? classes.map((_, k) => counts.reduce((sum, each, set) => sum + (hasClass(set, k) ? each : 0), 0))
      : counts;
  const coloured = middle(colours) > COLOUR_THRESHOLD;
  return {
    samples: length,
    height: middle(heights),
    width: middle(widths),
    channels,
    classes,
    multiLabel,
    shares: perClass.map((each) => (total > 0 ? each / total : 0)),
    coloured,
    // Of too few images to tell, those in colour are taken for photographs, grey ones for scans and microscopy.
    oriented: isOriented(bands) ?? coloured,
    values: { maxValue: dataset.maxValue, images: values },
    scale: {
      sizes: scales.map(({ size }) => size),
      objects: scales.map(({ object }) => object),
      scoreAfterShrinking: (scale) => meanIouAfterShrinking(masks, drawnValues, scale),
    },
  };
}

/** Number, sum and sum of squares of the values of each class. A pixel's value is the mean of its channels. */
function momentsOf({ data, channels }: Raster, mask: ClassMask, classes: number): Moments[] {
  const counts = new Float64Array(classes);
  const sums = new Float64Array(classes);
  const squares = new Float64Array(classes);
  for (let i = 0; i < mask.data.length; i++) {
    const k = mask.data[i]!;
    if (k >= classes) continue;
    let value = 0;
    for (let c = 0; c < channels; c++) value += data[i * channels + c]!;
    value /= channels;
    counts[k]!++;
    sums[k]! += value;
    squares[k]! += value * value;
  }
  return Array.from(counts, (count, k) => ({ count, sum: sums[k]!, squares: squares[k]! }));
}

/** The middle of a large mask: enough to see how finely it is drawn. */
function middleOf(mask: ClassMask): ClassMask {
  const width = Math.min(mask.width, MASK_SIDE);
  const height = Math.min(mask.height, MASK_SIDE);
  const left = (mask.width - width) >> 1;
  const top = (mask.height - height) >> 1;
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = (top + y) * mask.width + left;
    data.set(mask.data.subarray(from, from + width), y * width);
  }
  return { width, height, data };
}

/** Mean difference between the first three channels, in steps of an 8-bit image; 0 for grey images. */
function colourOf({ data, channels }: Raster): number {
  if (channels < 3) return 0;
  const scale = data instanceof Uint16Array ? 1 / 257 : 1;
  let sum = 0;
  for (let i = 0; i < data.length; i += channels) {
    const [red, green, blue] = [data[i]!, data[i + 1]!, data[i + 2]!];
    sum += Math.abs(red - green) + Math.abs(green - blue);
  }
  return (scale * sum) / (data.length / channels);
}

/** Adds the number of pixels of each class to `counts`. Ignored pixels are not counted. */
function count({ data }: ClassMask, counts: number[]): void {
  for (const value of data) if (value < counts.length) counts[value]!++;
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
