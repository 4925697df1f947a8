/** What a data set is, told from a few of its samples: what settings are chosen by. */
import { totalmem } from 'node:os';
import { mapParallel } from '../data/parallel.js';
import { spread } from '../data/spread.js';
import type { Dataset } from '../data/index.js';
import type { ClassMask, Raster } from '../images/raster.js';
import { modelEntry, PRETRAINED_MODEL } from '../models/index.js';
import { cachedWeights } from '../weights/index.js';
import type { DataFacts, MachineFacts } from './choose.js';

/** Samples that are looked at. */
const LOOKED_AT = 24;
/** Formats whose images are photographs whatever their files are. */
const PHOTOGRAPHIC = new Set(['oxford-pets', 'carvana', 'camvid', 'coco', 'voc']);
/** Mean difference of the channels, of 255, above which an image is in colour. */
const COLOURED = 4;

/** Reads samples spread over the set. @throws PixelwiseError where one cannot be read. */
export async function dataFacts(dataset: Dataset): Promise<DataFacts> {
  const { length, channels, classes } = dataset;
  const heights: number[] = [];
  const widths: number[] = [];
  const colours: number[] = [];
  const counts = new Array<number>(classes.length).fill(0);
  const looked = spread(length, LOOKED_AT);
  await mapParallel(looked.length, 4, async (k) => {
    const { image, mask } = await dataset.get(looked[k]!);
    heights.push(image.height);
    widths.push(image.width);
    colours.push(colourOf(image));
    count(mask, counts);
  });
  const total = counts.reduce((sum, each) => sum + each, 0);
  const photographic = PHOTOGRAPHIC.has(dataset.format) || /\.jpe?g$/i.test(dataset.files(0).image);
  return {
    samples: length,
    height: middle(heights),
    width: middle(widths),
    channels,
    classes,
    shares: counts.map((each) => (total > 0 ? each / total : 0)),
    photographs: photographic && middle(colours) > COLOURED,
  };
}

/** @param threads those asked for, or those that the runtime takes by itself. */
export async function machineFacts(threads: number): Promise<MachineFacts> {
  const { architecture } = modelEntry(PRETRAINED_MODEL).pretrained!;
  return { threads, memory: totalmem(), pretrained: await cachedWeights(architecture) };
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

/** Adds the pixels of each class; those that count for nothing are left out. */
function count({ data }: ClassMask, counts: number[]): void {
  for (const value of data) if (value < counts.length) counts[value]!++;
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
