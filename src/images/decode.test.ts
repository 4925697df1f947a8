import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import golden from '../../test/golden/images.json' with { type: 'json' };
import { PixelwiseError } from '../errors/index.js';
import { decodeImage } from './decode.js';
import { decodeMask } from './decode-mask.js';
import { crc32 } from '../files/crc.js';

interface Case {
  name: string;
  bytes: string;
  width: number;
  height: number;
  channels: number;
  values: number[];
  tolerance: number;
  image?: boolean;
  mask?: boolean;
}

const cases = golden.cases as Case[];
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));

function expectValues(actual: Uint8Array | Uint16Array, { values, tolerance }: Case): void {
  expect(actual.length).toBe(values.length);
  const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

async function messageOf(work: Promise<unknown>): Promise<PixelwiseError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PixelwiseError);
  return error as PixelwiseError;
}

function pngFile(chunks: readonly [type: string, body: Uint8Array][]): Uint8Array {
  const parts = chunks.map(([type, body]) => {
    const whole = Buffer.alloc(12 + body.length);
    whole.writeUInt32BE(body.length, 0);
    whole.write(type, 4, 'latin1');
    whole.set(body, 8);
    whole.writeUInt32BE(crc32(whole.subarray(4, 8 + body.length)), 8 + body.length);
    return whole;
  });
  return Buffer.concat([Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), ...parts]);
}

function ihdr(
  width: number,
  height: number,
  bits: number,
  colourType: number,
  interlace = 0,
): [string, Uint8Array] {
  const body = Buffer.alloc(13);
  body.writeUInt32BE(width, 0);
  body.writeUInt32BE(height, 4);
  body.set([bits, colourType, 0, 0, interlace], 8);
  return ['IHDR', body];
}

describe('decodeImage', () => {
  it.each(cases.filter((c) => c.image))('reads $name ($channels channels)', async (c) => {
    const image = await decodeImage(bytesOf(c.bytes));
    expect([image.width, image.height, image.channels]).toEqual([c.width, c.height, c.channels]);
    expect(image.data instanceof Uint16Array).toBe(c.values.some((value) => value > 255));
    expectValues(image.data as Uint8Array | Uint16Array, c);
  });

  it('reads floating-point pixels as they are', async () => {
    // A 1×1 TIFF of one 32-bit float.
    const entries = [256, 1, 257, 1, 258, 32, 259, 1, 262, 1, 273, 0, 277, 1, 278, 1, 279, 4, 339, 3];
    const tiff = Buffer.alloc(8 + 2 + 10 * 12 + 4 + 4);
    tiff.write('II', 0, 'latin1');
    tiff.writeUInt16LE(42, 2);
    tiff.writeUInt32LE(8, 4);
    tiff.writeUInt16LE(10, 8);
    for (let i = 0; i < 10; i++) {
      const at = 10 + 12 * i;
      tiff.writeUInt16LE(entries[2 * i]!, at);
      tiff.writeUInt16LE(3, at + 2);
      tiff.writeUInt32LE(1, at + 4);
      tiff.writeUInt32LE(entries[2 * i] === 273 ? 134 : entries[2 * i + 1]!, at + 8);
    }
    tiff.writeFloatLE(0.5, 134);
    expect(await decodeImage(tiff)).toEqual({ width: 1, height: 1, channels: 1, data: Float32Array.of(0.5) });
  });
});

describe('decodeMask', () => {
  it.each(cases.filter((c) => c.mask))('keeps the values of $name', async (c) => {
    const mask = await decodeMask(bytesOf(c.bytes));
    expect([mask.width, mask.height]).toEqual([c.width, c.height]);
    expectValues(mask.data, c);
  });

  it('follows GIF codes up to 12 bits and through a cleared table', async () => {
    const { data } = await decodeMask(bytesOf(golden.lzw.bytes));
    let sum = 0;
    let weighted = 0;
    data.forEach((value, i) => {
      sum += value;
      weighted += value * (i % 251);
    });
    expect([data.length, sum, weighted]).toEqual([5400, golden.lzw.sum, golden.lzw.weighted]);
  });

  it('reads interlaced PNG at 1, 2, 4, 8 and 16 bits', async () => {
    const [width, height] = [13, 9];
    const passes = [
      [0, 0, 8, 8],
      [4, 0, 8, 8],
      [0, 4, 4, 8],
      [2, 0, 4, 4],
      [0, 2, 2, 4],
      [1, 0, 2, 2],
      [0, 1, 1, 2],
    ] as const;
    for (const bits of [1, 2, 4, 8, 16]) {
      const value = (x: number, y: number): number => (x * 7 + y * 1031 + x * y) % 2 ** bits;
      const rows: number[] = [];
      for (const [x0, y0, dx, dy] of passes) {
        for (let y = y0; y < height; y += dy) {
          const line: number[] = [];
          for (let x = x0; x < width; x += dx) {
            const text = value(x, y).toString(2).padStart(bits, '0');
            for (const bit of text) line.push(Number(bit));
          }
          if (line.length === 0) continue;
          rows.push(0);
          for (let i = 0; i < line.length; i += 8) {
            rows.push(
              parseInt(
                line
                  .slice(i, i + 8)
                  .join('')
                  .padEnd(8, '0'),
                2,
              ),
            );
          }
        }
      }
      const bytes = pngFile([
        ihdr(width, height, bits, 0, 1),
        ['IDAT', deflateSync(Uint8Array.from(rows))],
        ['IEND', new Uint8Array(0)],
      ]);
      const mask = await decodeMask(bytes);
      const expected = Array.from({ length: width * height }, (_, i) =>
        value(i % width, Math.floor(i / width)),
      );
      expect([...mask.data]).toEqual(expected);
    }
  });

  it('refuses a mask in colour and says how to save one', async () => {
    const error = await messageOf(decodeMask(bytesOf(cases.find((c) => c.name === 'rgb.png')!.bytes)));
    expect(error.code).toBe('mask-colours');
    expect(error.message).toContain('PNG with a palette');
  });
});

