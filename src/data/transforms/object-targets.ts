/** Turns codes of objects into what a network learns of them: see objects/levels.ts. */
import { levelsOf } from '../../objects/index.js';
import type { Transform } from '../paired-sample.js';
import { portable } from '../portable.js';

/** The last transform: after all that move pixels, so that rims are as wide as the network sees them. */
export const objectTargets = portable('objectTargets', (): Transform => {
  return (sample) => {
    const { width, height, mask } = sample;
    return mask instanceof Uint8Array ? sample : { ...sample, mask: levelsOf({ width, height, data: mask }) };
  };
});
