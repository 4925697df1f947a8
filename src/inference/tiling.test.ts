import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testImage } from '../../test/inference/tiny-model.js';
import type { Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { tileStarts } from '../data/tile-starts.js';
import { blendWeights, predictInTiles, sourceOf } from './tiling.js';

const axis = fc.record({
  size: fc.integer({ min: 1, max: 300 }),
  tile: fc.integer({ min: 8, max: 90 }),
  overlap: fc.double({ min: 0, max: 0.9, noNaN: true }),
});

describe('tiles', () => {
  it('start at one edge, end at the other, and overlap as requested', () => {
    expect(tileStarts(100, 40, 0.5)).toEqual([0, 20, 40, 60]);
    expect(tileStarts(101, 40, 0)).toEqual([0, 31, 61]);
    expect(tileStarts(40, 40, 0.5)).toEqual([0]);
    expect(tileStarts(7, 40, 0.5)).toEqual([0]);
    fc.assert(
      fc.property(axis, ({ size, tile, overlap }) => {
        const starts = tileStarts(size, tile, overlap);
        expect(starts[0]).toBe(0);
        expect(starts.at(-1)).toBe(Math.max(0, size - tile));
        const steps = starts.slice(1).map((start, i) => start - starts[i]!);
        for (const step of steps) expect(step).toBeLessThanOrEqual(Math.ceil(tile * (1 - overlap)));
        // Evenly spaced, except for rounding.
        expect(Math.max(0, ...steps) - Math.min(...steps, Infinity)).toBeLessThanOrEqual(1);
      }),
      { seed: 1 },
    );
  });

  it('have weights that sum to 1 over each pixel', () => {
    fc.assert(
      fc.property(axis, ({ size, tile, overlap }) => {
        const starts = tileStarts(size, tile, overlap);
        const sums = new Float64Array(Math.max(size, tile));
        blendWeights(size, tile, starts).forEach((weights, i) =>
          weights.forEach((weight, k) => (sums[starts[i]! + k]! += weight)),
        );
        for (const sum of sums) expect(sum).toBeCloseTo(1, 5);
      }),
      { seed: 2 },
    );
  });

  it('have Gaussian weights of an eighth of the tile', () => {
    const [first, second] = blendWeights(96, 64, [0, 32]) as [Float32Array, Float32Array];
    // Both contain pixel 40, 8.5 pixels from one centre and 23.5 from the other.
    const [a, b] = [8.5, 23.5].map((distance) => Math.exp(-0.5 * (distance / 8) ** 2)) as [number, number];
    expect(first[40]).toBeCloseTo(a / (a + b), 6);
    expect(second[8]).toBeCloseTo(b / (a + b), 6);
  });
});

/** A prediction that returns the pixels themselves, as planes. */
const identity = async ({ width, height, channels, data }: Raster): Promise<Planes> => {
  const pixels = width * height;
  const planes = Float32Array.from({ length: data.length }, (_, i) => {
    return data[(i % pixels) * channels + Math.floor(i / pixels)]!;
  });
  return { width, height, channels, data: planes };
};

describe('tiled prediction', () => {
  it.each([
    [100, 60, 24, 32, 0.5],
    [61, 97, 24, 32, 0],
    [20, 97, 24, 32, 0.3],
    [97, 20, 24, 32, 0.9],
    [5, 5, 24, 32, 0.5],
    [32, 24, 24, 32, 0.5],
  ])(
    '%i×%i in tiles of %i×%i that overlap by %f gives every pixel once',
    async (width, height, tileHeight, tileWidth, overlap) => {
      const image = testImage(width, height, 2);
      const whole = (await identity(image)).data;
      const seen = new Float32Array(whole.length);
      const tops: number[] = [];
      const grid = { height: tileHeight, width: tileWidth, overlap };
      const look = (tile: Raster) => {
        expect([tile.height, tile.width]).toEqual([tileHeight, tileWidth]);
        return identity(tile);
      };
      await predictInTiles(sourceOf(image), grid, look, (top, strip) => {
        tops.push(top);
        expect(strip.width).toBe(width);
        for (let c = 0; c < 2; c++) {
          const rows = strip.data.subarray(c * strip.height * width, (c + 1) * strip.height * width);
          seen.set(rows, (c * height + top) * width);
        }
      });
      expect(tops).toEqual(tileStarts(height, tileHeight, overlap));
      seen.forEach((value, i) => expect(Math.abs(value - whole[i]!)).toBeLessThan(1e-3));
    },
  );

  it('reads no more rows than a tile has', async () => {
    const asked: number[][] = [];
    const image = testImage(40, 100, 1);
    const source = sourceOf(image);
    const watched = {
      ...source,
      rows: (top: number, rows: number) => {
        asked.push([top, rows]);
        return source.rows(top, rows);
      },
    };
    await predictInTiles(watched, { height: 40, width: 40, overlap: 0 }, identity, () => undefined);
    expect(asked).toEqual([
      [0, 40],
      [30, 40],
      [60, 40],
    ]);
  });

  it('rejects invalid tiles and overlaps', async () => {
    const over = (height: number, overlap: number) =>
      predictInTiles(sourceOf(testImage(20, 20)), { height, width: 16, overlap }, identity, () => undefined);
    await expect(over(4, 0.5)).rejects.toThrow(/whole numbers of pixels, 8 or more/);
    await expect(over(16, 1)).rejects.toThrow(/0 to 0.9/);
    await expect(over(16, -0.1)).rejects.toThrow(/0 to 0.9/);
  });
});