describe('bad input gives one clear error that names the file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixelwise images é "quoted" '));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function both(file: string, code: string): Promise<string> {
    const path = join(folder, file);
    const [image, mask] = [await messageOf(decodeImage(path)), await messageOf(decodeMask(path))];
    for (const error of [image, mask]) {
      expect(error.code).toBe(code);
      expect(error.message).toContain(path);
    }
    return image.message;
  }

  it('a file that is not there', async () => {
    expect(await both('none.png', 'image-unreadable')).toContain('no such file');
  });

  it('a folder', async () => {
    await mkdir(join(folder, 'folder.png'));
    expect(await both('folder.png', 'image-unreadable')).toContain('folder');
  });

  it.skipIf(process.platform === 'win32')('symbolic links in a circle', async () => {
    await symlink(join(folder, 'b.png'), join(folder, 'a.png'));
    await symlink(join(folder, 'a.png'), join(folder, 'b.png'));
    expect(await both('a.png', 'image-unreadable')).toContain('cycle');
  });

  it('an empty file', async () => {
    await writeFile(join(folder, 'empty file.png'), '');
    expect(await both('empty file.png', 'image-empty')).toContain('0 bytes');
  });

  it('text named .png', async () => {
    await writeFile(join(folder, 'text.png'), 'not an image');
    expect(await both('text.png', 'image-format')).toContain('PNG, JPEG');
  });

  it('a header of 60,000 × 60,000 pixels', async () => {
    const body = deflateSync(new Uint8Array(100));
    await writeFile(
      join(folder, 'huge.png'),
      pngFile([ihdr(60_000, 60_000, 8, 0), ['IDAT', body], ['IEND', new Uint8Array(0)]]),
    );
    expect(await both('huge.png', 'image-too-large')).toContain('60000×60000');
  });

  it('a blank image of 268 million pixels in a few bytes', async () => {
    const body = deflateSync(new Uint8Array(100));
    const bytes = pngFile([ihdr(2 ** 14, 2 ** 14, 8, 2), ['IDAT', body], ['IEND', new Uint8Array(0)]]);
    const error = await messageOf(decodeImage(bytes));
    expect([error.code, error.message]).toEqual([
      'image-too-large',
      expect.stringMatching(/16384×16384 pixels in a file of \d+ bytes. It is blank/),
    ]);
  });

  it('a PNG that inflates to far more than its size', async () => {
    const body = deflateSync(new Uint8Array(50_000_000));
    const bytes = pngFile([ihdr(4, 4, 8, 0), ['IDAT', body], ['IEND', new Uint8Array(0)]]);
    const error = await messageOf(decodeMask(bytes));
    expect(error.code).toBe('image-damaged');
  });

  it.each([
    'rgb.png',
    'grey-16.png',
    'palette-4.png',
    'rgb.jpg',
    'grey-8.tif',
    'palette.gif',
    'grey.bmp',
    'lossless.webp',
  ])('%s cut at every length', async (name) => {
    const bytes = bytesOf(cases.find((c) => c.name === name)!.bytes);
    let refused = 0;
    for (let length = 1; length < bytes.length - 16; length += 7) {
      const results = await Promise.allSettled([
        decodeImage(bytes.subarray(0, length)),
        decodeMask(bytes.subarray(0, length)),
      ]);
      for (const result of results) {
        if (result.status === 'rejected') {
          expect(result.reason).toBeInstanceOf(PixelwiseError);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});
