/**
 * What a network learns of objects, and how objects are found in it.
 *
 * Each pixel of an object has a level by its distance from the edge of the object: the outer rim, the part between, the
 * core. The network classifies pixels into background and the levels of each class, as the deep watershed transform
 * does with energies (Bai and Urtasun, "Deep watershed transform for instance segmentation", 2017). So one softmax
 * tells foreground from background, separates neighbours by their rims, and gives each object a core, from which the
 * watershed starts. The expected level is the energy of the watershed.
 */
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import type { ObjectMask } from './object-codes.js';

/** Levels of an object: rim, between, core. */
export const LEVELS = 3;

const LEVEL_NAMES = ['rim', 'between', 'core'];

/** The network's outputs: the background, then the levels of each class from the rim to the core. */
export function levelNames(classes: readonly string[]): string[] {
  return classes.flatMap((name, k) => (k === 0 ? [name] : LEVEL_NAMES.map((level) => `${name} ${level}`)));
}

/** The class of each of the network's outputs, for a number of classes with the background. */
export function classOfOutputs(classes: number): number[] {
  return Array.from({ length: 1 + LEVELS * (classes - 1) }, (_, k) => Math.ceil(k / LEVELS));
}

/** The energy of each of the network's outputs, 0 … 1. */
export function energyOfOutputs(classes: number): number[] {
  return classOfOutputs(classes).map((value, k) => (value === 0 ? 0 : (((k - 1) % LEVELS) + 1) / LEVELS));
}

/** The rim is this wide in pixels, but no wider than a share of the object. */
const RIM = 2;
const RIM_SHARE = 1 / 3;
/** Pixels of the core are at more than this share of the largest distance in their object. */
const CORE_SHARE = 2 / 3;

/** The level of a pixel, 1 … {@link LEVELS}, by its distance from the edge (1 at the edge) and the object's largest. */
function levelOf(distance: number, largest: number): number {
  if (distance > CORE_SHARE * largest) return 3;
  return distance <= Math.max(1, Math.min(RIM, RIM_SHARE * largest)) ? 1 : 2;
}

/** Whether a level, as {@link levelsOf} returns them, is part of an object without its rim. */
export const isInside = (level: number): boolean =>
  level !== 0 && level !== IGNORE_INDEX && (level - 1) % LEVELS > 0;

/**
 * The output that each pixel should have: 0, a level of its class, or IGNORE_INDEX. The edge of the image and ignored
 * pixels are not taken for the edge of an object, since it may go on behind them.
 */
export function levelsOf({ width, height, data }: ObjectMask): Uint8Array {
  const distances = distancesToEdge(width, height, data);
  const largest = new Map<number, number>();
  for (let i = 0; i < data.length; i++) {
    const code = data[i]!;
    if (code > 255 && distances[i]! > (largest.get(code) ?? 0)) largest.set(code, distances[i]!);
  }
  const levels = new Uint8Array(data.length);
  let [last, most] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    const code = data[i]!;
    if (code <= 255) {
      levels[i] = code === IGNORE_INDEX ? IGNORE_INDEX : 0;
      continue;
    }
    if (code !== last) [last, most] = [code, largest.get(code)!];
    levels[i] = LEVELS * ((code & 255) - 1) + levelOf(distances[i]!, most);
  }
  return levels;
}

/** Distances are not larger than this, so that an object without an edge in the image has some. */
const FARTHEST = 512;

/** The distance of each pixel of an object to the nearest pixel that is not its own: 1 at the edge. */
export function distancesToEdge(width: number, height: number, data: Uint32Array): Float32Array {
  // Squared distances within rows.
  const rows = new Float32Array(data.length).fill(FARTHEST ** 2);
  const along = (from: number, step: number): void => {
    let distance = FARTHEST;
    for (let x = 0, i = from; x < width; x++, i += step) {
      if (x > 0 && data[i] !== data[i - step]) {
        distance = data[i] === IGNORE_INDEX || data[i - step] === IGNORE_INDEX ? FARTHEST : 0;
      }
      if (distance < FARTHEST) distance++;
      rows[i] = Math.min(rows[i]!, distance * distance);
    }
  };
  for (let y = 0; y < height; y++) {
    along(y * width, 1);
    along((y + 1) * width - 1, -1);
  }
  const distances = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const code = data[i]!;
    if (code <= 255) continue;
    let best = rows[i]!;
    for (const step of [-width, width]) {
      for (let d = 1, j = i + step; d * d < best && j >= 0 && j < data.length; d++, j += step) {
        if (data[j] === code) best = Math.min(best, d * d + rows[j]!);
        else {
          if (data[j] !== IGNORE_INDEX) best = Math.min(best, d * d);
          break;
        }
      }
    }
    distances[i] = Math.sqrt(best);
  }
  return distances;
}
