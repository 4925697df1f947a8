/** Values of arrays one after another, for comparisons. */
import type { Slot } from '../../src/nn/index.js';

export const flat = (arrays: readonly { readonly values: Float32Array }[]): Float32Array =>
  Float32Array.from(arrays.flatMap(({ values }) => [...values]));

export const flatSlots = (slots: readonly Slot[]): Float32Array => flat(slots.map(({ array }) => array));
