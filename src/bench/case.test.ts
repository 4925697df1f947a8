import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors/index.js';
import { median } from '../training/index.js';
import { benchCases } from './case.js';

describe('benchCases', () => {
  it('is every mode of the three published models, loading once for each batch and size', () => {
    const cases = benchCases({ threads: 2 });
    expect(cases.map(({ mode, model }) => `${mode} ${model}`)).toEqual([
      'train unet',
      'train mobilenet-unet',
      'train segnet',
      'train-kept mobilenet-unet',
      'predict unet',
      'predict mobilenet-unet',
      'predict segnet',
      'data unet',
      'data mobilenet-unet',
    ]);
    expect(cases[1]).toEqual({ model: 'mobilenet-unet', mode: 'train', batch: 32, size: 224, threads: 2 });
  });

  it('takes what is chosen', () => {
    expect(benchCases({ model: 'segnet', mode: 'predict', batch: 1, size: 64, threads: 1 })).toEqual([
      { model: 'segnet', mode: 'predict', batch: 1, size: 64, threads: 1 },
    ]);
    expect(() => benchCases({ model: 'segnett' })).toThrow(UsageError);
  });
});

describe('median', () => {
  it('is the middle, or between the two in the middle', () => {
    expect(median([5, 1, 9])).toBe(5);
    expect(median([4, 1, 9, 2])).toBe(3);
  });
});
