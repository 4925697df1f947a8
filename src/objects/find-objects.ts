/** Finds objects in what a network says of each pixel: its class, and the energy by its distance from the edge. */
import type { ObjectMap } from './object-map.js';
import { connectedComponents } from './components.js';
import { findSeeds, watershed } from './watershed.js';

/** H×W. */
export interface ObjectField {
  readonly width: number;
  readonly height: number;
  /** The most probable class; 0 is background. */
  readonly classes: Uint8Array;
  /** The expected level, 0 … 255: see levels.ts. */
  readonly energy: Uint8Array;
}

/** How far a core must rise above the way to a higher one to be one of its own, of 255. */
const DEPTH = 25;
/** The smallest energy of a core. */
const LEAST_CORE = 110;

/** Specks: objects of less than this share of the median area in their image. On drawn cells, AP at 0.5 is 0.66 without them, 0.59 with. */
const SPECK_SHARE = 0.05;

/**
 * Fragments: objects of less than this share of the median area in their image that touch a larger one, such as the tip
 * of an arm. They are a part of it. On 60 pictures of drawn cells this changed AP at 0.5 from 0.85 to 0.93, on 50 of
 * drawn nuclei from 0.977 to 0.981; shares of 0.2 to 0.35 differ by 0.002.
 */
const FRAGMENT_SHARE = 0.25;

/** Energies in 0 … 1 as bytes. @param bytes where to write them; it may be longer. */
export function energyBytes(energy: ArrayLike<number>, bytes = new Uint8Array(energy.length)): Uint8Array {
  for (let i = 0; i < energy.length; i++) bytes[i] = Math.max(0, Math.min(255, Math.round(255 * energy[i]!)));
  return bytes;
}

/**
 * Objects by a watershed from the cores. A piece of foreground without a core is an object, too. The class of an object
 * is that of most of its pixels. Fragments are joined to a larger object. Objects are numbered by their first pixels.
 *
 * @param minArea objects of fewer pixels are left out; default: those of less than a twentieth of the median area.
 */
export function findObjects({ width, height, classes, energy }: ObjectField, minArea?: number): ObjectMap {
  const plane = { width, height, data: energy };
  const { seeds, count } = findSeeds(plane, classes, { depth: DEPTH, least: LEAST_CORE });
  const labels = watershed(plane, seeds, classes);
  // What no seed leads to.
  const rest = classes.map((value, i) => (value !== 0 && labels[i] === 0 ? 1 : 0));
  let total = count;
  if (rest.includes(1)) {
    const pieces = connectedComponents({ width, height, data: rest });
    const numbers = pieces.components.map(({ value }) => (value === 1 ? ++total : 0));
    for (let i = 0; i < rest.length; i++) if (rest[i] === 1) labels[i] = numbers[pieces.labels[i]!]!;
  }
  joinFragments(labels, total, width);
  return numbered(width, height, labels, total, classes, minArea);
}

/** Gives each fragment to the larger object with which it has the longest border; see {@link FRAGMENT_SHARE}. */
function joinFragments(labels: Int32Array, total: number, width: number): void {
  const areas = new Uint32Array(total + 1);
  for (const label of labels) areas[label]!++;
  const most = FRAGMENT_SHARE * medianArea(areas);
  const isFragment = (label: number) => label !== 0 && areas[label]! < most;
  /** By fragment: the pixel sides that it shares with each larger object. */
  const borders = new Map<number, Map<number, number>>();
  const meet = (a: number, b: number): void => {
    if (!isFragment(a) || b === 0 || areas[b]! <= areas[a]!) return;
    const border = borders.get(a) ?? new Map<number, number>();
    border.set(b, (border.get(b) ?? 0) + 1);
    borders.set(a, border);
  };
  for (let i = 0; i < labels.length; i++) {
    for (const j of [i % width > 0 ? i - 1 : i, i >= width ? i - width : i]) {
      const [a, b] = [labels[i]!, labels[j]!];
      if (a === b) continue;
      meet(a, b);
      meet(b, a);
    }
  }
  const target = Int32Array.from(areas, (_, label) => label);
  for (const [fragment, border] of borders) {
    [target[fragment]] = [...border].reduce((best, each) => {
      if (each[1] !== best[1]) return each[1] > best[1] ? each : best;
      return areas[each[0]]! > areas[best[0]]! ? each : best;
    });
  }
  // From the largest, so that what a fragment joins has already joined another one.
  const joined = [...borders.keys()].sort((a, b) => areas[b]! - areas[a]!);
  for (const fragment of joined) target[fragment] = target[target[fragment]!]!;
  if (joined.length > 0) for (let i = 0; i < labels.length; i++) labels[i] = target[labels[i]!]!;
}

/** @param areas by label, from 1; those of 0 do not count. */
function medianArea(areas: Uint32Array): number {
  const sorted = areas
    .subarray(1)
    .filter((area) => area > 0)
    .sort();
  return sorted[sorted.length >> 1] ?? 0;
}

/** Leaves out small objects, numbers the others by their first pixels, and lets their pixels vote for their classes. */
function numbered(
  width: number,
  height: number,
  labels: Int32Array,
  total: number,
  classes: Uint8Array,
  minArea: number | undefined,
): ObjectMap {
  const most = classes.reduce((a, b) => Math.max(a, b), 0);
  const votes = new Uint32Array((total + 1) * (most + 1));
  const areas = new Uint32Array(total + 1);
  for (let i = 0; i < labels.length; i++) {
    areas[labels[i]!]!++;
    votes[labels[i]! * (most + 1) + classes[i]!]!++;
  }
  const least = minArea ?? SPECK_SHARE * medianArea(areas);
  const numberOf = new Int32Array(total + 1).fill(-1);
  numberOf[0] = 0;
  const found: number[] = [];
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (numberOf[label] === -1) {
      const own = votes.subarray(label * (most + 1), (label + 1) * (most + 1));
      numberOf[label] = areas[label]! < least ? 0 : found.push(own.indexOf(Math.max(...own)));
    }
    labels[i] = numberOf[label]!;
  }
  return { width, height, labels, classes: Uint8Array.from(found) };
}
