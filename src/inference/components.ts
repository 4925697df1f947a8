/**
 * Postprocessing of masks by their connected components: removing small components, keeping the largest one of each
 * class, filling holes.
 */
import { UsageError } from '../errors/index.js';
import type { ClassMask } from '../images/raster.js';
import { type Component, connectedComponents } from '../objects/index.js';

export interface CleanOptions {
  /** Keeps only the largest component of each class except the background; the first of equally large ones. */
  readonly keepLargest?: boolean | undefined;
  /** Removes components with fewer pixels, except of the background. */
  readonly minArea?: number | undefined;
  /** Assigns background that is enclosed by one class to that class. */
  readonly fillHoles?: boolean | undefined;
  /**
   * The class assigned to removed pixels; default: the model's class `background`, or 0 without a model. Null if
   * no class is the background: a removed component then gets the class with the longest common border, and
   * `fillHoles` has no effect.
   */
  readonly background?: number | null | undefined;
}

/** Throws UsageError for options out of range. */
export function checkCleanOptions({ minArea }: CleanOptions): void {
  if (minArea !== undefined && !(Number.isInteger(minArea) && minArea >= 0)) {
    throw new UsageError(`minArea must be a whole number of pixels, 0 or more; got ${minArea}.`);
  }
}

/** Whether the options can change a mask. */
export const isCleaned = ({ keepLargest = false, minArea = 0, fillHoles = false }: CleanOptions): boolean =>
  keepLargest || minArea > 1 || fillHoles;

/** Removes components, then fills holes. Returns a new mask. */
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
 * Maps each removed component to the class with which it shares the most pixel edges; the first of equal ones. A
 * component that touches only removed ones is assigned after they are. If nothing is kept, none is assigned.
 */
function classesAround(
  width: number,
  labels: Int32Array,
  components: readonly Component[],
  dropped: readonly boolean[],
): Map<number, number> {
  /** For each removed component, the number of pixel edges shared with each neighbour. */
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
  // The class around each background component: undefined if none was found yet, null if there are several.
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
