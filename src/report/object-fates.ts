/** Pictures that show which objects were found, missed, invented, split or merged. */
import type { Colour } from '../images/palette.js';
import type { ClassMask } from '../images/raster.js';
import type { Box } from '../images/resize.js';
import {
  type Fate,
  matchObjects,
  objectsOfCodes,
  type ObjectMap,
  type ObjectMask,
} from '../objects/index.js';
import type { ViewSize } from './view.js';

/** By fate, in the order of a legend. They differ under any colour vision, and from photographs by their outlines. */
export const FATE_COLOURS: Readonly<Record<Fate, Colour>> = {
  matched: [0, 158, 115],
  missed: [0, 0, 0],
  invented: [255, 255, 255],
  split: [230, 159, 0],
  merged: [204, 0, 204],
};

const FATES = Object.keys(FATE_COLOURS) as Fate[];

/** Values in a {@link fateMap}: 0 is clear, then the fates. */
export const FATE_VALUES: readonly Colour[] = [[0, 0, 0], ...Object.values(FATE_COLOURS)];

/** The objects of an image and the fate of each, starting with object 1. */
export interface FatedObjects {
  readonly map: ObjectMap;
  readonly fates: readonly Fate[];
}

/** The true and the predicted objects of an image with their fates. */
export function fatesOf(
  truth: ObjectMask,
  predicted: ObjectMap,
): { readonly trues: FatedObjects; readonly found: FatedObjects } {
  const { ignored, ...map } = objectsOfCodes(truth);
  const { truths, predictions } = matchObjects(map, predicted, ignored);
  return { trues: { map, fates: truths }, found: { map: predicted, fates: predictions } };
}

/**
 * The outlines of objects in the colours of their fates, at the size of a view.
 *
 * @param box the part of the image that the view shows; default: all of it.
 */
export function fateOutlines({ map, fates }: FatedObjects, view: ViewSize, box?: Box): ClassMask {
  const { width, height } = view;
  const labels = labelsInView(map, view, box);
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) {
    const own = labels[i]!;
    const x = i % width;
    const isEdge =
      own !== 0 &&
      ((x > 0 && labels[i - 1] !== own) ||
        (x < width - 1 && labels[i + 1] !== own) ||
        (i >= width && labels[i - width] !== own) ||
        (i + width < data.length && labels[i + width] !== own));
    if (isEdge) data[i] = valueOf(fates[own - 1]!);
  }
  return { width, height, data };
}

/**
 * The fates of objects at the size of a view: outlines of predicted objects in the colours of their fates, and missed
 * objects filled.
 */
export function fateMap(truth: ObjectMask, predicted: ObjectMap, view: ViewSize): ClassMask {
  const { trues, found } = fatesOf(truth, predicted);
  const { width, height, data } = fateOutlines(found, view);
  const there = labelsInView(trues.map, view);
  const isMissed = (i: number) => there[i] !== 0 && trues.fates[there[i]! - 1] === 'missed';
  return {
    width,
    height,
    data: data.map((value, i) => (value === 0 && isMissed(i) ? valueOf('missed') : value)),
  };
}

/** The value of a fate in a picture. */
const valueOf = (fate: Fate): number => 1 + FATES.indexOf(fate);

/** The number of the object in each pixel of a view. */
function labelsInView(map: ObjectMap, { width, height }: ViewSize, box?: Box): Int32Array {
  const from = box ?? { x: 0, y: 0, width: map.width, height: map.height };
  return Int32Array.from({ length: width * height }, (_, i) => {
    const x = from.x + Math.floor((((i % width) + 0.5) * from.width) / width);
    const y = from.y + Math.floor(((Math.floor(i / width) + 0.5) * from.height) / height);
    return map.labels[y * map.width + x]!;
  });
}
