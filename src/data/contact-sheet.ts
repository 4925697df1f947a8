/** Pictures for checking a data set and an augmentation by eye. */
import type { OverlayOptions } from 'sharp';
import { UsageError } from '../errors/index.js';
import { escapeXml, overlay } from '../images/overlay.js';
import { toDisplay } from '../images/paint-mask.js';
import { classColour, maskLook } from '../images/palette.js';
import { type ClassMask, IGNORE_INDEX, type Raster } from '../images/raster.js';
import { loadSharp } from '../images/sharp.js';
import { hasClass } from '../labels/label-set.js';
import { classesOfCodes } from '../objects/index.js';
import { Random } from '../random/index.js';
import type { Dataset, Sample } from './dataset.js';
import { type Fit, stretch } from './fit.js';
import { stretchedImage, type ValueRange } from './normalization.js';
import type { PairedSample, Transform } from './paired-sample.js';
import { spread } from './spread.js';
import { findValueRange } from './value-range.js';

export interface ContactSheetOptions {
  /** Number of samples, evenly spaced; default 24. */
  readonly count?: number;
  /** Longer side of each picture in pixels; default 192. */
  readonly side?: number;
  /** The values displayed as black and white. Default: detected for images that do not have 8 bits. */
  readonly range?: ValueRange | undefined;
}

/** A picture and its mask, of the same size. */
export interface SheetTile {
  readonly id: string;
  /** 8-bit RGB. */
  readonly image: Raster;
  readonly mask: ClassMask;
}

/** Samples, evenly spaced, as pictures with masks. One at a time is in memory. */
export async function* sampleTiles(
  dataset: Dataset,
  { count = 24, side = 192, range: given }: ContactSheetOptions = {},
): AsyncGenerator<SheetTile> {
  const range = given ?? (await shownRange(dataset));
  for (const i of spread(dataset.length, count)) {
    const { id, image, mask } = await dataset.get(i);
    const scale = side / Math.max(image.width, image.height);
    const [width, height] = [image.width, image.height].map((length) =>
      Math.max(1, Math.round(length * scale)),
    );
    const sample = fitted({ id, image, mask }, stretch({ width: width!, height: height! }), dataset, range);
    yield { id, image: toRaster(sample), mask: maskOf(sample) };
  }
}

/** Each sample without and with its mask, above its id; the classes are listed at the end. */
export async function contactSheet(dataset: Dataset, options: ContactSheetOptions = {}): Promise<Raster> {
  const tiles: Tile[] = [];
  const present = new Set<number>();
  for await (const { id, image, mask } of sampleTiles(dataset, options)) {
    for (const value of mask.data) present.add(value);
    const drawn = await overlay(image, mask, { outline: 1, ...looksOf(dataset) });
    tiles.push({ picture: beside(image, drawn), caption: id });
  }
  return sheet(tiles, 3, legendOf(dataset, present));
}

export interface AugmentationSheetOptions {
  /** Which sample; default the first. */
  readonly index?: number;
  readonly fit?: Fit;
  readonly transforms: readonly Transform[];
  /** Default 24. */
  readonly draws?: number;
  readonly seed?: number;
  /** As {@link ContactSheetOptions.range}. */
  readonly range?: ValueRange | undefined;
}

/**
 * One sample with its mask, augmented many times; the first is the sample without augmentation.
 * @throws UsageError if there is no such sample.
 */
export async function* augmentedTiles(
  dataset: Dataset,
  options: AugmentationSheetOptions,
): AsyncGenerator<SheetTile> {
  const { index = 0, fit = stretch(192), transforms, draws = 24, seed = 0 } = options;
  if (index < 0 || index >= dataset.length) {
    throw new UsageError(`There is no sample ${index}; the data set has ${dataset.length}, from 0.`);
  }
  const range = options.range ?? (await shownRange(dataset));
  const source = await dataset.get(index);
  for (let draw = 0; draw <= draws; draw++) {
    const random = new Random(seed, 'augment', draw, source.id);
    let sample = fitted(source, fit, dataset, range, random);
    if (draw > 0) for (const transform of transforms) sample = transform(sample, random);
    const id = draw === 0 ? source.id : `draw ${draw}`;
    yield { id, image: toRaster(sample), mask: maskOf(sample) };
  }
}

/** The pictures of {@link augmentedTiles} on one sheet. */
export async function augmentationSheet(
  dataset: Dataset,
  options: AugmentationSheetOptions,
): Promise<Raster> {
  const tiles: Tile[] = [];
  const present = new Set<number>();
  for await (const { id, image, mask } of augmentedTiles(dataset, options)) {
    if (tiles.length === 0) for (const value of mask.data) present.add(value);
    const picture = await overlay(image, mask, { opacity: 0.2, outline: 1, ...looksOf(dataset) });
    tiles.push({ picture, caption: id });
  }
  return sheet(tiles, 5, legendOf(dataset, present));
}

/** The values displayed as black and white; undefined for 8 bits, which are displayed as they are. */
async function shownRange(dataset: Dataset): Promise<ValueRange | undefined> {
  return dataset.maxValue === 255 ? undefined : findValueRange(dataset);
}

