/**
 * Recognises masks that number their objects, as cellpose, StarDist, QuPath and CellProfiler write them: 1, 2, 3 …
 * in every image anew, each number one piece. Class indices look different: the same few in all images, a class
 * in several pieces.
 */
import { decodeStoredMask } from '../images/decode-mask.js';
import type { MaskCensus } from './mask-census.js';
import { mapParallel } from './parallel.js';
import { spread } from './spread.js';

export interface ObjectNumbers {
  /** Fewest and most objects in one of the masks looked at that have any. */
  readonly fewest: number;
  readonly most: number;
}

/** Masks whose pieces are counted. */
const LOOKED = 24;
/** Sets of few classes may have each in one piece: with fewer numbers than this, they are classes. */
const LEAST_NUMBERS = 5;
/** In one mask alone only many numbers are telling. */
const LEAST_IN_ONE = 12;
/** Share of a mask's numbers from 1 to the highest that occur: objects may hide others. */
const LEAST_DENSITY = 0.8;
/** Share of the numbers that are one piece: an object that lies over another cuts it in two. */
const LEAST_WHOLE = 0.75;

/** What the masks number; undefined where they do not number objects. Throws what decoding throws. */
export async function findObjectNumbers(censuses: readonly MaskCensus[]): Promise<ObjectNumbers | undefined> {
  if (censuses.some(({ kind, lossy }) => kind !== 'values' || lossy)) return undefined;
  const filled = censuses.filter(({ values }) => [...values.keys()].some((value) => value > 0));
  const numbers = filled.map(({ values }) => [...values.keys()].filter((value) => value > 0).length);
  const highest = filled.map(({ values }) => Math.max(...values.keys()));
  const top = Math.max(0, ...highest);
  if (top < (filled.length === 1 ? LEAST_IN_ONE : LEAST_NUMBERS)) return undefined;
  const dense = filled.filter((_, i) => numbers[i]! >= LEAST_DENSITY * highest[i]!).length;
  if (dense < LEAST_DENSITY * filled.length) return undefined;
  // How many objects there are differs from image to image; the highest class does not.
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
