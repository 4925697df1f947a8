/**
 * Seeded watershed (Meyer, "Un algorithme optimal pour la ligne de partage des eaux", 1991): basins grow from seeds over
 * the pixels of a mask, high energies first, until they meet. Pixels are 8-connected.
 *
 * The result does not depend on the numbers of the seeds or on the order in which pixels are visited: pixels are taken
 * in generations, all of the same energy and the same distance from the basins, and each is given to a basin by what
 * was there before its generation.
 */

/** H×W energies, 0 … 255, for example how far inside its object a pixel is. */
export interface Energy {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const LEVELS = 256;

/**
 * Seeds: the maxima of the energy that rise at least `depth` above the way to any higher one, with all connected pixels
 * less than `depth` below the maximum (extended maxima; Soille, "Morphological image analysis", 2003, chapter 6).
 *
 * @param mask pixels that may belong to a seed are not 0. @param least the smallest maximum that is a seed.
 * @returns the number of the seed by pixel, from 1; 0 elsewhere; and their count.
 */
export function findSeeds(
  { width, height, data }: Energy,
  mask: Uint8Array,
  { depth, least }: { readonly depth: number; readonly least: number },
): { readonly seeds: Int32Array; readonly count: number } {
  const order = pixelsByEnergy(data, mask);
  // Components of the pixels so far; the root of each is its maximum.
  const parents = new Int32Array(data.length).fill(-1);
  const root = (pixel: number): number => {
    let at = pixel;
    while (parents[at] !== at) at = parents[at] = parents[parents[at]!]!;
    return at;
  };
  const maxima: number[] = [];
  for (const i of order) {
    const energy = data[i]!;
    parents[i] = i;
    forNeighbours(i, width, height, (j) => {
      if (parents[j] === -1) return;
      const [a, b] = [root(i), root(j)];
      if (a === b) return;
      const [lower, higher] = data[a]! < data[b]! || (data[a]! === data[b]! && a > b) ? [a, b] : [b, a];
      if (data[lower]! - energy >= depth && data[lower]! >= least) maxima.push(lower);
      parents[lower] = higher;
    });
  }
  for (const i of order) if (parents[i] === i && data[i]! >= least) maxima.push(i);
  const seeds = new Int32Array(data.length);
  maxima.sort((a, b) => a - b);
  maxima.forEach((peak, k) => {
    const floor = data[peak]! - depth;
    const stack = [peak];
    seeds[peak] = k + 1;
    while (stack.length > 0) {
      forNeighbours(stack.pop()!, width, height, (j) => {
        if (seeds[j] !== 0 || mask[j] === 0 || data[j]! <= floor) return;
        seeds[j] = k + 1;
        stack.push(j);
      });
    }
  });
  return { seeds, count: maxima.length };
}

/**
 * Grows seeds over the pixels of a mask. A pixel between two basins goes to the one with more of its neighbours (sides
 * count twice); then to the one whose seed has the nearer centre; then to the one whose seed comes first in the image.
 *
 * @param seeds the number of the seed by pixel, 0 elsewhere. Numbers may skip.
 * @returns the number of its basin for each pixel of the mask; 0 elsewhere, and where no seed leads.
 */
export function watershed({ width, height, data }: Energy, seeds: Int32Array, mask: Uint8Array): Int32Array {
  const labels = Int32Array.from(seeds, (seed, i) => (mask[i] === 0 ? 0 : seed));
  const centres = centresOf(labels, width);
  const queued = new Uint8Array(data.length);
  const levels = Array.from({ length: LEVELS }, (): number[] => []);
  let level = LEVELS - 1;
  let next: number[] = [];
  const queue = (i: number): void => {
    forNeighbours(i, width, height, (j) => {
      if (labels[j] !== 0 || queued[j] === 1 || mask[j] === 0) return;
      queued[j] = 1;
      if (data[j]! >= level) next.push(j);
      else levels[data[j]!]!.push(j);
    });
  };
  labels.forEach((label, i) => {
    if (label !== 0) queue(i);
  });
  for (; level >= 0; level--) {
    for (let generation = next.concat(levels[level]!); generation.length > 0; generation = next) {
      next = [];
      const chosen = Int32Array.from(generation, (i) => basinOf(i, labels, width, height, centres));
      generation.forEach((i, k) => (labels[i] = chosen[k]!));
      generation.forEach(queue);
    }
    levels[level] = [];
  }
  return labels;
}

interface Centre {
  row: number;
  column: number;
  pixels: number;
  readonly first: number;
}

function centresOf(labels: Int32Array, width: number): ReadonlyMap<number, Centre> {
  const centres = new Map<number, Centre>();
  labels.forEach((label, i) => {
    if (label === 0) return;
    let centre = centres.get(label);
    if (centre === undefined) centres.set(label, (centre = { row: 0, column: 0, pixels: 0, first: i }));
    centre.row += Math.floor(i / width);
    centre.column += i % width;
    centre.pixels++;
  });
  for (const centre of centres.values()) {
    centre.row /= centre.pixels;
    centre.column /= centre.pixels;
  }
  return centres;
}

/** The basin that a pixel joins, by its neighbours. */
function basinOf(
  i: number,
  labels: Int32Array,
  width: number,
  height: number,
  centres: ReadonlyMap<number, Centre>,
): number {
  let only = 0;
  let several = false;
  forNeighbours(i, width, height, (j) => {
    const label = labels[j]!;
    if (label === 0 || label === only) return;
    if (only === 0) only = label;
    else several = true;
  });
  if (!several) return only;
  const votes = new Map<number, number>();
  forNeighbours(i, width, height, (j) => {
    const label = labels[j]!;
    const isSide = j === i - 1 || j === i + 1 || j === i - width || j === i + width;
    if (label !== 0) votes.set(label, (votes.get(label) ?? 0) + (isSide ? 2 : 1));
  });
  const distance = ({ row, column }: Centre): number =>
    (row - Math.floor(i / width)) ** 2 + (column - (i % width)) ** 2;
  const best = [...votes].reduce((a, b) => {
    if (a[1] !== b[1]) return a[1] > b[1] ? a : b;
    const [one, other] = [centres.get(a[0])!, centres.get(b[0])!];
    const nearer = distance(one) - distance(other);
    // Equal distances differ by rounding in a mirrored image.
    if (Math.abs(nearer) > 1e-9) return nearer < 0 ? a : b;
    return one.first < other.first ? a : b;
  });
  return best[0];
}

function pixelsByEnergy(data: Uint8Array, mask: Uint8Array): Int32Array {
  const starts = new Int32Array(LEVELS + 1);
  for (let i = 0; i < data.length; i++) if (mask[i] !== 0) starts[LEVELS - data[i]!]!++;
  for (let level = 1; level <= LEVELS; level++) starts[level]! += starts[level - 1]!;
  const order = new Int32Array(starts[LEVELS]!);
  for (let i = 0; i < data.length; i++) {
    if (mask[i] !== 0) order[starts[LEVELS - 1 - data[i]!]!++] = i;
  }
  return order;
}

/** Calls `visit` with the up to eight neighbours of a pixel. */
function forNeighbours(i: number, width: number, height: number, visit: (j: number) => void): void {
  const x = i % width;
  const [left, right] = [x > 0, x < width - 1];
  if (i >= width) {
    if (left) visit(i - width - 1);
    visit(i - width);
    if (right) visit(i - width + 1);
  }
  if (left) visit(i - 1);
  if (right) visit(i + 1);
  if (i < width * (height - 1)) {
    if (left) visit(i + width - 1);
    visit(i + width);
    if (right) visit(i + width + 1);
  }
}
