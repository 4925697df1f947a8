/** Draws a mask over its image: translucent class colours with outlined regions. */
import sharp from 'sharp';
import { PixelwiseError } from '../errors/index.js';
import { classColour, type Colour } from './palette.js';
import { type ClassMask, IGNORE_INDEX, type PixelValues, type Raster } from './raster.js';

export interface OverlayOptions {
  /** Weight of the class colour inside a region, 0…1; default 0.4. */
  readonly opacity?: number;
  /** Width of the outlines in pixels, 0 for none; default 1 per 400 pixels of the longer side, at least 1. */
  readonly outline?: number;
  /** Class that is not coloured; default 0, null for none. */
  readonly clear?: number | null;
  /** Colours by class index; default the palette's. */
  readonly colours?: readonly Colour[];
  /** The values shown as black and white; default as in {@link toDisplay}. */
  readonly range?: DisplayRange | undefined;
  /**
   * Class names by index, or what is shown by which mask values. If given, a legend of what the mask shows is drawn below
   * the image.
   */
  readonly legend?: readonly (string | LegendEntry)[];
}

/** An entry of a legend that stands for several mask values. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: Colour;
  /** Whether a mask value shows it. */
  readonly shown: (value: number) => boolean;
}

/**
 * Draws `mask` over `image` (1 or more channels; the first three are shown, converted by {@link toDisplay}).
 * Ignored pixels are dimmed.
 * @returns an 8-bit RGB raster, higher than the image if it has a legend.
 * @throws PixelwiseError `size-mismatch` if the sizes differ.
 */
export async function overlay(image: Raster, mask: ClassMask, options: OverlayOptions = {}): Promise<Raster> {
  const { width, height } = image;
  if (mask.width !== width || mask.height !== height) {
    throw new PixelwiseError(
      'size-mismatch',
      `The image is ${width}×${height}, but the mask is ${mask.width}×${mask.height}. ` +
        'Resize the mask (nearest) to the size of the image.',
    );
  }
  const opacity = options.opacity ?? 0.4;
  const outline = options.outline ?? Math.max(1, Math.round(Math.max(width, height) / 400));
  const clear = options.clear === undefined ? 0 : options.clear;
  const colourOf = (value: number) => options.colours?.[value] ?? classColour(value);
  const data = toDisplay(image, options.range);
  const edges = regionEdges(mask, outline);
  const present = classesOf(mask);
  /** Lookup tables by class: the blended value for each of the 256 red, then green, then blue values. */
  const inside = new Map(present.map((value) => [value, blends(value, colourOf(value), opacity)]));
  const onEdge = new Map(present.map((value) => [value, blends(value, colourOf(value), 1)]));
  let last = -1;
  let plain: Uint8Array = new Uint8Array();
  let edge = plain;
  for (let i = 0, at = 0; i < mask.data.length; i++, at += 3) {
    const value = mask.data[i]!;
    if (value === clear && value !== IGNORE_INDEX) continue;
    if (value !== last) {
      [plain, edge] = [inside.get(value)!, onEdge.get(value)!];
      last = value;
    }
    const table = edges[i] === 1 ? edge : plain;
    data[at] = table[data[at]!]!;
    data[at + 1] = table[256 + data[at + 1]!]!;
    data[at + 2] = table[512 + data[at + 2]!]!;
  }
  const drawn: Raster = { width, height, channels: 3, data };
  if (options.legend === undefined) return drawn;
  const values = present.filter((value) => value !== IGNORE_INDEX && value !== clear);
  const several = options.legend.filter((entry) => typeof entry !== 'string');
  const entries =
    several.length > 0
      ? several.filter(({ shown }) => values.some(shown))
      : values.map((value) => ({
          name: (options.legend as readonly string[])[value] ?? `class ${value}`,
          colour: colourOf(value),
        }));
  return entries.length === 0 ? drawn : withLegend(drawn, entries);
}

/** The values that occur in a mask, ascending. */
function classesOf({ data }: ClassMask): number[] {
  const seen = new Uint8Array(256);
  for (let i = 0; i < data.length; i++) seen[data[i]!] = 1;
  return [...seen.keys()].filter((value) => seen[value] === 1);
}

/** Lookup table of a class: channel values blended with its colour. Ignored pixels are dimmed. */
function blends(value: number, colour: Colour, weight: number): Uint8Array {
  return Uint8Array.from({ length: 3 * 256 }, (_, i) => {
    const shown = i % 256;
    if (value === IGNORE_INDEX) return shown * 0.5 + 64;
    return Math.round((1 - weight) * shown + weight * colour[i >> 8]!);
  });
}

