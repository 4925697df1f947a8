/** How a mask file is mapped to classes, as plain data that can be sent to the threads that read samples. */
import { PixelwiseError } from '../errors/index.js';
import { decodeMask, decodeStoredMask, type RawMask, type StoredMask } from '../images/decode-mask.js';
import { decodeLabels } from '../images/decode-labels.js';
import { type ClassMask, IGNORE_INDEX, type MaskPixels } from '../images/raster.js';
import { indexLabels, objectCode, type ObjectMask } from '../objects/index.js';
import { type ClassValues, toClassMask } from './class-values.js';
import { colourAt, greyColour, paletteColour } from './mask-census.js';

/** Classes by colour. */
export interface ColourClasses {
  /** 0xrrggbb, and the class of each. */
  readonly colours: readonly number[];
  readonly classes: readonly number[];
  /** Whether an unlisted colour (smoothed edges, lossy files) is read as the nearest listed one, or is an error. */
  readonly nearest: boolean;
}

/**
 * - `values`: stored values, or palette indices, are looked up in a table;
 * - `levels`: the same for the greys of a palette instead of its indices;
 * - `alpha`: the same for the alpha channel;
 * - `colours`: each class has a colour, also in palettes;
 * - `bright`: class 1 if the first channel is at least half of the maximum, for any palette;
 * - `layers`: several files, each marking the pixels of one class; later ones are drawn over earlier ones. With
 *   `sets` all count: a pixel becomes the set of its classes (labels/label-set.ts).
 */
export type MaskReading =
  | {
      readonly kind: 'values' | 'levels' | 'alpha';
      readonly values: ClassValues;
      /** Each value but 0 is the number of an object of class 1. */
      readonly numbered?: boolean;
    }
  | { readonly kind: 'colours'; readonly colours: ColourClasses }
  | { readonly kind: 'bright' }
  /** `perObject`: each layer is an object, not a class. */
  | {
      readonly kind: 'layers';
      readonly layers: readonly MaskLayer[];
      readonly sets?: boolean;
      readonly perObject?: boolean;
    };

/** A mask file that marks the pixels of one class: those above half of its largest value. */
export interface MaskLayer {
  readonly file: string;
  /** The class; with `sets`, the set of it. */
  readonly value: number;
}

/**
 * Decodes a mask file. Throws what decoding throws, `mask-values` for values that are not in the table, and
 * `mask-colours` for colours that are not those of a class.
 *
 * @param page the page of a TIFF with several pictures.
 */
export async function readMask(file: string, reading: MaskReading, page?: number): Promise<ClassMask> {
  if (reading.kind === 'layers') return layeredMask(reading.layers, Uint8Array, reading.sets);
  if (reading.kind === 'bright') return brightMask(await decodeMask(file));
  const stored = await decodeStoredMask(file, { page });
  if (reading.kind === 'colours') return colouredMask(stored, reading.colours, file);
  const { width, height, format, palette, alpha } = stored;
  if (reading.kind === 'alpha') {
    const data = alpha ?? new Uint8Array(width * height).fill(255);
    return toClassMask({ width, height, format, data }, reading.values, file);
  }
  if (stored.channels === 3)
    throw unknownColour(stored, firstColour(stored), file, 'This set has values, no colours.');
  const { data } = stored;
  const levels =
    reading.kind === 'levels' && palette !== undefined
      ? Uint8Array.from(data, (index) => palette[3 * index] ?? 0)
      : data;
  return toClassMask({ width, height, format, data: levels }, reading.values, file);
}

/** Whether a mask tells objects apart. */
export function tellsObjects(reading: MaskReading): boolean {
  return 'numbered' in reading
    ? reading.numbered === true
    : reading.kind === 'layers' && reading.perObject === true;
}

/**
 * The objects of a mask file, as codes. Throws what {@link readMask} throws.
 *
 * @param reading one that {@link tellsObjects}.
 */
export async function readObjects(file: string, reading: MaskReading, page?: number): Promise<ObjectMask> {
  if (reading.kind === 'layers') {
    const layers = reading.layers.map((layer, k) => ({ ...layer, value: objectCode(k + 1, layer.value) }));
    return layeredMask(layers, Uint32Array);
  }
  const { width, height, data } = await decodeLabels(file, { page });
  const codes = new Uint32Array(data.length);
  if (data instanceof Uint32Array) {
    const { indices } = indexLabels({ width, height, data });
    for (let i = 0; i < codes.length; i++) codes[i] = indices[i]! < 0 ? 0 : objectCode(indices[i]! + 1, 1);
  } else for (let i = 0; i < codes.length; i++) codes[i] = data[i] === 0 ? 0 : objectCode(data[i]!, 1);
  return { width, height, data: codes };
}

