import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors/index.js';
import type { Dataset } from './dataset.js';
import { datasetNormalization } from './dataset-normalization.js';
import { defaultNormalization, normalizationOf, standardize, stretchToRange } from './normalization.js';

function datasetOf(images: number[][], channels: number, maxValue: number): Dataset {
  return {
    format: 'test',
    length: images.length,
    ids: images.map((_, i) => `${i}`),
    classes: ['a', 'b'],
    channels,
    maxValue,
    files: () => ({ image: '', mask: '' }),
    get: (i) => {
      const width = images[i]!.length / channels;
      const data = maxValue > 255 ? Uint16Array.from(images[i]!) : Uint8Array.from(images[i]!);
      const mask = { width, height: 1, data: new Uint8Array(width) };
      return Promise.resolve({ id: `${i}`, image: { width, height: 1, channels, data }, mask });
    },
  };
}

describe('normalisation', () => {
  it('by name', () => {
    expect(normalizationOf('none', 2)).toEqual({ kind: 'fixed', name: 'none', mean: [0, 0], std: [1, 1] });
    expect(defaultNormalization(3)).toMatchObject({ name: 'imagenet', mean: [0.485, 0.456, 0.406] });
    expect(defaultNormalization(1)).toMatchObject({ name: 'imagenet' });
    expect(defaultNormalization(5)).toMatchObject({ name: 'none' });
    expect(() => normalizationOf('imagenet', 4)).toThrow(UsageError);
  });

  it('standardises planes into a batch', () => {
    const out = new Float32Array(6).fill(9);
    standardize(Float32Array.of(0.5, 1, 0.25, 0.75), { mean: [0.5, 0.25], std: [0.5, 0.25] }, out, 2);
    expect([...out]).toEqual([9, 9, 0, 1, 0, 2]);
  });

  it('stretches to the range of the image', () => {
    const image = Float32Array.of(0.2, 0.4, 0.6);
    stretchToRange(image);
    [0, 0.5, 1].forEach((value, i) => expect(image[i]).toBeCloseTo(value, 6));
    const flat = Float32Array.of(0.3, 0.3);
    stretchToRange(flat);
    expect([...flat]).toEqual([0, 0]);
  });

  it('of the data set itself, each image by its pixels', async () => {
    const images = [
      [0, 51, 255, 51],
      [255, 51],
    ];
    const found = await datasetNormalization(datasetOf(images, 2, 255));
    if (found.kind !== 'fixed') throw new Error('a fixed normalisation is expected');
    const { mean, std } = found;
    expect(mean[0]).toBeCloseTo(2 / 3, 10);
    expect(mean[1]).toBeCloseTo(0.2, 10);
    expect(std[0]).toBeCloseTo(Math.sqrt(2) / 3, 10);
    expect(std[1]).toBe(1);
    expect(await datasetNormalization(datasetOf([[0, 65535]], 1, 65535))).toMatchObject({
      mean: [0.5],
      std: [0.5],
    });
  });
});
