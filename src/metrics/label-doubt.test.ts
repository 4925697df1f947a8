import { expect, it } from 'vitest';
import { labelDoubt } from './label-doubt.js';

const SIZE = { width: 40, height: 32 };

/** Planes of three classes: `sure` of class 0, but of class `of` in a rectangle. */
function planesOf(of: number, [left, top, right, bottom]: readonly number[], sure = 0.95) {
  const n = SIZE.width * SIZE.height;
  const planes = new Float32Array(3 * n);
  for (let i = 0; i < n; i++) {
    const [x, y] = [i % SIZE.width, Math.floor(i / SIZE.width)];
    const inside = x >= left! && x < right! && y >= top! && y < bottom!;
    planes[(inside ? of : 0) * n + i] = sure;
  }
  return planes;
}
const empty = () => new Uint8Array(SIZE.width * SIZE.height);

it('finds the region of a forgotten object, less its rim', () => {
  const doubt = labelDoubt(planesOf(2, [10, 8, 20, 16]), empty(), SIZE)!;
  expect(doubt).toMatchObject({ truth: 0, predicted: 2, box: [10 / 40, 8 / 32, 10 / 40, 8 / 32] });
  expect(doubt.share).toBeCloseTo((8 * 6) / (40 * 32), 12);
  expect(doubt.probability).toBeCloseTo(0.95, 6);
});

it('reads the single plane of two classes', () => {
  const plane = new Float32Array(SIZE.width * SIZE.height).fill(0.02);
  const target = empty().fill(1, 0, 10 * SIZE.width);
  expect(labelDoubt(plane, target, SIZE)).toMatchObject({ truth: 1, predicted: 0, box: [0, 0, 1, 10 / 32] });
});

it('passes over outlines, unsure models and ignored pixels', () => {
  expect(labelDoubt(planesOf(2, [10, 8, 12, 16]), empty(), SIZE)).toBeUndefined();
  expect(labelDoubt(planesOf(2, [10, 8, 20, 16], 0.8), empty(), SIZE)).toBeUndefined();
  expect(labelDoubt(planesOf(2, [10, 8, 20, 16]), empty().fill(255), SIZE)).toBeUndefined();
});
