import { describe, expect, it } from 'vitest';
import { decodeBmp } from './bmp.js';

/** A bitmap of one row, with masks after its header of 40 bytes. */
function bitmap(
  bits: 16 | 32,
  compression: number,
  masks: readonly number[],
  pixels: readonly number[],
): Uint8Array {
  const start = 54 + 4 * masks.length;
  const stride = Math.ceil((pixels.length * bits) / 32) * 4;
  const bytes = new Uint8Array(start + stride);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(10, start, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, pixels.length, true);
  view.setInt32(22, 1, true);
  view.setUint16(28, bits, true);
  view.setUint32(30, compression, true);
  masks.forEach((mask, i) => view.setUint32(54 + 4 * i, mask, true));
  pixels.forEach((pixel, i) => {
    if (bits === 16) view.setUint16(start + 2 * i, pixel, true);
    else view.setUint32(start + 4 * i, pixel, true);
  });
  return bytes;
}

const decoded = (...given: Parameters<typeof bitmap>) => [
  ...decodeBmp({ name: 'a.bmp', format: 'bmp', bytes: bitmap(...given), maxPixels: 100 }).data,
];

describe('bit fields of a bitmap', () => {
  it.each([
    [
      '5-6-5',
      16,
      3,
      [0xf800, 0x07e0, 0x001f],
      [0xf800, 0x07e0, 0x8410],
      [255, 0, 0, 0, 255, 0, 132, 130, 132],
    ],
    ['5-5-5 without masks', 16, 0, [], [0x7c00, 0x001f], [255, 0, 0, 0, 0, 255]],
    ['red in the lowest byte', 32, 3, [0xff, 0xff00, 0xff0000], [0x00030201], [1, 2, 3]],
    ['with alpha', 32, 6, [0xff000000, 0xff0000, 0xff00, 0xff], [0x0a0b0cff], [10, 11, 12]],
    ['10-10-10', 32, 3, [0x3ff00000, 0xffc00, 0x3ff], [0x3ff00000 + 512], [255, 0, 128]],
    ['bytes without masks', 32, 0, [], [0x00010203], [1, 2, 3]],
  ] as const)('%s', (_, bits, compression, masks, pixels, wanted) => {
    expect(decoded(bits, compression, masks, pixels)).toEqual(wanted);
  });

  it('that are no runs of bits are damage', () => {
    for (const mask of [0, 0b101, 0x1f0000]) {
      expect(() => decoded(16, 3, [mask, 0x7e0, 0x1f], [0])).toThrow(
        /a\.bmp.*its bit field .* is not a run of bits/,
      );
    }
  });
});
