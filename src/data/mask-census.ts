/** Counts the values of one mask file. The meaning of a data set's masks is decided by these counts. */
import { decodeStoredMask, type StoredMask } from '../images/decode-mask.js';
import type { ImageFormat } from '../images/image-source.js';

export interface MaskCensus {
  readonly file: string;
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
  /** Plain values, palette indices, or colours. */
  readonly kind: 'values' | 'palette' | 'colours';
  /** Pixels by value or index; empty for colours. */
  readonly values: ReadonlyMap<number, number>;
  /** Pixels by colour (0xrrggbb); palette indices count as their colours, values as greys. */
  readonly colours: ReadonlyMap<number, number>;
  /** RGB triples by index. */
  readonly palette: Uint8Array | undefined;
  /** Pixels by alpha, 0 transparent … 255 opaque; undefined without an alpha channel. */
  readonly alpha: ReadonlyMap<number, number> | undefined;
  /** True if the numbers do not fit into 16 bits. `values` then counts their ranks. */
  readonly wide: boolean;
  /** True if the codec is lossy. */
  readonly lossy: boolean;
  /** True for a TIFF that programs display inverted. */
  readonly whiteIsZero: boolean;
}

/** A file with more colours is a photograph. Its other colours are counted together, as a colour that no legend has. */
const MOST_COLOURS = 4096;

/** Decodes and counts a mask. Throws what decoding throws. */
export async function censusOf(file: string): Promise<MaskCensus> {
  const stored = await decodeStoredMask(file);
  const { format, width, height, palette, lossy, whiteIsZero } = stored;
  const alpha = stored.alpha && countsOf(stored.alpha);
  const wide = stored.numbers !== undefined;
  const shared = { file, format, width, height, palette, wide, lossy, whiteIsZero, alpha };
  if (stored.channels === 3) {
    return { ...shared, kind: 'colours', values: new Map(), colours: coloursIn(stored) };
  }
  const values = countsOf(stored.data);
  const colours = new Map<number, number>();
  for (const [value, count] of values) {
    const colour = palette === undefined ? greyColour(value) : paletteColour(palette, value);
    colours.set(colour, (colours.get(colour) ?? 0) + count);
  }
  return { ...shared, kind: palette === undefined ? 'values' : 'palette', values, colours };
}

/** 0xrrggbb of a palette entry; black if there is no such entry. */
export function paletteColour(palette: Uint8Array, index: number): number {
  const at = 3 * index;
  return ((palette[at] ?? 0) << 16) | ((palette[at + 1] ?? 0) << 8) | (palette[at + 2] ?? 0);
}

/** 0xrrggbb of a grey; values beyond a byte have no colour of their own. */
export function greyColour(value: number): number {
  return Math.min(value, 255) * 0x010101;
}

/** How often each value occurs. */
export function countsOf(data: Uint8Array | Uint16Array): Map<number, number> {
  const histogram = new Uint32Array(data instanceof Uint16Array ? 65536 : 256);
  for (let i = 0; i < data.length; i++) histogram[data[i]!]!++;
  const counts = new Map<number, number>();
  histogram.forEach((count, value) => {
    if (count > 0) counts.set(value, count);
  });
  return counts;
}

/** The colour of pixel `i` of a colour mask, 0xrrggbb. */
export function colourAt({ data }: StoredMask, i: number): number {
  const shift = data instanceof Uint16Array ? 8 : 0;
  const at = 3 * i;
  return ((data[at]! >> shift) << 16) | ((data[at + 1]! >> shift) << 8) | (data[at + 2]! >> shift);
}

function coloursIn(stored: StoredMask): Map<number, number> {
  const counts = new Map<number, number>();
  const pixels = stored.width * stored.height;
  // Neighbouring pixels mostly have the same colour, so runs are counted.
  for (let i = 0; i < pixels;) {
    const colour = colourAt(stored, i);
    const start = i;
    do i++;
    while (i < pixels && colourAt(stored, i) === colour);
    if (counts.size < MOST_COLOURS || counts.has(colour))
      counts.set(colour, (counts.get(colour) ?? 0) + i - start);
    else counts.set(-1, (counts.get(-1) ?? 0) + i - start);
  }
  return counts;
}

/** The sum of several counts. */
export function summed(counts: Iterable<ReadonlyMap<number, number>>): Map<number, number> {
  const sum = new Map<number, number>();
  for (const one of counts) {
    for (const [value, count] of one) sum.set(value, (sum.get(value) ?? 0) + count);
  }
  return sum;
}
