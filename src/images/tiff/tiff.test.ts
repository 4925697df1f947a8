import * as zlib from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DEFLATE, PACKBITS, tiff, type TiffPageSpec } from '../../../test/support/tiff.js';
import { PixelwiseError } from '../../errors/index.js';
import { decodeImage, describeImage } from '../decode.js';
import { decodeMask, decodeStoredMask } from '../decode-mask.js';
import { encodeMaskStack } from './write.js';

const [width, height] = [23, 17];
const values = (count: number, of: (i: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => of(i));
const bytes = Uint8Array.from(values(width * height, (i) => (i * 37) % 251));
const page = { width, height, data: bytes };

async function errorOf(work: Promise<unknown>): Promise<PixelwiseError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PixelwiseError);
  return error as PixelwiseError;
}

describe('samples of every kind', () => {
  const cases: [name: string, data: TiffPageSpec['data']][] = [
    ['uint8', bytes],
    ['uint16', Uint16Array.from(bytes, (v) => v * 200)],
    ['int16', Int16Array.from(bytes, (v) => v * 100 - 9000)],
    ['int8', Int8Array.from(bytes, (v) => v - 125)],
    ['uint32', Uint32Array.from(bytes, (v) => v * 65000)],
    ['float32', Float32Array.from(bytes, (v) => v / 255 - 0.5)],
    ['float64', Float64Array.from(bytes, (v) => v / 8)],
  ];
  const layouts: [name: string, spec: Partial<TiffPageSpec>][] = [
    ['one strip', {}],
    ['strips', { rowsPerStrip: 5 }],
    ['tiles', { tile: 16 }],
    ['deflate and differences', { compression: DEFLATE, predictor: 2, rowsPerStrip: 4 }],
    ['PackBits in tiles', { compression: PACKBITS, tile: 16 }],
  ];
  for (const [kind, data] of cases) {
    it.each(layouts)(`${kind} in %s`, async (_, spec) => {
      if (spec.predictor === 2 && kind.startsWith('float')) return;
      for (const options of [{}, { big: true }, { little: false }]) {
        // The writer differences numbers of this machine's order before it swaps them, as TIFF wants it.
        const image = await decodeImage(tiff([{ ...page, ...spec, data }], options));
        expect([image.width, image.height, image.channels]).toEqual([width, height, 1]);
        expect([...image.data]).toEqual([...Float32Array.from(data)]);
      }
    });
  }

  it('floating-point differences (predictor 3)', async () => {
    const data = Float32Array.from(bytes, (v) => Math.sin(v));
    for (const spec of [{ rowsPerStrip: 6 }, { tile: 16 }]) {
      const file = tiff([{ ...page, ...spec, data, predictor: 3, compression: DEFLATE }]);
      expect([...(await decodeImage(file)).data]).toEqual([...data]);
    }
  });

  it.each([false, true])('many bands, in planes of their own: %s', async (planar) => {
    for (const samples of [2, 3, 4, 13, 100]) {
      const data = Uint16Array.from(values(width * height * samples, (i) => (i * 7919) % 65000));
      const extraSamples = new Array<number>(samples >= 3 ? samples - 3 : samples - 1).fill(0);
      const file = tiff([{ ...page, data, samples, planar, extraSamples, rowsPerStrip: 6 }]);
      const image = await decodeImage(file);
      expect(image.channels).toBe(samples);
      expect([...image.data]).toEqual([...data]);
      expect((await describeImage(file)).channels).toBe(samples);
    }
  });

  it('LZW, deflate and PackBits as libtiff writes them', async () => {
    const [w, h] = [200, 150];
    const noise = Buffer.from(values(w * h * 3, (i) => ((i * 2654435761) >>> 13) % (i < 30000 ? 4 : 256)));
    const raw = sharp(noise, { raw: { width: w, height: h, channels: 3 } });
    for (const compression of ['lzw', 'deflate', 'packbits', 'none'] as const) {
      for (const predictor of ['none', 'horizontal'] as const) {
        for (const tile of [false, true]) {
          const file = await raw
            .clone()
            .tiff({ compression, predictor, tile, tileWidth: 32, tileHeight: 32 })
            .toBuffer();
          expect(Buffer.compare(Buffer.from((await decodeImage(file)).data as Uint8Array), noise)).toBe(0);
        }
      }
    }
  });

  it('palettes give colours as images and indices as masks', async () => {
    const colourMap = values(3 * 256, (i) => (i * 257) % 65536);
    const file = tiff([{ ...page, photometric: 3, colourMap }]);
    const image = await decodeImage(file);
    expect(image.channels).toBe(3);
    expect([...image.data.slice(0, 6)]).toEqual(
      [0, 37].flatMap((v) => [0, 1, 2].map((c) => colourMap[c * 256 + v]! >> 8)),
    );
    const mask = await decodeMask(file);
    expect([...mask.data]).toEqual([...bytes]);
    expect(mask.palette).toHaveLength(768);
  });

  it('white is zero: images as they are shown, masks as they are stored', async () => {
    const file = tiff([{ ...page, photometric: 0 }]);
    expect([...(await decodeImage(file)).data]).toEqual([...bytes].map((v) => 255 - v));
    expect((await describeImage(file)).whiteIsZero).toBe(true);
    const mask = await decodeStoredMask(file);
    expect([...mask.data]).toEqual([...bytes]);
    expect(mask.whiteIsZero).toBe(true);
    const bits = Uint8Array.from(bytes, (v) => v & 1);
    const bilevel = tiff([{ ...page, data: bits, bits: 1, photometric: 0 }]);
    expect([...(await decodeImage(bilevel)).data]).toEqual([...bits].map((v) => 255 * (1 - v)));
    expect([...(await decodeMask(bilevel)).data]).toEqual([...bits].map((v) => 255 * v));
  });

  it('is turned upright by its orientation, as libvips turns it', async () => {
    const data = Uint8Array.from(values(width * height * 3, (i) => (i * 89) % 256));
    for (let orientation = 1; orientation <= 8; orientation++) {
      const image = await decodeImage(tiff([{ ...page, data, samples: 3, orientation }]));
      const upright = sharp(Buffer.from(data), { raw: { width, height, channels: 3 } })
        .png()
        .withMetadata({ orientation });
      const { data: expected, info } = await sharp(await upright.toBuffer())
        .autoOrient()
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([image.width, image.height]).toEqual([info.width, info.height]);
      expect(Buffer.compare(Buffer.from(image.data as Uint8Array), expected)).toBe(0);
    }
  });
});

