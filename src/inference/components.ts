/**
 * Connected components of a mask, and what is done with them after prediction: dropping specks, keeping the
 * largest piece of each class, filling holes. Pixels of a class touch along edges and corners (8 neighbours),
 * those of the background along edges alone (4): so a line one pixel wide parts what it should part.
 *
 * Labelling is the two-pass algorithm with union-find (Rosenfeld & Pfaltz, "Sequential operations in digital
 * picture processing", 1966).
 */
import { UsageError } from '../errors/index.js';
import type { ClassMask } from '../images/raster.js';

export interface Component {
  /** The class of all its pixels. */
  readonly value: number;
  /** Pixels. */
  readonly area: number;
  /** Its first pixel in reading order. */
  readonly first: number;
  /** Whether one of its pixels lies on the image's border. */
  readonly touchesBorder: boolean;
}

export interface Components {
  /** Index into `components` of every pixel. */
  readonly labels: Int32Array;
  /** In order of their first pixels. */
  readonly components: readonly Component[];
}

/**
 * Parts a mask into regions of one class.
 * @param background the class whose pixels touch along edges alone; `all` where those of every class do, null
 *   where those of none.
 */
export function connectedComponents(
  { width, height, data }: ClassMask,
  background: number | 'all' | null = 0,
): Components {
  const parents = new Int32Array(data.length);
  const root = (pixel: number): number => {
    let at = pixel;
    // Halving the path keeps it short without a second walk.
    while (parents[at] !== at) at = parents[at] = parents[parents[at]!]!;
    return at;
  };
  // The root of a region is its first pixel, as labels later follow that order.
  const join = (a: number, b: number): number => {
    const [x, y] = [root(a), root(b)];
    if (x < y) return (parents[y] = x);
    return (parents[x] = y);
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const value = data[i]!;
      let at = i;
      parents[i] = i;
      if (x > 0 && data[i - 1] === value) at = join(i - 1, at);
      if (y === 0) continue;
      if (data[i - width] === value) at = join(i - width, at);
      if (background === 'all' || value === background) continue;
      if (x > 0 && data[i - width - 1] === value) at = join(i - width - 1, at);
      if (x < width - 1 && data[i - width + 1] === value) join(i - width + 1, at);
    }
  }
  const labels = parents;
  const areas: number[] = [];
  const firsts: number[] = [];
  const border: boolean[] = [];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      // A parent comes before its pixel, so it holds its label already.
      const label = parents[i] === i ? areas.length : labels[parents[i]!]!;
      if (parents[i] === i) {
        areas.push(0);
        firsts.push(i);
        border.push(false);
      }
      labels[i] = label;
      areas[label]!++;
      if (x === 0 || y === 0 || x === width - 1 || y === height - 1) border[label] = true;
    }
  }
  const components = areas.map((area, label): Component => {
    const first = firsts[label]!;
    return { value: data[first]!, area, first, touchesBorder: border[label]! };
  });
  return { labels, components };
}

export interface CleanOptions {
  /** Of each class but the background, only the largest component stays (of equals, the first). */
  readonly keepLargest?: boolean | undefined;
  /** Components of fewer pixels, in classes other than the background, are dropped. */
  readonly minArea?: number | undefined;
  /** Background that one class encloses becomes of that class. */
  readonly fillHoles?: boolean | undefined;
  /**
   * The class that dropped pixels become; default 0, and where a model is known its class `background`. Null
   * where every class is something: a dropped piece then becomes of the class that it touches most, and there
   * are no holes.
   */
  readonly background?: number | null | undefined;
}

/** Throws UsageError where the options are out of range. */
export function checkCleanOptions({ minArea }: CleanOptions): void {
  if (minArea !== undefined && !(Number.isInteger(minArea) && minArea >= 0)) {
    throw new UsageError(`The smallest area is ${minArea}; it is a whole number of pixels from 0.`);
  }
}

/** Whether the options change any mask. */
export const isCleaned = ({ keepLargest = false, minArea = 0, fillHoles = false }: CleanOptions): boolean =>
  keepLargest || minArea > 1 || fillHoles;

