/** How the layers are shown. Both renderers colour by these rules. */
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';

export interface Look {
  readonly labels: boolean;
  readonly prediction: boolean;
  readonly uncertainty: boolean;
  /** Only the edges of regions. */
  readonly outlines: boolean;
  /** From 0 to 1, inside labelled regions. Edges are always nearly opaque. */
  readonly opacity: number;
  /** By class: red, green, blue, and how it is shown: HIDDEN, EDGES or TINTED. 256 entries. */
  readonly palette: Uint8Array;
}

/** How a class is shown: not at all; where it is predicted, by its edges only; by its colour everywhere. */
export const HIDDEN = 0;
export const EDGES = 128;
export const TINTED = 255;

/** A prediction is fainter than a label of the same class. */
export const PREDICTION_FAINTNESS = 0.65;
/** Opacity at the edges of labelled and of predicted regions. */
export const LABEL_EDGE = 0.95;
export const PREDICTION_EDGE = 0.75;
/** Colour of uncertain places, and their greatest opacity. */
export const UNCERTAIN = [255, 0, 144] as const;
export const UNCERTAIN_OPACITY = 0.85;

/** @param background the class whose predictions leave the image as it is; null for none. */
export function paletteOf(
  colours: readonly string[],
  hidden: readonly boolean[],
  background: number | null,
): Uint8Array {
  const palette = new Uint8Array(4 * 256);
  colours.forEach((colour, k) => {
    palette.set([...rgb(colour), hidden[k] ? HIDDEN : k === background ? EDGES : TINTED], 4 * k);
  });
  palette[4 * IGNORE_INDEX + 3] = HIDDEN;
  return palette;
}

/** Red, green and blue of `#rrggbb`. */
export function rgb(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