describe('masks', () => {
  it.each([
    ['int16 with −1 for ignored', Int16Array.of(0, 1, 2, -1), [0, 1, 2, 255]],
    ['uint32', Uint32Array.of(0, 1, 2, 300), [0, 1, 2, 300]],
    ['float32', Float32Array.of(0, 1, 1, 0), [0, 1, 1, 0]],
    ['probabilities', Float32Array.of(0, 0.25, 0.5, 1), [0, 64, 128, 255]],
  ] as const)('of %s', async (_, data, expected) => {
    expect([...(await decodeMask(tiff([{ width: 2, height: 2, data }]))).data]).toEqual(expected);
  });

  it('of other numbers are refused', async () => {
    const error = await errorOf(decodeMask(tiff([{ width: 2, height: 1, data: Float32Array.of(-3.5, 7) }])));
    expect(error.code).toBe('mask-values');
    expect(error.message).toContain('-3.5');
  });
});

describe('alpha', () => {
  const data = Uint8Array.from(values(width * height * 4, (i) => (i * 31) % 256));
  it('is dropped, unless with it there are as many channels as are wanted', async () => {
    for (const big of [false, true]) {
      const file = tiff([{ ...page, data, samples: 4, extraSamples: [2] }], { big });
      expect((await decodeImage(file)).channels).toBe(3);
      expect(await describeImage(file)).toMatchObject({ channels: 3, alpha: true });
      const kept = await decodeImage(file, { channels: 4 });
      expect([...kept.data]).toEqual([...data]);
      expect(await describeImage(file, { channels: 4 })).toMatchObject({ channels: 4 });
    }
  });
});