/** A mask with components dropped and holes filled, in this order; the mask itself stays as it is. */
export function cleanMask(mask: ClassMask, options: CleanOptions): ClassMask {
  checkCleanOptions(options);
  const { keepLargest = false, minArea = 0, fillHoles = false, background = 0 } = options;
  let cleaned = mask;
  if (keepLargest || minArea > 1) cleaned = dropComponents(cleaned, keepLargest, minArea, background);
  if (fillHoles && background !== null) cleaned = fillEnclosed(cleaned, background);
  return cleaned;
}

function dropComponents(
  mask: ClassMask,
  keepLargest: boolean,
  minArea: number,
  background: number | null,
): ClassMask {
  const { labels, components } = connectedComponents(mask, background);
  const largest = new Map<number, number>();
  components.forEach(({ value, area }, label) => {
    const known = largest.get(value);
    if (known === undefined || area > components[known]!.area) largest.set(value, label);
  });
  const dropped = components.map(
    ({ value, area }, label) =>
      value !== background && (area < minArea || (keepLargest && largest.get(value) !== label)),
  );
  const becomes = background === null ? classesAround(mask.width, labels, components, dropped) : undefined;
  const data = mask.data.map((value, i) => {
    const label = labels[i]!;
    return dropped[label] ? (becomes?.get(label) ?? background ?? value) : value;
  });
  return { ...mask, data };
}

/**
 * By dropped component, the class that it touches along most edges of pixels, the first of equals. One that
 * lies among dropped ones follows when these have theirs; where nothing is kept there is none to take.
 */
function classesAround(
  width: number,
  labels: Int32Array,
  components: readonly Component[],
  dropped: readonly boolean[],
): Map<number, number> {
  /** By dropped component, its neighbours and the edges between the two. */
  const touching = new Map<number, Map<number, number>>();
  const touch = (one: number, other: number): void => {
    if (!dropped[one]) return;
    let edges = touching.get(one);
    if (!edges) touching.set(one, (edges = new Map<number, number>()));
    edges.set(other, (edges.get(other) ?? 0) + 1);
  };
  for (let i = 0; i < labels.length; i++) {
    for (const other of [i % width > 0 ? i - 1 : i, i >= width ? i - width : i]) {
      const [a, b] = [labels[i]!, labels[other]!];
      if (a === b) continue;
      touch(a, b);
      touch(b, a);
    }
  }
  const becomes = new Map<number, number>();
  for (let open = [...touching.keys()]; open.length > 0;) {
    const found = open.flatMap((label) => {
      const edges = new Map<number, number>();
      for (const [neighbour, count] of touching.get(label)!) {
        const value = dropped[neighbour] ? becomes.get(neighbour) : components[neighbour]!.value;
        if (value !== undefined) edges.set(value, (edges.get(value) ?? 0) + count);
      }
      const [most] = [...edges].sort(([a, m], [b, n]) => n - m || a - b);
      return most ? [[label, most[0]] as const] : [];
    });
    if (found.length === 0) break;
    for (const [label, value] of found) becomes.set(label, value);
    open = open.filter((label) => !becomes.has(label));
  }
  return becomes;
}

function fillEnclosed(mask: ClassMask, background: number): ClassMask {
  const { width, height } = mask;
  const { labels, components } = connectedComponents(mask, background);
  // The class around each region of background: undefined before any is met, null where there are several.
  const around = components.map((): number | null | undefined => undefined);
  const meet = (hole: number, neighbour: number): void => {
    const { value } = components[neighbour]!;
    if (around[hole] === undefined) around[hole] = value;
    else if (around[hole] !== value) around[hole] = null;
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      for (const other of [x > 0 ? i - 1 : i, y > 0 ? i - width : i]) {
        const [a, b] = [labels[i]!, labels[other]!];
        if (a === b) continue;
        if (components[a]!.value === background) meet(a, b);
        if (components[b]!.value === background) meet(b, a);
      }
    }
  }
  const filled = components.map(({ value, touchesBorder }, label) => {
    const outer = around[label];
    return value === background && !touchesBorder && typeof outer === 'number' ? outer : value;
  });
  return { ...mask, data: mask.data.map((_, i) => filled[labels[i]!]!) };
}
