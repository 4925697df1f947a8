import { describe, expect, it } from 'vitest';
import type { ImageValues } from './choose-normalization.js';
import { suitableNormalization } from './choose-normalization.js';

/** An image of 90 pixels of class 0 at `low` and 10 of class 1 at `high`. */
const image = (low: number, high: number): ImageValues => ({
  low,
  high,
  classes: [
    { count: 90, sum: 90 * low, squares: 90 * low ** 2 },
    { count: 10, sum: 10 * high, squares: 10 * high ** 2 },
  ],
});

describe('the normalisation', () => {
  it('is left to the default where images use their 8 bits', () => {
    const images = [image(3, 250), image(10, 200)];
    expect(suitableNormalization({ maxValue: 255, images }, true)).toBeUndefined();
    expect(suitableNormalization({ maxValue: 255, images: [] }, true)).toBeUndefined();
  });

  it('stretches images that use few of their values, and all of more than 8 bits', () => {
    const dim = suitableNormalization({ maxValue: 255, images: [image(3, 60), image(10, 70)] }, true);
    expect(dim).toEqual({ normalize: 'percentiles', reason: 'images use values from 3 to 70 of 255' });
    const counts = suitableNormalization({ maxValue: 65535, images: [image(200, 3260)] }, true);
    expect(counts).toEqual({ normalize: 'percentiles', reason: 'images use values from 200 to 3260' });
  });

  it('is per image where that separates the classes much better, except for patches', () => {
    const exposures = { maxValue: 65535, images: [image(100, 200), image(900, 4000), image(400, 1000)] };
    const { normalize, reason } = suitableNormalization(exposures, true)!;
    expect(normalize).toBe('min-max');
    expect(reason).toContain('100 % of the variance');
    expect(suitableNormalization(exposures, false)!.normalize).toBe('percentiles');
  });
});
