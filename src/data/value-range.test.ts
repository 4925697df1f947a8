import { describe, expect, it } from 'vitest';
import type { PixelValues } from '../images/raster.js';
import { Random } from '../random/index.js';
import type { Dataset } from './dataset.js';
import { letterbox, stretch } from './fit.js';
import { stretchedImage } from './normalization.js';
import { SamplePipeline } from './sample-pipeline.js';
import { findValueRange, percentileNormalization } from './value-range.js';

const side = 40;

function datasetOf(channels: number, maxValue: number, images: readonly PixelValues[]): Dataset {
  return {
    format: 'test',
    length: images.length,
    ids: images.map((_, i) => `s${i}`),
    classes: ['a', 'b'],
    channels,
    maxValue,
    files: (i) => ({ image: `s${i}`, mask: `m${i}` }),
    get: (i) =>
      Promise.resolve({
        id: `s${i}`,
        image: { width: side, height: side, channels, data: images[i]! },
        mask: { width: side, height: side, data: new Uint8Array(side * side) },
      }),
  };
}

const counts = (low: number, high: number, channels = 1, seed = 0): Uint16Array =>
  Uint16Array.from(
    { length: side * side * channels },
    (_, i) => low + ((i * 7919 + seed) % (high - low + 1)),
  );

describe('findValueRange', () => {
  it('is where the values are, hot and dead pixels left out', async () => {
    const images = [0, 1, 2, 3].map((seed) => counts(100, 600, 1, seed));
    for (const image of images) [image[3], image[700]] = [65535, 0];
    const { low, high } = await findValueRange(datasetOf(1, 65535, images));
    expect(low[0]).toBeGreaterThanOrEqual(100);
    expect(low[0]).toBeLessThan(105);
    expect(high[0]).toBeLessThanOrEqual(600);
    expect(high[0]).toBeGreaterThan(595);
  });

  it('is one for channels that are alike, and their own for others', async () => {
    const alike = await findValueRange(datasetOf(3, 65535, [counts(100, 600, 3)]));
    expect(new Set(alike.low).size).toBe(1);
    expect(new Set(alike.high).size).toBe(1);
    const weak = counts(100, 600, 3).map((value, i) => (i % 3 === 1 ? value * 50 : value));
    const own = await findValueRange(datasetOf(3, 65535, [weak]));
    expect(own.high[1]).toBeGreaterThan(20 * own.high[0]!);
  });

  it('of negative numbers, and of one value', async () => {
    const ct = Float32Array.from(counts(0, 2000), (value) => value - 1000);
    const { low, high } = await findValueRange(datasetOf(1, 1, [ct]));
    expect([Math.round(low[0]! / 100), Math.round(high[0]! / 100)]).toEqual([-10, 10]);
    expect(await findValueRange(datasetOf(1, 1, [new Float32Array(side * side).fill(7)]))).toEqual({
      low: [7],
      high: [8],
    });
  });
});

describe('a normalisation with a range', () => {
  it('gives 16-bit counts the values that the same scene has in 8 bits', async () => {
    const bytes = Uint8Array.from(counts(0, 255));
    const wide = Uint16Array.from(bytes, (value) => 100 + 2 * value);
    const normalization = await percentileNormalization(datasetOf(1, 65535, [wide]));
    const options = { fit: stretch(16), transforms: [], seed: 0 };
    const mask = { width: side, height: side, data: new Uint8Array(side * side) };
    const fit = (pipeline: SamplePipeline, data: PixelValues) =>
      pipeline.fit({ id: 's', image: { width: side, height: side, channels: 1, data }, mask }, new Random(0))
        .image;
    const narrow = fit(new SamplePipeline({ ...options, normalization: undefined, maxValue: 255 }), bytes);
    const stretched = fit(new SamplePipeline({ ...options, normalization, maxValue: 65535 }), wide);
    stretched.forEach((value, i) => expect(value).toBeCloseTo(narrow[i]!, 1));
  });

  it('pads with the dark end, also where values are negative', async () => {
    const ct = Float32Array.from(counts(0, 2000), (value) => value - 1000);
    const normalization = await percentileNormalization(datasetOf(1, 1, [ct]));
    const pipeline = new SamplePipeline({
      fit: letterbox({ height: 20, width: 40 }),
      transforms: [],
      seed: 0,
      normalization,
      maxValue: 1,
    });
    const mask = { width: side, height: side, data: new Uint8Array(side * side) };
    const { image } = pipeline.fit(
      { id: 's', image: { width: side, height: side, channels: 1, data: ct }, mask },
      new Random(0),
    );
    expect(image[0]).toBe(0);
  });

  it('cuts off what is far outside', () => {
    const image = { width: 3, height: 1, channels: 1, data: Uint16Array.of(0, 150, 65535) };
    expect([...stretchedImage(image, { low: [100], high: [200] }).data]).toEqual([-1, 0.5, 2]);
  });
});
