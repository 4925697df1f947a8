/** Draws a mask over its image: translucent class colours with outlined regions. Uses nothing from Node. */
import { PixelwiseError } from '../errors/index.js';
import { classColour, type Colour } from './palette.js';
import { type ClassMask, IGNORE_INDEX, type PixelValues, type Raster } from './raster.js';

export interface PaintOptions {
  /** Weight of the class colour inside a region, 0…1; default 0.4. */
  readonly opacity?: number | undefined;
  /** Width of the outlines in pixels, 0 for none; default 1 per 400 pixels of the longer side, at least 1. */
  readonly outline?: number | undefined;
  /** Class that is not coloured; default 0, null for none. */
  readonly clear?: number | null | undefined;
  /** Colours by class index; default the palette's. */
  readonly colours?: readonly Colour[] | undefined;
  /** The values shown as black and white; default as in {@link toDisplay}. */
  readonly range?: DisplayRange | undefined;
}

/** The values shown as black and as white, by channel. */
export interface DisplayRange {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** Pixels for a canvas: red, green, blue and opacity, 0…255, as `ImageData` takes them. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  /** H×W×4, rows from the top. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/**
 * Draws `mask` over `image` (1 or more channels; the first three are shown, converted by {@link toDisplay}).
 * Ignored pixels are dimmed.
 * @returns an 8-bit RGB raster of the same size.
 * @throws PixelwiseError `size-mismatch` if the sizes differ.
 */
export function paintMask(image: Raster, mask: ClassMask, options: PaintOptions = {}): Raster {
  const { width, height } = image;
  if (mask.width !== width || mask.height !== height) {
    throw new PixelwiseError(
      'size-mismatch',
      `The image is ${width}×${height}, but the mask is ${mask.width}×${mask.height}. ` +
        'Resize the mask (nearest) to the size of the image.',
    );
  }
  const { opacity = 0.4, clear = 0 } = options;
  const edges = regionEdges(mask, options.outline ?? outlineOf(image));
  const data = toDisplay(image, options.range);
  const present = valuesIn(mask);
  const colourOf = (value: number) => options.colours?.[value] ?? classColour(value);
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
  return { width, height, channels: 3, data };
}

/** The width of outlines that looks alike on images of any size. */
export const outlineOf = ({ width, height }: Pick<Raster, 'width' | 'height'>): number =>
  Math.max(1, Math.round(Math.max(width, height) / 400));

/**
 * A mask in the colours of its classes, to be laid over an image: the class that `clear` names is transparent, the others
 * have the opacity given, 0…1, and outlines are opaque. Ignored pixels are grey.
 */
export function colourMask(mask: ClassMask, options: Omit<PaintOptions, 'range'> = {}): RgbaImage {
  const { width, height } = mask;
  const { opacity = 1, clear = 0, outline = 0 } = options;
  const edges = regionEdges(mask, outline);
  /** The bytes of a pixel by mask value; the second half is for outlines. */
  const words = new Uint32Array(2 * 256);
  const bytes = new Uint8Array(words.buffer);
  for (const value of valuesIn(mask)) {
    if (value === clear && value !== IGNORE_INDEX) continue;
    const colour = (value !== IGNORE_INDEX && options.colours?.[value]) || classColour(value);
    bytes.set([...colour, Math.round(255 * opacity)], 4 * value);
    bytes.set([...colour, 255], 4 * (256 + value));
  }
  const data = new Uint32Array(mask.data.length);
  for (let i = 0; i < data.length; i++) data[i] = words[mask.data[i]! + 256 * edges[i]!]!;
  return { width, height, data: new Uint8ClampedArray(data.buffer) };
}

/** The values that occur in a mask, ascending. */
export function valuesIn({ data }: ClassMask): number[] {
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

/**
 * 1 where a pixel of another value is at most `reach` rows or columns away. The image border is not an edge. Every change
 * between neighbours marks the pixels on both its sides, each once.
 */
function regionEdges({ width, height, data }: ClassMask, reach: number): Uint8Array {
  const edges = new Uint8Array(width * height);
  if (reach === 0) return edges;
  /** By column, the first row below those marked. */
  const marked = new Int32Array(width);
  for (let y = 0, i = 0; y < height; y++) {
    const row = y * width;
    let until = 0;
    for (let x = 0; x < width; x++, i++) {
      const value = data[i];
      if (x > 0 && data[i - 1] !== value) {
        const end = Math.min(width, x + reach);
        edges.fill(1, row + Math.max(until, x - reach), row + end);
        until = end;
      }
      if (y > 0 && data[i - width] !== value) {
        const end = Math.min(height, y + reach);
        for (let r = Math.max(marked[x]!, y - reach); r < end; r++) edges[r * width + x] = 1;
        marked[x] = end;
      }
    }
  }
  return edges;
}
