import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../test/golden/coco.json' with { type: 'json' };
import { maskOf } from '../../test/inference/drawn-mask.js';
import { compressCounts, decodeRle, decompressCounts, encodeRle } from '../data/formats/rle.js';
import { maskToCoco, maskToRuns } from './coco.js';

describe('run lengths of a mask', () => {
  it.each(golden.codes)('equal the COCO API at $height×$width', ({ width, height, counts, area }) => {
    const data = decodeRle(decompressCounts(counts), { width, height });
    const runs = maskToRuns({ width, height, data }).find(({ value }) => value === 1);
    if (area === 0) expect(runs).toBeUndefined();
    else expect([compressCounts(runs!.counts), runs!.area]).toEqual([counts, area]);
  });

  it('decode to the pixels of each class, for any mask', () => {
    const side = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(
        side,
        side,
        fc.infiniteStream(fc.constantFrom(0, 0, 1, 2, 255)),
        (width, height, stream) => {
          const data = Uint8Array.from({ length: width * height }, () => stream.next().value as number);
          const runs = maskToRuns({ width, height, data });
          expect(runs.map(({ value }) => value)).toEqual(
            [...new Set(data)].filter((value) => value !== 255).sort(),
          );
          for (const { value, counts, area, box } of runs) {
            const alone = data.map((own) => Number(own === value));
            expect(counts).toEqual(encodeRle(alone, { width, height }));
            const at = [...alone.keys()].filter((i) => alone[i] === 1);
            expect(area).toBe(at.length);
            const [xs, ys] = [at.map((i) => i % width), at.map((i) => Math.floor(i / width))];
            const [left, top] = [Math.min(...xs), Math.min(...ys)];
            expect(box).toEqual([left, top, Math.max(...xs) - left + 1, Math.max(...ys) - top + 1]);
          }
        },
      ),
      { seed: 3 },
    );
  });

  it('as COCO annotations omit the background', () => {
    const mask = maskOf(['..3', '#.3']);
    expect(maskToCoco(mask, ['background', 'cat', 'dog', 'car'], 'a.jpg')).toEqual({
      images: [{ id: 1, file_name: 'a.jpg', width: 3, height: 2 }],
      categories: [
        { id: 1, name: 'cat' },
        { id: 2, name: 'dog' },
        { id: 3, name: 'car' },
      ],
      annotations: [
        {
          id: 1,
          image_id: 1,
          category_id: 1,
          segmentation: { size: [2, 3], counts: compressCounts([1, 1, 4]) },
          area: 1,
          bbox: [0, 1, 1, 1],
          iscrowd: 1,
        },
        {
          id: 2,
          image_id: 1,
          category_id: 3,
          segmentation: { size: [2, 3], counts: compressCounts([4, 2]) },
          area: 2,
          bbox: [2, 0, 1, 2],
          iscrowd: 1,
        },
      ],
    });
  });
});
