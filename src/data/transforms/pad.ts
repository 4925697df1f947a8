/** Room around the image, where a model needs sizes that divide. */
import { UsageError } from '../../errors/index.js';
import { placed } from '../fit.js';
import type { Transform } from '../paired-sample.js';
import { portable } from '../portable.js';

/** Pads at the right and the bottom to multiples of `multiple`: 0 in the image, ignored in the mask. */
export const padToMultiple = portable('padToMultiple', (multiple: number): Transform => {
  if (!Number.isInteger(multiple) || multiple < 1)
    throw new UsageError(`A multiple of ${multiple}; it is a whole number from 1.`);
  return (sample) => {
    const height = Math.ceil(sample.height / multiple) * multiple;
    const width = Math.ceil(sample.width / multiple) * multiple;
    return height === sample.height && width === sample.width ? sample : placed(sample, 0, 0, height, width);
  };
});