/** The values shown as black and as white, by channel. */
export interface DisplayRange {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/**
 * Converts an image to 8-bit RGB for display. Grey is repeated; channels beyond three are dropped. Values are
 * scaled by `range` if given; else 8-bit values are unchanged and others are scaled from the image's minimum and
 * maximum.
 */
export function toDisplay(image: Raster, range?: DisplayRange): Uint8Array {
  const { width, height, channels, data } = image;
  if (data instanceof Uint8Array && channels === 3 && range === undefined) return new Uint8Array(data);
  // Clamps values outside the range to black and white.
  const out = new Uint8ClampedArray(width * height * 3);
  const shown =
    range ?? (data instanceof Uint8Array ? { low: [0, 0, 0], high: [255, 255, 255] } : fullRange(data));
  for (let c = 0; c < 3; c++) {
    const channel = channels < 3 ? 0 : c;
    const [low, high] = [shown.low[channel] ?? 0, shown.high[channel] ?? 0];
    const gain = high > low ? 255 / (high - low) : 0;
    for (let i = 0; i < width * height; i++) {
      // Rounds down, so that results stay the same as in earlier versions.
      out[3 * i + c] = Math.floor((data[i * channels + channel]! - low) * gain);
    }
  }
  return new Uint8Array(out.buffer);
}

function fullRange(data: PixelValues): DisplayRange {
  let low = Infinity;
  let high = -Infinity;
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low: [low, low, low], high: [high, high, high] };
}

/** 1 where a pixel of another value is at most `reach` rows or columns away. The image border is not an edge. */
function regionEdges(mask: ClassMask, reach: number): Uint8Array {
  const { width, height, data } = mask;
  const edges = new Uint8Array(width * height);
  for (let step = 1; step <= reach; step++) {
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const value = data[i];
        if (
          (x >= step && data[i - step] !== value) ||
          (x + step < width && data[i + step] !== value) ||
          (y >= step && data[i - step * width] !== value) ||
          (y + step < height && data[i + step * width] !== value)
        ) {
          edges[i] = 1;
        }
      }
    }
  }
  return edges;
}

/**
 * Adds a strip below the image with a swatch and a name for each class. Without fonts on the machine, only
 * swatches are visible.
 */
async function withLegend(
  image: Raster,
  entries: readonly Pick<LegendEntry, 'name' | 'colour'>[],
): Promise<Raster> {
  const size = Math.max(11, Math.min(20, Math.round(image.width / 25)));
  const line = Math.round(size * 1.6);
  let x = 0;
  let row = 0;
  const drawn: string[] = [];
  for (const { name, colour } of entries) {
    const advance = size * 2 + Math.ceil([...name].length * size * 0.62);
    if (x > 0 && x + advance > image.width) {
      x = 0;
      row++;
    }
    const top = row * line + Math.round((line - size) / 2);
    drawn.push(
      `<rect x="${x + size * 0.4}" y="${top}" width="${size}" height="${size}" fill="rgb(${colour.join()})" ` +
        `stroke="#888" stroke-width="1"/><text x="${x + size * 1.7}" y="${top + size * 0.86}" ` +
        `font-family="sans-serif" font-size="${size}" fill="#222">${escapeXml(name)}</text>`,
    );
    x += advance;
  }
  const { width } = image;
  const stripHeight = (row + 1) * line;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${stripHeight}"><rect width="100%" height="100%" fill="#fff"/>${drawn.join('')}</svg>`;
  const strip = await drawStrip(svg);
  const data = new Uint8Array(image.data.length + strip.length);
  data.set(image.data);
  data.set(strip, image.data.length);
  return { width, height: image.height + stripHeight, channels: 3, data };
}

/**
 * Cache of legends: the images of a folder mostly share one, and drawing text takes as long as running a small
 * model.
 */
const strips = new Map<string, Promise<Uint8Array>>();
const MAX_STRIPS = 16;

function drawStrip(svg: string): Promise<Uint8Array> {
  let strip = strips.get(svg);
  if (!strip) {
    strip = sharp(Buffer.from(svg)).removeAlpha().toColourspace('srgb').raw().toBuffer();
    strip.catch(() => strips.delete(svg));
    if (strips.size >= MAX_STRIPS) strips.delete(strips.keys().next().value!);
    strips.set(svg, strip);
  }
  return strip;
}

/** Escapes text for SVG content and attributes. Characters that XML 1.0 does not allow become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[<>&"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
