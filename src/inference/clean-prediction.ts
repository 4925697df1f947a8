/** Cleans the mask of a model: of overlapping classes, each for itself. */
import { backgroundClass } from '../images/palette.js';
import type { ClassMask } from '../images/raster.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { type MaskClasses, planeOf, setOf } from '../labels/label-set.js';
import { type CleanOptions, cleanMask, isCleaned } from './components.js';

/** The cleaned mask; see {@link cleanMask}. */
export function cleanPrediction(mask: ClassMask, model: MaskClasses, options: CleanOptions): ClassMask {
  const { classes, multiLabel } = model;
  if (multiLabel !== true) return cleanMask(mask, { background: backgroundClass(classes), ...options });
  if (!isCleaned(options)) return mask;
  const data = new Uint8Array(mask.data.length);
  for (const k of classes.keys()) {
    const plane = cleanMask({ ...mask, data: planeOf(mask.data, k) }, { ...options, background: 0 });
    plane.data.forEach((value, i) => {
      data[i] = value === IGNORE_INDEX ? IGNORE_INDEX : data[i]! | (value * setOf(k));
    });
  }
  return { ...mask, data };
}