/** A sample at a size, in 0…1. */
function fitted(
  sample: Sample,
  fit: Fit,
  { maxValue }: Dataset,
  range: ValueRange | undefined,
  random = new Random(0),
): PairedSample {
  if (range === undefined) return fit.apply(sample, maxValue, random);
  return fit.apply({ ...sample, image: stretchedImage(sample.image, range) }, 1, random);
}

interface Tile {
  readonly picture: Raster;
  readonly caption: string;
}

interface LegendEntry {
  readonly name: string;
  readonly colour: readonly [number, number, number];
}

function toRaster({ width, height, channels, image }: PairedSample): Raster {
  const data = new Uint8Array(width * height * channels);
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < channels; c++) {
      data[i * channels + c] = Math.round(255 * Math.min(1, Math.max(0, image[c * plane + i]!)));
    }
  }
  return { width, height, channels: 3, data: toDisplay({ width, height, channels, data }) };
}

function maskOf({ width, height, mask }: PairedSample): ClassMask {
  return { width, height, data: mask instanceof Uint8Array ? mask : classesOfCodes(mask) };
}

function legendOf(dataset: Dataset, present: ReadonlySet<number>): LegendEntry[] {
  const { ofClasses: colours } = maskLook(dataset);
  const held = (k: number) =>
    dataset.multiLabel === true ? [...present].some((set) => hasClass(set, k)) : present.has(k);
  const named = dataset.classes.flatMap((name, index) =>
    held(index) ? [{ name, colour: colours[index]! }] : [],
  );
  return present.has(IGNORE_INDEX)
    ? [...named, { name: 'ignored', colour: classColour(IGNORE_INDEX) }]
    : named;
}

/** The colours of the classes; the background has none. */
function looksOf(dataset: Dataset) {
  const { clear, colours } = maskLook(dataset);
  return { clear, colours };
}

/** Two RGB pictures of the same height, side by side. */
function beside(left: Raster, right: Raster): Raster {
  const width = left.width + right.width;
  const data = new Uint8Array(width * left.height * 3);
  for (let y = 0; y < left.height; y++) {
    data.set(left.data.subarray(y * left.width * 3, (y + 1) * left.width * 3), y * width * 3);
    data.set(
      right.data.subarray(y * right.width * 3, (y + 1) * right.width * 3),
      (y * width + left.width) * 3,
    );
  }
  return { width, height: left.height, channels: 3, data };
}

const GAP = 8;
const CAPTION = 18;
const FONT = 12;

/** Tiles in rows with captions, and the legend below. */
async function sheet(
  tiles: readonly Tile[],
  columns: number,
  legend: readonly LegendEntry[],
): Promise<Raster> {
  const tileWidth = Math.max(...tiles.map(({ picture }) => picture.width));
  const tileHeight = Math.max(...tiles.map(({ picture }) => picture.height));
  const rows = Math.ceil(tiles.length / columns);
  const width = Math.min(columns, tiles.length) * (tileWidth + GAP) + GAP;
  const legendTop = rows * (tileHeight + CAPTION + GAP) + GAP;
  const texts: string[] = [];
  const pictures: OverlayOptions[] = [];
  tiles.forEach(({ picture, caption }, i) => {
    const left = GAP + (i % columns) * (tileWidth + GAP);
    const top = GAP + Math.floor(i / columns) * (tileHeight + CAPTION + GAP);
    pictures.push({
      input: Buffer.from(picture.data.buffer, picture.data.byteOffset, picture.data.byteLength),
      raw: { width: picture.width, height: picture.height, channels: 3 },
      left,
      top,
    });
    const fits = Math.max(4, Math.floor(tileWidth / (FONT * 0.6)));
    texts.push(textAt(left, top + picture.height + FONT + 2, shortened(caption, fits)));
  });
  let x = GAP;
  let y = legendTop;
  for (const { name, colour } of legend) {
    const advance = 2 * FONT + Math.ceil([...name].length * FONT * 0.62) + GAP;
    if (x > GAP && x + advance > width) {
      x = GAP;
      y += CAPTION;
    }
    texts.push(
      `<rect x="${x}" y="${y}" width="${FONT}" height="${FONT}" fill="rgb(${colour.join()})" stroke="#888"/>`,
    );
    texts.push(textAt(x + FONT + 4, y + FONT - 2, name));
    x += advance;
  }
  const height = y + CAPTION + GAP;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${texts.join('')}</svg>`;
  const sharp = await loadSharp();
  const { data } = await sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite([...pictures, { input: Buffer.from(svg), left: 0, top: 0 }])
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width, height, channels: 3, data };
}

function textAt(x: number, y: number, text: string): string {
  return `<text x="${x}" y="${y}" font-family="sans-serif" font-size="${FONT}" fill="#222">${escapeXml(text)}</text>`;
}

/** Shortens an id at its beginning: its end is more specific. */
function shortened(text: string, most: number): string {
  const letters = [...text];
  return letters.length <= most ? text : `…${letters.slice(letters.length - most + 1).join('')}`;
}
