/**
 * The colours of classes in masks, overlays, reports and exported files, distinguishable with colour blindness.
 *
 * Class 0 (most often background, see `classColours`) is black. Classes 1…7 have the seven hues of Okabe and Ito
 * ("Color universal design", 2008), strongest contrasts first. Classes 8…20 were chosen greedily: each is the
 * colour with the largest L*a*b* distance from all before it, under normal vision and each kind of colour
 * blindness (`colour-vision.ts`). The hues of further classes are spread by the golden ratio. Index 255 (ignored)
 * is light grey.
 */
import { coloursOfSets, type MaskClasses } from '../labels/label-set.js';
import { IGNORE_INDEX } from './raster.js';

/** Okabe and Ito's set without its black, ordered so that consecutive colours differ in lightness. */
const OKABE_ITO: readonly Colour[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];

/** From a grid of colours that are not pale, dark or grey: each is the farthest from all colours before it. */
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

/** 256 RGB triples by class index. Must never change: published masks use them. */
export const CLASS_PALETTE: Uint8Array = makePalette();

/** Red, green, blue, 0…255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** The palette's colour for a class index. */
export function classColour(index: number): Colour {
  return [CLASS_PALETTE[3 * index]!, CLASS_PALETTE[3 * index + 1]!, CLASS_PALETTE[3 * index + 2]!];
}

/** Matches the spellings of people and labelling tools: `Background`, `_background_`. */
const BACKGROUND_NAME = /^[\s_]*background[\s_]*$/i;
/** Generated default names. */
const MADE_UP_NAME = /^class \d+$/;

/**
 * The index of the background class, which overlays leave transparent: the class named "background", else class 0
 * if there are at most two classes or if all names are generated. Null for three or more named classes without a
 * background, as in street scenes.
 */
export function backgroundClass(names: readonly string[]): number | null {
  const named = names.findIndex((name) => BACKGROUND_NAME.test(name));
  if (named !== -1) return named;
  return names.length <= 2 || names.every((name) => MADE_UP_NAME.test(name)) ? 0 : null;
}

/**
 * The colours of a list of classes: background black whatever its index, the others in palette order. Without a
 * background, class 0 gets the palette's next unused colour.
 */
export function classColours(names: readonly string[]): Colour[] {
  const background = backgroundClass(names);
  // Palette index 255 is the colour of ignored pixels, so it is skipped.
  if (background === null) return names.map((_, i) => classColour(i > 0 ? i : names.length % IGNORE_INDEX));
  return names.map((_, i) => classColour(i === background ? 0 : i < background ? i + 1 : i));
}

/** How masks of a data set or a model are shown. */
export interface MaskLook {
  /** The colour of each class. */
  readonly ofClasses: readonly Colour[];
  /** The colour of each mask value: of the classes, or of sets of classes that overlap. */
  readonly colours: readonly Colour[];
  /** The mask value that is not coloured; null for none. */
  readonly clear: number | null;
}

/** @param palette the colour of each class; default as in `classColours`. */
export function maskLook({ classes, multiLabel }: MaskClasses, palette?: readonly Colour[]): MaskLook {
  if (multiLabel === true) {
    const ofClasses = palette ?? overlappingColours(classes);
    return { ofClasses, colours: coloursOfSets(ofClasses), clear: 0 };
  }
  const colours = palette ?? classColours(classes);
  return { ofClasses: colours, colours, clear: backgroundClass(classes) };
}

/** The colours of classes that overlap, of which none is a background. */
export function overlappingColours(classes: readonly string[]): Colour[] {
  return classes.map((_, k) => classColour(k + 1));
}

/** A colour in CSS notation: `#e69f00`. */
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
