import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../test/golden/images.json' with { type: 'json' };
import { ShapeError } from '../errors/index.js';
import { nearestIndices, resizeImage, resizeMask, resizeMatrix, resizePlanes, resizeTaps } from './resize.js';

const size = fc.integer({ min: 1, max: 40 });

describe('resizeImage', () => {
  it.each(golden.resizes)('$height×$width to $toHeight×$toWidth equals PIL', (c) => {
    const image = { width: c.width, height: c.height, channels: 1, data: Uint8Array.from(c.source) };
    const resized = resizeImage(image, c.toWidth, c.toHeight);
    c.triangle.forEach((value, i) => expect(Math.abs(resized.data[i]! - value)).toBeLessThan(2e-3));
    const mask = resizeMask(
      { width: c.width, height: c.height, data: Uint8Array.from(c.source) },
      c.toWidth,
      c.toHeight,
    );
    expect([...mask.data]).toEqual(c.nearest);
  });

  it('is the product with the matrices of its two axes, for any size and channel count', () => {
    fc.assert(
      fc.property(size, size, size, size, fc.constantFrom(1, 2, 3, 5), (h, w, oh, ow, channels) => {
        const data = Uint16Array.from({ length: h * w * channels }, (_, i) => (i * 7919) % 65536);
        const resized = resizeImage({ width: w, height: h, channels, data }, ow, oh, 1 / 65535);
        const rows = resizeMatrix(h, oh);
        const columns = resizeMatrix(w, ow);
        for (const [c, y, x] of [
          [0, 0, 0],
          [channels - 1, oh - 1, ow - 1],
          [0, oh >> 1, ow >> 1],
        ] as const) {
          let sum = 0;
          for (let i = 0; i < h; i++) {
            for (let j = 0; j < w; j++) {
              sum += rows[y * h + i]! * columns[x * w + j]! * data[(i * w + j) * channels + c]!;
            }
          }
          expect(resized.data[(c * oh + y) * ow + x]).toBeCloseTo(sum / 65535, 5);
        }
      }),
    );
  });

  it('keeps a constant, and the identity size changes nothing', () => {
    fc.assert(
      fc.property(size, size, size, size, (h, w, oh, ow) => {
        const data = new Uint8Array(h * w * 3).fill(200);
        const flat = resizeImage({ width: w, height: h, channels: 3, data }, ow, oh).data;
        expect(flat.every((value) => Math.abs(value - 200) < 1e-3)).toBe(true);
        const noise = data.map((_, i) => (i * 31) % 256);
        const same = resizeImage({ width: w, height: h, channels: 3, data: noise }, w, h);
        for (let i = 0; i < h * w; i++) expect(same.data[i]).toBe(noise[3 * i]);
      }),
    );
  });

  it('of a box equals the resize of the cut-out', () => {
    const data = Uint8Array.from({ length: 20 * 15 * 3 }, (_, i) => (i * 97) % 256);
    const image = { width: 20, height: 15, channels: 3, data };
    const box = { x: 3, y: 2, width: 11, height: 9 };
    const cut = new Uint8Array(11 * 9 * 3);
    for (let y = 0; y < 9; y++) {
      cut.set(data.subarray(((y + 2) * 20 + 3) * 3, ((y + 2) * 20 + 14) * 3), y * 33);
    }
    const whole = resizeImage({ width: 11, height: 9, channels: 3, data: cut }, 6, 7);
    expect(resizeImage(image, 6, 7, 1, box).data).toEqual(whole.data);
    expect(() => resizeImage(image, 6, 7, 1, { ...box, x: 10 })).toThrow(ShapeError);
  });

  it('of planes equals that of the interleaved image', () => {
    const data = Uint8Array.from({ length: 12 * 9 }, (_, i) => (i * 97) % 256);
    const planes = { width: 12, height: 9, channels: 1, data: Float32Array.from(data) };
    const expected = resizeImage({ width: 12, height: 9, channels: 1, data }, 5, 13).data;
    resizePlanes(planes, 5, 13).data.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 3));
  });

  it('refuses sizes that are none', () => {
    for (const wrong of [0, -3, 2.5, Number.NaN]) expect(() => resizeTaps(4, wrong)).toThrow(ShapeError);
  });
});

describe('resizeMask', () => {
  it('takes the pixel under the centre', () => {
    expect([...nearestIndices(5, 2)]).toEqual([1, 3]);
    expect([...nearestIndices(2, 5)]).toEqual([0, 0, 1, 1, 1]);
  });

  it('makes no value that was not there', () => {
    fc.assert(
      fc.property(size, size, size, size, (h, w, oh, ow) => {
        const data = Uint8Array.from({ length: h * w }, (_, i) => (i * i) % 7);
        const before = new Set(data);
        for (const value of resizeMask({ width: w, height: h, data }, ow, oh).data)
          expect(before.has(value)).toBe(true);
      }),
    );
  });
});
