/** A picture of what became of objects: which were found, missed, invented, split or merged. */
import type { Colour } from '../images/palette.js';
import type { ClassMask } from '../images/raster.js';
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

/**
 * The fates of objects at the size of a view: outlines of predicted objects in the colours of their fates, and missed
 * objects filled.
 */
export function fateMap(truth: ObjectMask, predicted: ObjectMap, { width, height }: ViewSize): ClassMask {
  const { ignored, ...trues } = objectsOfCodes(truth);
  const { truths, predictions } = matchObjects(trues, predicted, ignored);
  const from = (labels: Int32Array, map: { readonly width: number; readonly height: number }) =>
    Int32Array.from({ length: width * height }, (_, i) => {
      const x = Math.floor((((i % width) + 0.5) * map.width) / width);
      const y = Math.floor(((Math.floor(i / width) + 0.5) * map.height) / height);
      return labels[y * map.width + x]!;
    });
  const [found, there] = [from(predicted.labels, predicted), from(trues.labels, trues)];
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) {
    const [own, other] = [found[i]!, there[i]!];
    const x = i % width;
    const isEdge =
      own !== 0 &&
      ((x > 0 && found[i - 1] !== own) ||
        (x < width - 1 && found[i + 1] !== own) ||
        (i >= width && found[i - width] !== own) ||
        (i + width < data.length && found[i + width] !== own));
    if (isEdge) data[i] = 1 + FATES.indexOf(predictions[own - 1]!);
    else if (other !== 0 && truths[other - 1] === 'missed') data[i] = 1 + FATES.indexOf('missed');
  }
  return { width, height, data };
}
