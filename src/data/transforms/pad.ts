/** Padding for models that need sizes divisible by a number. */
import { UsageError } from '../../errors/index.js';
import { placed } from '../fit.js';
import type { Transform } from '../paired-sample.js';
import { portable } from '../portable.js';

/** Pads right and bottom to multiples of `multiple`, with 0 in the image and the ignore index in the mask. */
export const padToMultiple = portable('padToMultiple', (multiple: number): Transform => {
  if (!Number.isInteger(multiple) || multiple < 1)
    throw new UsageError(`The multiple is ${multiple}; it must be a whole number of at least 1.`);
  return (sample) => {
    const height = Math.ceil(sample.height / multiple) * multiple;
    const width = Math.ceil(sample.width / multiple) * multiple;
    return height === sample.height && width === sample.width ? sample : placed(sample, 0, 0, height, width);
  };
});