describe('pages', () => {
  const numbered = (count: number, description?: string): TiffPageSpec[] =>
    values(count, (i) => i).map((i) => ({
      width: 4,
      height: 3,
      data: new Uint8Array(12).fill(i + 1),
      ...(i === 0 && description !== undefined && { description }),
    }));
  const firsts = async (file: Buffer, options = {}) => {
    const image = await decodeImage(file, options);
    return [...image.data.slice(0, image.channels)];
  };

  it('without metadata are a picture each, or channels where asked for', async () => {
    const file = tiff(numbered(5));
    expect((await describeImage(file)).pages).toEqual({
      pictures: [[0], [1], [2], [3], [4]],
      source: undefined,
    });
    expect(await firsts(file, { page: 3 })).toEqual([4]);
    expect(await firsts(file, { page: 'channels' })).toEqual([1, 2, 3, 4, 5]);
    expect((await errorOf(decodeImage(file, { page: 5 }))).message).toContain('numbered from 0 to 4');
  });

  it('are channels and slices as ImageJ says', async () => {
    const channels = tiff(
      numbered(3, 'ImageJ=1.53t\nimages=3\nchannels=3\nhyperstack=true\nmode=composite\n'),
    );
    expect(await firsts(channels)).toEqual([1, 2, 3]);
    const both = tiff(numbered(6, 'ImageJ=1.53t\nimages=6\nchannels=2\nslices=3\nhyperstack=true\n'));
    expect((await describeImage(both)).pages?.pictures).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(await firsts(both, { page: 2 })).toEqual([5, 6]);
    const stack = tiff(numbered(4, 'ImageJ=1.53t\nimages=4\nslices=4\n'));
    expect((await describeImage(stack)).pages).toMatchObject({ source: 'ImageJ', pictures: { length: 4 } });
  });

  it('are channels and slices as OME says, in its order of dimensions', async () => {
    const xml = (order: string): string =>
      `<?xml version="1.0"?><OME><Image><Pixels DimensionOrder="${order}" SizeC="2" SizeZ="3" SizeT="1" Type="uint8"/></Image></OME>`;
    expect((await describeImage(tiff(numbered(6, xml('XYZCT'))))).pages?.pictures).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect((await describeImage(tiff(numbered(6, xml('XYCZT'))))).pages?.pictures).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
  });

  it('leave out thumbnails and levels of a pyramid', async () => {
    const small = { width: 2, height: 2, data: new Uint8Array(4), subfile: 1 };
    const [first] = numbered(1);
    expect((await describeImage(tiff([first!, small]))).pages).toBeUndefined();
    expect((await describeImage(tiff([first!, { ...small, subfile: 0 }]))).pages).toBeUndefined();
  });

  it('of a large ImageJ stack follow the first without directories of their own', async () => {
    const file = Buffer.from(tiff(numbered(1, 'ImageJ=1.53t\nimages=3\nslices=3\n')));
    // The pixels stand at the start, so that two more pages of them fit where the directory follows.
    expect((await describeImage(file)).pages?.pictures).toHaveLength(3);
  });
});

describe('stacks of masks', () => {
  it('are written as pages with the palette, and read back', async () => {
    const masks = [1, 2, 3].map((n) => ({
      width: 5,
      height: 3,
      data: Uint8Array.from(values(15, (i) => (i * n) % 3)),
    }));
    const file = encodeMaskStack(masks, Uint8Array.of(0, 0, 0, 230, 159, 0, 86, 180, 233));
    expect((await describeImage(file)).pages).toMatchObject({ source: 'ImageJ', pictures: { length: 3 } });
    for (const [page, mask] of masks.entries()) {
      const read = await decodeStoredMask(file, { page });
      expect([...read.data]).toEqual([...mask.data]);
      expect([...read.palette!.slice(0, 9)]).toEqual([0, 0, 0, 230, 159, 0, 86, 180, 233]);
    }
    const { pages } = await sharp(file).metadata();
    expect(pages).toBe(3);
  });
});

