/** Finds the objects in the prediction of a model that tells objects apart. */
import { UsageError } from '../errors/index.js';
import { backgroundClass } from '../images/palette.js';
import type { ClassMask } from '../images/raster.js';
import type { MaskClasses } from '../labels/label-set.js';
import { findObjects, type ObjectMap, objectsOfMask } from '../objects/index.js';
import type { CleanOptions } from './components.js';
import { cleanMask } from './components.js';
import type { SegmentedObjects, Segmentation } from './segmentation.js';

/**
 * Returns the objects and a mask with the class of each object.
 *
 * @param mask the most probable classes. @param energy H×W, 0 … 255.
 * @param probability returns the probability of class `value` at the pixel with this index.
 * @param options apply to objects: `keepLargest` keeps the largest one of each class, `minArea` removes smaller ones.
 */
export function objectsIn(
  mask: ClassMask,
  energy: Uint8Array,
  probability: (pixel: number, value: number) => number,
  { keepLargest = false, minArea, fillHoles = false }: CleanOptions = {},
): { mask: ClassMask; objects: SegmentedObjects } {
  const { width, height, data: classes } = fillHoles ? cleanMask(mask, { fillHoles }) : mask;
  const found = findObjects({ width, height, classes, energy }, minArea);
  const objects = keepLargest ? largestOfEachClass(found) : found;
  const data = Uint8Array.from(objects.labels, (label) => (label === 0 ? 0 : objects.classes[label - 1]!));
  return {
    mask: { width, height, data },
    objects: { ...objects, probabilities: meanProbabilities(objects, probability) },
  };
}

/** Reads K×H×W probabilities, as the parameter `probability` of {@link objectsIn}. */
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

/**
 * The objects of a segmentation: those that the model found, or the connected components of its classes if it finds
 * classes only.
 *
 * @param segmentation must have probabilities if it has no objects. @throws UsageError if the classes overlap.
 */
export function objectsOfSegmentation(
  { objects, mask, probabilities }: Pick<Segmentation, 'objects' | 'mask' | 'probabilities'>,
  { classes, multiLabel }: MaskClasses,
): SegmentedObjects {
  if (objects) return objects;
  if (multiLabel) {
    throw new UsageError(
      'The classes of this model overlap, so it does not separate objects. Use its masks instead.',
    );
  }
  const found = objectsOfMask(mask, backgroundClass(classes));
  const probability = probabilityIn(probabilities!.data, mask.data.length);
  return { ...found, probabilities: meanProbabilities(found, probability) };
}

function meanProbabilities(
  { labels, classes }: ObjectMap,
  probability: (pixel: number, value: number) => number,
): Float32Array {
  const sums = new Float64Array(classes.length);
  const areas = new Float64Array(classes.length);
  labels.forEach((label, i) => {
    if (label === 0) return;
    areas[label - 1]!++;
    sums[label - 1]! += probability(i, classes[label - 1]!);
  });
  return Float32Array.from(sums, (sum, k) => sum / areas[k]!);
}
