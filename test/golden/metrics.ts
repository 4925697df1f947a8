/** Reads the reference values of metrics.json; and random masks for property tests. */
import fc from 'fast-check';
import golden from './metrics.json' with { type: 'json' };

export interface OutlineReference {
  class: number;
  unit: Record<'hd95' | 'hd' | 'msd', number | 'Infinity' | null>;
  spaced: Record<'hd95' | 'hd' | 'msd', number | 'Infinity' | null>;
  /** Boundary IoU at ratios 0.02 and 0.1. */
  boundary: [number | null, number | null];
}

export interface GoldenCase {
  name: string;
  classes: number;
  prediction: string[];
  target: string[];
  counts: number[][];
  iou: (number | null)[];
  dice: (number | null)[];
  precision: (number | null)[];
  recall: (number | null)[];
  pixelAccuracy: number | null;
  meanIoU: number | null;
  meanDice: number | null;
  microIoU: number | null;
  microDice: number | null;
  outlines: OutlineReference[];
}

export const goldenCases: [string, GoldenCase][] = (golden.cases as unknown as GoldenCase[]).map((entry) => [
  entry.name,
  entry,
]);
export const goldenThresholds = golden.thresholds;

/** Class indices from rows of digits; "." is an ignored pixel. */
export function parseMask(rows: readonly string[]): Uint8Array {
  return Uint8Array.from(rows.join(''), (digit) => (digit === '.' ? 255 : Number(digit)));
}

/** Two masks of one random size with classes 0 to `classes` − 1, and 255 in the second. */
export function maskPairs(classes: number) {
  return fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))
    .chain(([height, width]) => {
      const mask = (values: number[]) =>
        fc
          .array(fc.constantFrom(...values), { minLength: height * width, maxLength: height * width })
          .map((pixels) => Uint8Array.from(pixels));
      const known = Array.from({ length: classes }, (_, index) => index);
      return fc.record({
        height: fc.constant(height),
        width: fc.constant(width),
        prediction: mask(known),
        target: mask([...known, 255]),
      });
    });
}

/** A reference score in its JSON spelling. */
export function fromJson(value: number | 'Infinity' | null): number | null {
  return value === 'Infinity' ? Infinity : value;
}
