/**
 * The colours of classes: the same in masks, overlays, reports and exported files, and told apart by
 * people who see colours differently.
 *
 * Class 0 (most often background, see `classColours`) is black; classes 1…7 take the seven hues of Okabe and Ito ("Color
 * universal design", 2008), brightest contrasts first; classes 8…20 the colours that lie farthest, each in its
 * turn, from all before them in L*a*b* as people of normal vision and with each kind of colour blindness see
 * them (`colour-vision.ts`); further ones are spread by the golden ratio. Index 255 (ignored) is a light grey.
 */
import { IGNORE_INDEX } from './raster.js';

/** Okabe and Ito's set without its black, ordered so that neighbours in index differ in lightness. */
const OKABE_ITO: readonly Colour[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];

/** Of a grid of colours neither pale nor dark nor grey, those farthest from the colours before them. */
const FARTHEST: readonly Colour[] = [
  [135, 0, 240],
  [120, 45, 15],
  [105, 60, 90],
  [0, 255, 135],
  [60, 45, 165],
  [150, 120, 255],
  [240, 0, 75],
  [150, 15, 135],
  [165, 210, 165],
  [195, 165, 75],
  [75, 120, 60],
  [165, 60, 0],
  [150, 225, 255],
];

const IGNORED_COLOUR = [224, 224, 224] as const;
const GOLDEN = 0.6180339887498949;

/** RGB triples by class index, 256 of them; never changed once published. */
export const CLASS_PALETTE: Uint8Array = makePalette();

/** Red, green, blue, 0…255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** The colour of a class by its index alone. */
export function classColour(index: number): Colour {
  return [CLASS_PALETTE[3 * index]!, CLASS_PALETTE[3 * index + 1]!, CLASS_PALETTE[3 * index + 2]!];
}

/** As people and labelling tools write it: `Background`, `_background_`. */
const BACKGROUND_NAME = /^[\s_]*background[\s_]*$/i;
/** Names that were made up, which tell nothing. */
const MADE_UP_NAME = /^class \d+$/;

/**
 * The class that stands for "nothing of interest", and that pictures leave clear: the one named "background",
 * else the first of two, and the first of classes that nobody named. Null for more than two named classes
 * without it: each is then something, as sky is in a street.
 */
export function backgroundClass(names: readonly string[]): number | null {
  const named = names.findIndex((name) => BACKGROUND_NAME.test(name));
  if (named !== -1) return named;
  return names.length <= 2 || names.every((name) => MADE_UP_NAME.test(name)) ? 0 : null;
}

/**
 * The colours of a set of classes: the background black wherever it stands, the others in the palette's order.
 * Where there is no background the first class takes the colour after all others, which keep theirs.
 */
export function classColours(names: readonly string[]): Colour[] {
  const background = backgroundClass(names);
  // The colour of index 255 is that of ignored pixels.
  if (background === null) return names.map((_, i) => classColour(i > 0 ? i : names.length % IGNORE_INDEX));
  return names.map((_, i) => classColour(i === background ? 0 : i < background ? i + 1 : i));
}

/** As CSS writes it: `#e69f00`. */
export function hexColour(colour: Colour): string {
  return `#${colour.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

function makePalette(): Uint8Array {
  const palette = new Uint8Array(256 * 3);
  const taken = new Set(['0,0,0', IGNORED_COLOUR.join()]);
  let step = 0;
  const chosen = [...OKABE_ITO, ...FARTHEST];
  for (let index = 1; index < IGNORE_INDEX; index++) {
    let colour: Colour | undefined = chosen[index - 1];
    while (colour === undefined || taken.has(colour.join())) {
      step++;
      const lightness = 0.3 + 0.5 * ((step * GOLDEN * GOLDEN) % 1);
      colour = fromHsl((step * GOLDEN) % 1, 0.75, lightness);
    }
    taken.add(colour.join());
    palette.set(colour, 3 * index);
  }
  palette.set(IGNORED_COLOUR, 3 * IGNORE_INDEX);
  return palette;
}

/** Hue, saturation and lightness in 0…1 to bytes (CSS Color 4, section 7). */
function fromHsl(hue: number, saturation: number, lightness: number): [number, number, number] {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number): number => {
    const k = (n + hue * 12) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
