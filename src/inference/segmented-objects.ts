/** Objects in what a model of objects predicts. */
import type { ClassMask } from '../images/raster.js';
import { findObjects, type ObjectMap } from '../objects/index.js';
import type { CleanOptions } from './components.js';
import { cleanMask } from './components.js';

/**
 * Finds the objects, and makes the mask of their classes.
 *
 * @param mask the most probable classes. @param energy H×W, 0 … 255.
 * @param probability of a class in a pixel, given by its index.
 * @param options `keepLargest` keeps the largest object of each class, `minArea` is that of an object.
 */
export function objectsIn(
  mask: ClassMask,
  energy: Uint8Array,
  probability: (pixel: number, value: number) => number,
  { keepLargest = false, minArea = 1, fillHoles = false }: CleanOptions = {},
): { mask: ClassMask; objects: ObjectMap & { probabilities: Float32Array } } {
  const { width, height, data: classes } = fillHoles ? cleanMask(mask, { fillHoles }) : mask;
  const found = findObjects({ width, height, classes, energy }, minArea);
  const objects = keepLargest ? largestOfEachClass(found) : found;
  const { labels } = objects;
  const plane = width * height;
  const sums = new Float64Array(objects.classes.length);
  const areas = new Float64Array(objects.classes.length);
  const data = new Uint8Array(plane);
  for (let i = 0; i < plane; i++) {
    const k = labels[i]! - 1;
    if (k < 0) continue;
    data[i] = objects.classes[k]!;
    areas[k]!++;
    sums[k]! += probability(i, objects.classes[k]!);
  }
  return {
    mask: { width, height, data },
    objects: { ...objects, probabilities: Float32Array.from(sums, (sum, k) => sum / areas[k]!) },
  };
}

/** Probabilities K×H×W as {@link objectsIn} takes them. */
export function probabilityIn(planes: Float32Array, size: number): (pixel: number, value: number) => number {
  return (pixel, value) => planes[value * size + pixel]!;
}

function largestOfEachClass({ width, height, labels, classes }: ObjectMap): ObjectMap {
  const areas = new Float64Array(classes.length + 1);
  for (const label of labels) areas[label]!++;
  const largest = new Map<number, number>();
  classes.forEach((value, k) => {
    const known = largest.get(value);
    if (known === undefined || areas[k + 1]! > areas[known]!) largest.set(value, k + 1);
  });
  const kept = [...largest.values()].sort((a, b) => a - b);
  return {
    width,
    height,
    labels: labels.map((label) => kept.indexOf(label) + 1),
    classes: Uint8Array.from(kept, (label) => classes[label - 1]!),
  };
}
