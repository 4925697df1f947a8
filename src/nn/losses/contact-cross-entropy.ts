import { isInside } from '../../objects/levels.js';
import { checkSettings, type Settings } from '../../settings/index.js';
import {
  type BoundaryWeightOptions,
  BOUNDARY_WEIGHT_SETTINGS,
  labelObjects,
  weightsBetween,
} from './boundary-weights.js';
import { pixelWeightedCrossEntropy } from './boundary-cross-entropy.js';
import { IGNORE_INDEX, type Loss } from './loss.js';

export type ContactCrossEntropyOptions = Pick<BoundaryWeightOptions, 'strength' | 'sigma'>;

const { strength, sigma } = BOUNDARY_WEIGHT_SETTINGS;
const CONTACT_SETTINGS: Settings<Required<ContactCrossEntropyOptions>> = { strength, sigma };

/**
 * Cross-entropy for the levels of objects (`levelsOf`) that gives more weight to the pixels of an object near another
 * one, above all to the rims between two that touch. The weights are those of the U-Net paper (Ronneberger et al. 2015,
 * eq. 2), with d₁ and d₂ the distances to the insides of the nearest and the second nearest object. The insides are what
 * the rims leave, so they are apart where objects touch.
 */
export function contactCrossEntropy(options: ContactCrossEntropyOptions = {}): Loss {
  const settings = checkSettings('contact-cross-entropy', CONTACT_SETTINGS, options);
  return pixelWeightedCrossEntropy('contact-cross-entropy', (levels, height, width, into) => {
    const insides = labelObjects(
      levels.map((level) => Number(isInside(level))),
      height,
      width,
      0,
    );
    const isObject = (i: number) => levels[i] !== 0 && levels[i] !== IGNORE_INDEX;
    weightsBetween(insides, height, width, settings, isObject, into);
  });
}