async function layeredMask<T extends MaskPixels>(
  layers: readonly MaskLayer[],
  Values: new (length: number) => T,
  sets = false,
): Promise<{ readonly width: number; readonly height: number; readonly data: T }> {
  let mask: { readonly width: number; readonly height: number; readonly data: T } | undefined;
  for (const { file, value } of layers) {
    const stored = await decodeStoredMask(file);
    const { width, height, channels, data, palette } = stored;
    mask ??= { width, height, data: new Values(width * height) };
    if (width !== mask.width || height !== mask.height) {
      throw new PixelwiseError(
        'size-mismatch',
        `${file}: ${width}×${height} pixels, while ${layers[0]!.file} has ${mask.width}×${mask.height}: masks of one image have one size.`,
      );
    }
    const brightest = (colour: number): number => Math.max(colour >> 16, (colour >> 8) & 255, colour & 255);
    const level = (i: number): number =>
      channels === 3
        ? brightest(colourAt(stored, i))
        : palette === undefined
          ? data[i]!
          : brightest(paletteColour(palette, data[i]!));
    let highest = 0;
    for (let i = 0; i < mask.data.length; i++) highest = Math.max(highest, level(i));
    for (let i = 0; i < mask.data.length; i++) {
      if (2 * level(i) > highest) mask.data[i] = sets ? mask.data[i]! | value : value;
    }
  }
  if (mask === undefined) throw new PixelwiseError('mask-missing', 'A sample without any mask file.');
  return mask;
}

function brightMask({ width, height, data, palette }: RawMask): ClassMask {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const level = palette === undefined ? data[i]! : palette[3 * data[i]!]!;
    out[i] = level >= 128 ? 1 : 0;
  }
  return { width, height, data: out };
}

/** The colour of object outlines in Pascal VOC, whose pixels are ignored. */
export const VOC_OUTLINE = 0xe0e0c0;

function colouredMask(
  stored: StoredMask,
  { colours, classes, nearest }: ColourClasses,
  file: string,
): ClassMask {
  const { width, height, channels, data, palette } = stored;
  const known = new Map(colours.map((colour, i) => [colour, classes[i]!]));
  if (!known.has(VOC_OUTLINE)) known.set(VOC_OUTLINE, IGNORE_INDEX);
  const out = new Uint8Array(width * height);
  for (let i = 0; i < out.length; i++) {
    const colour =
      channels === 3
        ? colourAt(stored, i)
        : palette === undefined
          ? greyColour(data[i]!)
          : paletteColour(palette, data[i]!);
    let index = known.get(colour);
    if (index === undefined) {
      if (!nearest) {
        throw unknownColour(stored, i, file, `The classes' colours are ${listColours(colours)}.`);
      }
      index = classes[nearestColour(colour, colours)]!;
      known.set(colour, index);
    }
    out[i] = index;
  }
  return { width, height, data: out };
}

/** Which of `colours` is the nearest, by squared distance in RGB. */
export function nearestColour(colour: number, colours: readonly number[]): number {
  let best = 0;
  let least = Infinity;
  colours.forEach((other, i) => {
    const distance = colourDistance(colour, other);
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}

/** Squared distance of two colours (0xrrggbb). */
export function colourDistance(a: number, b: number): number {
  const red = (a >> 16) - (b >> 16);
  const green = ((a >> 8) & 255) - ((b >> 8) & 255);
  const blue = (a & 255) - (b & 255);
  return red * red + green * green + blue * blue;
}

/** `#fa3253`. */
export function hexOf(colour: number): string {
  return `#${colour.toString(16).padStart(6, '0')}`;
}

/** `#000000, #fa3253 …`, shortened after eight. */
export function listColours(colours: readonly number[]): string {
  const shown = colours.slice(0, 8).map(hexOf).join(', ');
  return colours.length > 8 ? `${shown} and ${colours.length - 8} more` : shown;
}

function firstColour({ data }: StoredMask): number {
  let at = 0;
  while (at < data.length && data[at] === data[at + 1] && data[at] === data[at + 2]) at += 3;
  return at / 3;
}

function unknownColour(stored: StoredMask, i: number, file: string, known: string): PixelwiseError {
  const { width, channels, palette, data } = stored;
  const colour =
    channels === 3
      ? colourAt(stored, i)
      : palette === undefined
        ? greyColour(data[i]!)
        : paletteColour(palette, data[i]!);
  return new PixelwiseError(
    'mask-colours',
    `${file}: the colour ${hexOf(colour)} at ${i % width},${Math.floor(i / width)} is not the colour of a class. ${known} ` +
      'Correct the mask, or name each class with its colour: --classes name=#rrggbb,…',
  );
}
