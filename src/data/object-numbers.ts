/**
 * Recognises masks that number their objects, as written by cellpose, StarDist, QuPath and CellProfiler: 1, 2, 3, …,
 * starting again in every image, and each number is one connected piece. With class indices, all images have the same
 * few values, and a class has several pieces.
 */
import { decodeStoredMask } from '../images/decode-mask.js';
import type { MaskCensus } from './mask-census.js';
import { mapParallel } from './parallel.js';
import { spread } from './spread.js';

export interface ObjectNumbers {
  /** The smallest and largest number of objects in a mask, among the examined masks with objects. */
  readonly fewest: number;
  readonly most: number;
}

/** Number of masks whose pieces are counted. */
const LOOKED = 24;
/** With fewer numbers than this, the numbers are classes, each of which may happen to be one piece. */
const LEAST_NUMBERS = 5;
/** The same if there is only one mask. */
const LEAST_IN_ONE = 12;
/** Share of the numbers from 1 to the highest that must occur in a mask; objects may hide others. */
const LEAST_DENSITY = 0.8;
/** Share of the numbers that must be one piece; an object may be cut in two by another one. */
const LEAST_WHOLE = 0.75;

/** The numbers of objects; undefined if the masks do not number objects. Throws what decoding throws. */
export async function findObjectNumbers(censuses: readonly MaskCensus[]): Promise<ObjectNumbers | undefined> {
  if (censuses.some(({ kind, lossy }) => kind !== 'values' || lossy)) return undefined;
  const filled = censuses.filter(({ values }) => [...values.keys()].some((value) => value > 0));
  const numbers = filled.map(({ values }) => [...values.keys()].filter((value) => value > 0).length);
  const highest = filled.map(({ values }) => Math.max(...values.keys()));
  const top = Math.max(0, ...highest);
  if (top < (filled.length === 1 ? LEAST_IN_ONE : LEAST_NUMBERS)) return undefined;
  const dense = filled.filter((_, i) => numbers[i]! >= LEAST_DENSITY * highest[i]!).length;
  if (dense < LEAST_DENSITY * filled.length) return undefined;
  // The number of objects differs between images; the highest class index does not.
  const differing = new Set(highest).size;
  if (filled.length > 1 && differing < Math.min(4, Math.max(2, 0.3 * filled.length))) return undefined;
  const looked = spread(filled.length, LOOKED).map((i) => filled[i]!);
  const pieces = await mapParallel(looked.length, 4, async (i) => {
    const { width, data } = await decodeStoredMask(looked[i]!.file);
    return wholeNumbers(data, width);
  });
  const whole = pieces.reduce((sum, one) => sum + one.whole, 0);
  const all = pieces.reduce((sum, one) => sum + one.all, 0);
  if (whole < LEAST_WHOLE * all) return undefined;
  return { fewest: Math.min(...numbers), most: Math.max(...numbers) };
}

/** How many numbers other than 0 a mask has, and how many of them are one piece (8-connected). */
function wholeNumbers(data: Uint8Array | Uint16Array, width: number): { all: number; whole: number } {
  const pieces = new Map<number, number>();
  const seen = new Uint8Array(data.length);
  const stack: number[] = [];
  for (let start = 0; start < data.length; start++) {
    const value = data[start]!;
    if (value === 0 || seen[start] === 1) continue;
    pieces.set(value, (pieces.get(value) ?? 0) + 1);
    seen[start] = 1;
    stack.push(start);
    while (stack.length > 0) {
      const i = stack.pop()!;
      const x = i % width;
      for (let dy = -width; dy <= width; dy += width) {
        for (let dx = x > 0 ? -1 : 0; dx <= (x < width - 1 ? 1 : 0); dx++) {
          const j = i + dy + dx;
          if (data[j] !== value || seen[j] === 1) continue;
          seen[j] = 1;
          stack.push(j);
        }
      }
    }
  }
  return { all: pieces.size, whole: [...pieces.values()].filter((count) => count === 1).length };
}
