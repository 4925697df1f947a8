import { expect, it } from 'vitest';
import type { Raster } from '../images/raster.js';
import { montage } from './montage.js';

const plain = (width: number, height: number, value: number): Raster => ({
  width,
  height,
  channels: 1,
  data: new Uint8Array(width * height).fill(value),
});

it('places pictures of any size on white, enlarged', () => {
  const sheet = montage([[plain(2, 3, 10), plain(4, 1, 20)], [plain(1, 1, 30)]], 2);
  // Columns of 2 and 4 pixels, rows of 3 and 1, all doubled, with gaps of 6 around and between.
  expect(sheet).toMatchObject({ width: 6 + 4 + 6 + 8 + 6, height: 6 + 6 + 6 + 2 + 6, channels: 3 });
  const at = (x: number, y: number) => [...sheet.data.subarray((y * sheet.width + x) * 3).subarray(0, 3)];
  expect(at(0, 0)).toEqual([255, 255, 255]);
  expect(at(6, 6)).toEqual([10, 10, 10]);
  expect(at(9, 11)).toEqual([10, 10, 10]);
  expect(at(23, 7)).toEqual([20, 20, 20]);
  expect(at(23, 8)).toEqual([255, 255, 255]);
  expect(at(7, 19)).toEqual([30, 30, 30]);
});
