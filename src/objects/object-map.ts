/** The objects of one image with their classes. */
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { connectedComponents, type ValueMask } from './components.js';
import type { ObjectMask } from './object-codes.js';

export interface ObjectMap {
  readonly width: number;
  readonly height: number;
  /** H×W: the number of the pixel's object, from 1; 0 is background. */
  readonly labels: Int32Array;
  /** The class of each object: that of object 1 first. */
  readonly classes: Uint8Array;
}

/** The connected components of each class except the background and ignored pixels, numbered by their first pixels. */
export function objectsOfMask(mask: ValueMask, background: number | null = 0): ObjectMap {
  const { width, height } = mask;
  const { labels, components } = connectedComponents(mask, background);
  const classes: number[] = [];
  const numberOf = components.map(({ value }) =>
    value === background || value === IGNORE_INDEX ? 0 : classes.push(value),
  );
  for (let i = 0; i < labels.length; i++) labels[i] = numberOf[labels[i]!]!;
  return { width, height, labels, classes: Uint8Array.from(classes) };
}

/** The objects of a mask of codes, numbered by their first pixels; and IGNORE_INDEX where pixels are ignored, else 0. */
export function objectsOfCodes({
  width,
  height,
  data,
}: ObjectMask): ObjectMap & { readonly ignored: Uint8Array } {
  const labels = new Int32Array(data.length);
  const ignored = new Uint8Array(data.length);
  const numbers = new Map<number, number>();
  const classes: number[] = [];
  let [last, label] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    const code = data[i]!;
    if (code !== last) {
      last = code;
      label = 0;
      if (code === IGNORE_INDEX) label = 0;
      else if (code !== 0) {
        label = numbers.get(code) ?? classes.push(code & 255);
        numbers.set(code, label);
      }
    }
    labels[i] = label;
    if (code === IGNORE_INDEX) ignored[i] = IGNORE_INDEX;
  }
  return { width, height, labels, classes: Uint8Array.from(classes), ignored };
}

/** How masks are read: a number for each object, or classes, whose connected components are the objects. */
export const MASK_CONTENTS = ['auto', 'objects', 'classes'] as const;

export type MaskContents = (typeof MASK_CONTENTS)[number];
