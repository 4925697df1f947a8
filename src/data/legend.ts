/** A legend: the classes of a data set, from a list next to the masks or the export of a tool. */

import type { Colour } from '../images/palette.js';

export interface LegendEntry {
  readonly name: string;
  /** The value of the class in masks, if the legend has values. */
  readonly value?: number | undefined;
  /** The colour of the class in masks, if the legend has colours. */
  readonly colour?: Colour | undefined;
}

export interface Legend {
  /** The file that it was read from, for messages. */
  readonly source: string;
  readonly entries: readonly LegendEntry[];
}

/** Names used by tools for unlabelled pixels. */
const BACKGROUND = /^[_\s]*(background|bg|unlabel+ed|none|void-?background)[_\s]*$/i;

/** True for `background`, `_background_`, `BG`, `Unlabeled`… */
export function isBackgroundName(name: string): boolean {
  return BACKGROUND.test(name);
}

/** Names for ignored pixels: `__ignore__` in labelme, `ignore` and `void` in others. */
export function isIgnoredName(name: string): boolean {
  return /^[_\s]*(ignored?|void|don'?t[ _-]?care)[_\s]*$/i.test(name);
}

/** `#ff8800`, `ff8800` or `#f80`; undefined for anything else. */
export function colourOf(text: string): Colour | undefined {
  const hex = /^#?([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(text.trim())?.[1];
  if (hex === undefined) return undefined;
  const wide = hex.length === 3 ? [...hex].map((digit) => digit + digit).join('') : hex;
  return [0, 2, 4].map((at) => parseInt(wide.slice(at, at + 2), 16)) as unknown as Colour;
}
