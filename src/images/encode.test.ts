import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode as decodePng } from 'fast-png';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PixelwiseError, ShapeError } from '../errors/index.js';
import { decodeImage } from './decode.js';
import { decodeMask } from './decode-mask.js';
import { encodeImage, encodeMask, writeImage, writeMask } from './encode.js';
import { overlay } from './overlay.js';
import { classColour } from './palette.js';
import { encodeIndexedPng } from './png-write.js';
import { IGNORE_INDEX } from './raster.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-encode-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('encodeMask', () => {
  it('keeps every index, in palette and in grey, for any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        async (width, height) => {
          const data = Uint8Array.from({ length: width * height }, (_, i) => (i * 37) % 256);
          for (const as of ['palette', 'grey'] as const) {
            const back = await decodeMask(await encodeMask({ width, height, data }, { as }));
            expect(back.data).toEqual(data);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is read by an independent decoder, colours and all', async () => {
    const data = Uint8Array.of(0, 1, 2, 3, 4, 255);
    const png = decodePng(await encodeMask({ width: 3, height: 2, data }), { checkCrc: true });
    expect([...png.data]).toEqual([...data]);
    expect(png.palette![1]).toEqual([...classColour(1)]);
    const shown = await decodeImage(await encodeMask({ width: 3, height: 2, data }));
    expect([...shown.data.subarray(3, 6)]).toEqual([...classColour(1)]);
  });

  it('writes 16-bit values and refuses what does not fit', async () => {
    const data = Uint16Array.of(0, 300, 65535, 256);
    expect((await decodeMask(await encodeIndexedPng({ width: 2, height: 2, data }))).data).toEqual(data);
    await expect(encodeIndexedPng({ width: 3, height: 2, data })).rejects.toThrow(ShapeError);
    const palette = new Uint8Array(6);
    await expect(encodeIndexedPng({ width: 1, height: 1, data: Uint8Array.of(2), palette })).rejects.toThrow(
      'no entry',
    );
  });
});

describe('writing', () => {
  it('leaves whole files only', async () => {
    const data = Uint8Array.from({ length: 27 }, (_, i) => i * 9);
    await writeMask(join(folder, 'deep', 'mask.png'), { width: 9, height: 3, data });
    await writeImage(join(folder, 'deep', 'image.png'), { width: 3, height: 3, channels: 3, data });
    await writeImage(join(folder, 'deep', 'image.jpg'), { width: 3, height: 3, channels: 3, data });
    expect((await readdir(join(folder, 'deep'))).sort()).toEqual(['image.jpg', 'image.png', 'mask.png']);
    expect((await decodeImage(join(folder, 'deep', 'image.png'))).data).toEqual(Buffer.from(data));
  });

  it('refuses other endings and folders that cannot be made', async () => {
    const mask = { width: 1, height: 1, data: new Uint8Array(1) };
    await expect(writeMask(join(folder, 'mask.jpg'), mask)).rejects.toThrow('PNG');
    await writeMask(join(folder, 'file.png'), mask);
    await expect(writeMask(join(folder, 'file.png', 'mask.png'), mask)).rejects.toThrow(PixelwiseError);
  });

  it('keeps 16-bit images', async () => {
    const grey = { width: 2, height: 1, channels: 1, data: Uint16Array.of(1, 65535) };
    expect([...(await decodeImage(await encodeImage(grey))).data]).toEqual([1, 65535]);
    const rgb = { width: 1, height: 1, channels: 3, data: Uint16Array.of(1, 300, 65535) };
    expect([...(await decodeImage(await encodeImage(rgb))).data]).toEqual([1, 300, 65535]);
  });
});

describe('overlay', () => {
  const image = { width: 6, height: 6, channels: 1, data: new Uint8Array(36).fill(100) };
  const data = new Uint8Array(36);
  for (let y = 1; y < 5; y++) for (let x = 1; x < 5; x++) data[y * 6 + x] = 1;
  data[35] = IGNORE_INDEX;

  it('tints regions, outlines them, leaves the background and dims what is ignored', async () => {
    const drawn = await overlay(image, { width: 6, height: 6, data }, { opacity: 0.5 });
    const pixel = (i: number): number[] => [...drawn.data.subarray(3 * i, 3 * i + 3)];
    expect(pixel(0)).toEqual([100, 100, 100]);
    expect(pixel(7)).toEqual([...classColour(1)]);
    expect(pixel(14)).toEqual(classColour(1).map((value) => Math.round(50 + value / 2)));
    expect(pixel(35)).toEqual([114, 114, 114]);
  });

  it('adds a legend of what is laid over, whatever the classes are called', async () => {
    const mask = { width: 6, height: 6, data };
    const names = ['background', '</text><script>"&\u0000\uD800🦊'];
    const drawn = await overlay(image, mask, {
      legend: names,
      colours: [
        [0, 0, 0],
        [1, 200, 3],
      ],
    });
    expect(drawn.height).toBeGreaterThan(6);
    expect(drawn.data.length).toBe(drawn.height * 6 * 3);
    const nothing = { width: 6, height: 6, data: new Uint8Array(36) };
    expect((await overlay(image, nothing, { legend: names })).height).toBe(6);
    const wide = { width: 200, height: 4, channels: 1, data: new Uint8Array(800) };
    const both = { width: 200, height: 4, data: Uint8Array.from({ length: 800 }, (_, i) => 1 + (i % 2)) };
    const legend = await overlay(wide, both, { legend: ['', 'one', 'two'] });
    const strip = Array.from({ length: (legend.height - 4) * 200 }, (_, i) =>
      legend.data.subarray(2400 + 3 * i, 2403 + 3 * i).join(),
    );
    // Swatches in the classes' colours.
    expect(strip.filter((pixel) => pixel === classColour(1).join()).length).toBeGreaterThan(50);
    expect(strip.filter((pixel) => pixel === classColour(2).join()).length).toBeGreaterThan(50);
  });

  it('refuses a mask of another size', async () => {
    await expect(overlay(image, { width: 5, height: 6, data: new Uint8Array(30) })).rejects.toThrow('6×6');
  });
});
