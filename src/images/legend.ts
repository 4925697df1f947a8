/** The layout of a legend below or beside an image: a swatch and a name for each class. Uses nothing from Node. */
import { type PaintOptions, valuesIn } from './paint-mask.js';
import { classColour, type Colour } from './palette.js';
import { type ClassMask, IGNORE_INDEX, type Raster } from './raster.js';

/** An entry of a legend that may stand for several mask values. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: Colour;
  /** Whether a mask value shows it. */
  readonly shown: (value: number) => boolean;
}

/** Where a legend stands. The image keeps its place in the top left corner. */
export type LegendSide = 'beside' | 'below';

export interface OverlayOptions extends PaintOptions {
  /** Class names by index, or what is shown by which mask values. If given, a legend of what the mask shows is drawn. */
  readonly legend?: readonly (string | LegendEntry)[] | undefined;
  /** Where the legend stands; default `below`. */
  readonly legendSide?: LegendSide | undefined;
}

/** The lines of a legend, in pixels of the legend. */
export interface LegendLayout {
  readonly width: number;
  readonly height: number;
  /** Height of the letters and side of the swatches. */
  readonly size: number;
  readonly items: readonly {
    readonly name: string;
    readonly colour: Colour;
    /** The swatch's left and top edge. */
    readonly left: number;
    readonly top: number;
    /** The left end of the name's base line. */
    readonly textLeft: number;
    readonly baseLine: number;
  }[];
}

type Named = Pick<LegendEntry, 'name' | 'colour'>;

/** The entries of the legend that the mask shows; none without a legend. */
export function shownEntries(mask: ClassMask, { legend, clear = 0, colours }: OverlayOptions): Named[] {
  if (legend === undefined) return [];
  const values = valuesIn(mask).filter((value) => value !== IGNORE_INDEX && value !== clear);
  const several = legend.filter((entry) => typeof entry !== 'string');
  if (several.length > 0) return several.filter(({ shown }) => values.some(shown));
  return values.map((value) => ({
    name: (legend as readonly string[])[value] ?? `class ${value}`,
    colour: colours?.[value] ?? classColour(value),
  }));
}

/** Lays out the entries for an image: in rows as wide as the image, or in a column at its right. */
export function legendLayout(
  image: Pick<Raster, 'width' | 'height'>,
  entries: readonly Named[],
  side: LegendSide,
): LegendLayout {
  const size =
    side === 'below'
      ? Math.max(11, Math.min(20, Math.round(image.width / 25)))
      : Math.max(11, Math.round(Math.max(image.width, image.height) / 50));
  const line = Math.round(size * 1.6);
  const advances = entries.map(({ name }) => size * 2 + Math.ceil([...name].length * size * 0.62));
  let x = 0;
  let row = 0;
  const items = entries.map(({ name, colour }, i) => {
    if (i > 0 && (side === 'beside' || x + advances[i]! > image.width)) {
      x = 0;
      row++;
    }
    const top = row * line + Math.round((line - size) / 2);
    const item = {
      name,
      colour,
      left: x + size * 0.4,
      top,
      textLeft: x + size * 1.7,
      baseLine: top + size * 0.86,
    };
    x += advances[i]!;
    return item;
  });
  const height = (row + 1) * line;
  return side === 'below'
    ? { width: image.width, height, size, items }
    : { width: Math.max(...advances), height: Math.max(height, image.height), size, items };
}

/** An RGB image with its drawn legend, whose pixels have `channels` values. White fills what neither covers. */
export function joinLegend(
  image: Raster,
  legend: { readonly width: number; readonly height: number; readonly data: ArrayLike<number> },
  channels: 3 | 4,
  side: LegendSide,
): Raster {
  const [left, top] = side === 'beside' ? [image.width, 0] : [0, image.height];
  const width = left + legend.width;
  const height = top + legend.height;
  const data = new Uint8Array(width * height * 3).fill(255);
  const stride = 3 * image.width;
  for (let y = 0; y < image.height; y++) {
    data.set(image.data.subarray(y * stride, (y + 1) * stride), 3 * y * width);
  }
  for (let y = 0; y < legend.height; y++) {
    let at = 3 * ((top + y) * width + left);
    for (let x = 0, from = y * legend.width * channels; x < legend.width; x++, from += channels) {
      data[at++] = legend.data[from]!;
      data[at++] = legend.data[from + 1]!;
      data[at++] = legend.data[from + 2]!;
    }
  }
  return { width, height, channels: 3, data };
}
