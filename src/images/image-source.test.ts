import sharp from 'sharp';
import { expect, it } from 'vitest';
import { decodeImage, describeImage } from './decode.js';
import { detectFormat, formatOf } from './image-source.js';

it('reads AVIF as sharp does', async () => {
  const data = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 7) % 251);
  const avif = await sharp(data, { raw: { width: 40, height: 30, channels: 3 } })
    .avif({ quality: 90 })
    .toBuffer();
  expect(detectFormat(avif)).toBe('avif');
  expect(await describeImage(avif)).toMatchObject({ format: 'avif', width: 40, height: 30, channels: 3 });
  const { width, height, channels, data: pixels } = await decodeImage(avif);
  expect([width, height, channels]).toEqual([40, 30, 3]);
  expect(Buffer.from(pixels).equals(await sharp(avif).raw().toBuffer())).toBe(true);
});

it('says of a HEIC photo how to convert it', () => {
  const box = (...brands: string[]) =>
    Uint8Array.from([
      0,
      0,
      0,
      16 + 4 * (brands.length - 1),
      ...Buffer.from(`ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`),
    ]);
  expect(() => formatOf('IMG_1.HEIC', box('heic', 'mif1', 'heic'))).toThrow(
    /^IMG_1\.HEIC: a HEIC photo\..*sips/,
  );
  // The brand of any still image stands first in some AVIF files.
  expect(formatOf('a.avif', box('mif1', 'avif', 'miaf'))).toBe('avif');
  expect(() => formatOf('film.mp4', box('isom', 'mp41'))).toThrow(/not a readable image/);
});