describe('what cannot be decoded', () => {
  it.each([
    [34887, 'LERC'],
    [34925, 'LZMA'],
    [50002, 'JPEG XL'],
    [4711, '4711'],
  ])('names compression %i', async (number, name) => {
    const file = tiff([{ ...page, compression: { number, pack: () => new Uint8Array(64) } }]);
    for (const work of [decodeImage(file), decodeMask(file), describeImage(file)]) {
      const error = await errorOf(work);
      expect(error.code).toBe('image-codec');
      expect(error.message).toContain(name);
      expect(error.message).toContain('gdal_translate');
    }
  });

  it('reads Zstandard', async () => {
    // A frame of one raw block: magic, no checksum and a window of 1 KiB, the block's header and bytes.
    const raw = (data: Buffer): Buffer => {
      const head = (data.length << 3) | 1;
      return Buffer.concat([
        Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, head & 255, (head >> 8) & 255, head >> 16]),
        data,
      ]);
    };
    const pack = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }).zstdCompressSync ?? raw;
    const file = tiff([{ ...page, compression: { number: 50000, pack } }]);
    expect([...(await decodeImage(file)).data]).toEqual([...bytes]);
    // A compressed block that ends after 1,024 of its 4,096 bytes.
    const broken = [0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 0x0f, 0x4d, 0, 0, 0x10, 0, 0, 1, 0, 0xfb, 0x2b, 0x80, 5];
    const black = { width: 64, height: 64, data: new Uint8Array(4096) };
    const lost = tiff([{ ...black, compression: { number: 50000, pack: () => Uint8Array.from(broken) } }]);
    expect((await errorOf(decodeImage(lost))).code).toBe('image-damaged');
    const damaged = tiff([
      {
        ...page,
        compression: { number: 50000, pack: (b: Buffer) => raw(b).subarray(0, 200) },
      },
    ]);
    expect((await errorOf(decodeImage(damaged))).code).toBe('image-damaged');
  });

  it.each(['lzw', 'deflate', 'packbits', 'none', 'jpeg'] as const)(
    'finds damage and truncation in %s',
    async (compression) => {
      const [w, h] = [256, 256];
      const scene = Buffer.from(values(w * h, (i) => 60 + ((i % w) >> 2) + (((i * 2654435761) >>> 20) % 19)));
      const file = await sharp(scene, { raw: { width: w, height: h, channels: 1 } })
        .toColourspace('b-w')
        .tiff({ compression })
        .toBuffer();
      const cut = Buffer.concat([file.subarray(0, 8), file.subarray(8, 300)]);
      expect((await errorOf(decodeImage(cut))).code).toBe('image-damaged');
      if (compression === 'none' || compression === 'jpeg') return;
      const damaged = Buffer.from(file).fill(0, Math.floor(file.length * 0.3), Math.floor(file.length * 0.6));
      for (const work of [decodeImage(damaged), decodeMask(damaged)]) {
        const error = await errorOf(work);
        expect(error.code).toBe('image-damaged');
        expect(error.message).toMatch(/strip or tile \d+/);
      }
    },
  );

  it('promises of more pixels than the bytes can hold take no memory', async () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const compression of [undefined, DEFLATE, PACKBITS]) {
      const file = tiff([
        {
          width: 8,
          height: 8,
          samples: 64,
          data: new Uint8Array(64 * 64),
          ...(compression && { compression }),
        },
      ]);
      // Width and height are 32-bit numbers of the directory, found by their tags.
      for (const tag of [256, 257]) {
        const at = file.indexOf(Buffer.from([tag & 255, tag >> 8, 4, 0, 1, 0, 0, 0]));
        file.writeUInt32LE(3000, at + 8);
      }
      const rows = file.indexOf(Buffer.from([278 & 255, 278 >> 8, 4, 0, 1, 0, 0, 0]));
      file.writeUInt32LE(3000, rows + 8);
      expect((await errorOf(decodeImage(file))).code).toBe('image-damaged');
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
  });

  it('pages that lead in a circle', async () => {
    const file = tiff([page]);
    const directory = file.readUInt32LE(4);
    const entries = file.readUInt16LE(directory);
    file.writeUInt32LE(directory, directory + 2 + 12 * entries);
    expect((await errorOf(decodeImage(file))).message).toContain('circle');
  });
});
