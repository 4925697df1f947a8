import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../../test/golden/coco.json' with { type: 'json' };
import { PixelwiseError } from '../../errors/index.js';
import { polygonRuns } from './polygon.js';
import { compressCounts, decodeRle, decompressCounts, encodeRle } from './rle.js';

describe('run-length codes', () => {
  it.each(golden.codes)('equal the COCO API at $height×$width', (c) => {
    const mask = decodeRle(decompressCounts(c.counts), c);
    expect(mask.reduce((sum, pixel) => sum + pixel, 0)).toBe(c.area);
    const rows = c.rows.map((_, y) =>
      mask.subarray(y * c.width, (y + 1) * c.width).reduce((sum, p) => sum + p, 0),
    );
    expect(rows).toEqual(c.rows);
    expect(compressCounts(encodeRle(mask, c))).toBe(c.counts);
  });

  it('come back as they went, for any mask', () => {
    const side = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(side, side, fc.infiniteStream(fc.integer({ min: 0, max: 1 })), (height, width, stream) => {
        const mask = Uint8Array.from({ length: height * width }, () => stream.next().value as number);
        const counts = encodeRle(mask, { height, width });
        expect(decodeRle(counts, { height, width })).toEqual(mask);
        expect(decompressCounts(compressCounts(counts))).toEqual(counts);
      }),
    );
  });

  it('that do not fit are refused', () => {
    const size = { height: 2, width: 3 };
    for (const counts of [[7], [3], [2, -1, 5], [2.5, 3.5], []])
      expect(() => decodeRle(counts, size)).toThrow(PixelwiseError);
    for (const text of ['o', 'o o', '\u0001', 'é'])
      expect(() => decompressCounts(text)).toThrow(PixelwiseError);
  });
});

describe('polygonRuns', () => {
  it.each(golden.polygons.map((c, i) => ({ i, ...c })))(
    'equals the COCO API, case $i at $height×$width',
    (c) => {
      const mask = new Uint8Array(c.height * c.width);
      for (const polygon of c.polygons) {
        polygonRuns([polygon], c, (x, from, to) => {
          for (let y = from; y < to; y++) mask[y * c.width + x] = 1;
        });
      }
      expect(compressCounts(encodeRle(mask, c))).toBe(c.counts);
    },
  );

  it('takes no longer for points far outside', () => {
    const size = { height: 100, width: 100 };
    const far = [-1e9, -1e9, 1e9, -1e9, 1e9, 1e9, -1e9, 1e9];
    let area = 0;
    polygonRuns([far], size, (_, from, to) => (area += to - from));
    expect(area).toBe(10_000);
  });

  it('leaves out a ring within a ring', () => {
    const size = { height: 10, width: 10 };
    let area = 0;
    const rings = [
      [0, 0, 10, 0, 10, 10, 0, 10],
      [2, 2, 6, 2, 6, 6, 2, 6],
    ];
    polygonRuns(rings, size, (_, from, to) => (area += to - from));
    expect(area).toBe(100 - 16);
  });

  it('refuses what is no polygon', () => {
    const size = { height: 4, width: 4 };
    const bad = [[], [1, 1, 2, 2], [1, 2, 3, 4, 5], [0, 0, 1, 1, Number.NaN, 2]];
    // Halving between such positions did not end: there are no whole numbers between them.
    bad.push([3, 8, 4, 9_007_199_254_740_992, 3.5, 8]);
    for (const points of bad) {
      expect(() => polygonRuns([points], size, () => undefined)).toThrow(PixelwiseError);
    }
  });
});
