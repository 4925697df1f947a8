/** A repaired copy passes doctor, and training reads the same masks from it. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder, makeSample, put, temporaryFolder } from '../../../test/support/made-data.js';
import { encodeImage, encodeMask } from '../../images/encode.js';
import { encodeImageTiff } from '../../images/tiff/write.js';
import { decodeImage } from '../../images/decode.js';
import { encodeMaskStack } from '../../images/tiff/write.js';
import { CLASS_PALETTE } from '../../images/palette.js';
import { openDataset, type OpenOptions } from '../open.js';
import { examine } from './examine.js';
import { writeRepairedCopy } from './repaired-copy.js';

let root: string;
let out: string;
let removals: (() => Promise<void>)[];
beforeEach(async () => {
  const [data, copy] = [await temporaryFolder(), await temporaryFolder()];
  [root, out] = [data.path, join(copy.path, 'fixed')];
  removals = [data.remove, copy.remove];
});
afterEach(() => Promise.all(removals.map((remove) => remove())));

const COUNT = 6;
const images = async (folder = 'images'): Promise<void> => {
  for (let i = 0; i < COUNT; i++)
    await put(join(root, `${folder}/s${i}.png`), await encodeImage(makeSample(i).image));
};
/** Masks made from class planes, one file a sample. */
const masks = async (
  make: (plane: Uint8Array, size: { width: number; height: number }, i: number) => Promise<Uint8Array>,
): Promise<void> => {
  for (let i = 0; i < COUNT; i++) {
    const { mask } = makeSample(i, 24, 18, 3);
    await put(join(root, `masks/s${i}.png`), await make(mask.data, mask, i));
  }
};
const png = (
  data: Uint8Array,
  size: { width: number; height: number },
  channels: 1 | 3 | 4,
): Promise<Uint8Array> =>
  sharp(data, { raw: { width: size.width, height: size.height, channels } })
    .png()
    .toBuffer();

const SETS: Readonly<
  Record<string, { make: () => Promise<unknown>; options?: Partial<OpenOptions>; skipped?: number }>
> = {
  'masks of 0 and 255': { make: () => makeFolder(root, { count: COUNT, values: [0, 255] }) },
  'class indices, some pixels ignored': {
    make: async () => (
      await images(),
      masks((plane, size, i) =>
        png(
          plane.map((v, k) => (k < 9 && i > 0 ? 255 : v)),
          size,
          1,
        ),
      )
    ),
    options: { classes: ['field', 'disc', 'bar'] },
  },
  'one class or ignored pixels, never both in one file': {
    make: async () => (
      await images(),
      masks((plane, size, i) =>
        png(
          plane.map((v) => (v === 1 ? (i === 5 ? 255 : 1) : 0)),
          size,
          1,
        ),
      )
    ),
    options: { classes: 2 },
  },
  'soft masks': {
    make: async () => (
      await images(),
      masks(async (plane, size) =>
        sharp(
          await png(
            plane.map((v) => (v === 1 ? 255 : 0)),
            size,
            1,
          ),
        )
          .blur(0.8)
          .toColourspace('b-w')
          .png()
          .toBuffer(),
      )
    ),
  },
  'colour masks': {
    make: async () => (
      await images(),
      masks((plane, size) => {
        const colours = [
          [0, 0, 0],
          [200, 30, 30],
          [30, 30, 200],
        ];
        return png(Uint8Array.from([...plane].flatMap((v) => colours[v]!)), size, 3);
      })
    ),
  },
  'masks in the alpha channel': {
    make: async () => (
      await images(),
      masks((plane, size) =>
        png(Uint8Array.from([...plane].flatMap((v) => [9, 9, 9, v === 1 ? 255 : 0])), size, 4),
      )
    ),
  },
  COCO: {
    make: async () => {
      await images();
      const annotation = (id: number, category: number, x: number): object => ({
        id,
        image_id: id % COUNT,
        category_id: category,
        segmentation: [[x, 2, x + 6, 2, x + 6, 12]],
      });
      await put(
        join(root, 'annotations/instances.json'),
        JSON.stringify({
          images: Array.from({ length: COUNT }, (_, id) => ({
            id,
            file_name: `s${id}.png`,
            width: 24,
            height: 18,
          })),
          annotations: Array.from({ length: 2 * COUNT }, (_, id) =>
            annotation(id, id < COUNT ? 7 : 3, id < COUNT ? 2 : 12),
          ),
          categories: [
            { id: 3, name: '#nut, "M6"' },
            { id: 7, name: '12 bolt' },
          ],
        }),
      );
    },
  },
  'one mask an object': {
    make: async () => {
      for (let i = 0; i < COUNT; i++) {
        const { image, mask } = makeSample(i, 24, 18, 3);
        await put(join(root, `s${i}/images/s${i}.png`), await encodeImage(image));
        for (const value of [1, 2]) {
          const one = mask.data.map((v) => (v === value ? 255 : 0));
          await put(join(root, `s${i}/masks/${i}${value}f.png`), await png(one, mask, 1));
        }
      }
    },
  },
  'masks one pixel larger': {
    make: async () => {
      await images();
      for (let i = 0; i < COUNT; i++)
        await put(join(root, `masks/s${i}.png`), await encodeMask(makeSample(i, 25, 19).mask));
    },
  },
  'a damaged image and a damaged mask': {
    make: async () => (
      await makeFolder(root, { count: COUNT, values: [0, 255] }),
      await put(join(root, 'images/sample-2.png'), 'no image'),
      put(join(root, 'masks/sample-4.png'), 'no mask')
    ),
    skipped: 2,
  },
  'official parts': {
    make: async () => {
      for (let i = 0; i < COUNT; i++) {
        const { image, mask } = makeSample(i);
        const part = ['train', 'val', 'test'][i % 3]!;
        await put(join(root, `${part}/images/s${i}.png`), await encodeImage(image));
        await put(join(root, `${part}/masks/s${i}.png`), await encodeMask(mask));
      }
    },
  },
  groups: {
    make: () => makeFolder(root, { count: COUNT, id: (i) => `p${i >> 1}_${i}` }),
    options: { group: /^(p\d)_/ },
  },
  'stacks, slices as samples': {
    make: async () => {
      for (const stack of ['a', 'b']) {
        const slices = [0, 1, 2].map((i) => makeSample(i + (stack === 'a' ? 0 : 10)).mask);
        await put(
          join(root, `images/${stack}.tif`),
          encodeMaskStack(
            slices,
            Uint8Array.from({ length: 768 }, (_, i) => (i / 3) | 0),
          ),
        );
        await put(join(root, `masks/${stack}.tif`), encodeMaskStack(slices, CLASS_PALETTE));
      }
    },
  },
};

describe.each(Object.entries(SETS))('%s', (_, { make, options, skipped = 0 }) => {
  it('is repaired: fit, and the same masks', async () => {
    await make();
    const copy = await writeRepairedCopy({ root, ...options }, out);
    expect(copy.skipped).toBe(skipped);
    const report = await examine({ root: out });
    expect(report.problems.filter(({ level }) => level === 'error')).toEqual([]);
    expect(report.ok).toBe(true);
    const fixed = await openDataset({ root: out });
    expect(fixed.format).toBe('folder');
    // Files with errors are removed by hand: what is left is what the copy must hold.
    if (skipped > 0)
      for (const id of [2, 4])
        for (const folder of ['images', 'masks']) await rm(join(root, folder, `sample-${id}.png`));
    const own = await openDataset({ root, ...options });
    expect(fixed.classes).toEqual(own.classes);
    expect([fixed.splits, fixed.groups]).toEqual([own.splits, own.groups]);
    expect(fixed.length).toBe(own.length);
    for (let i = 0; i < own.length; i++) {
      const [mine, theirs] = [await fixed.get(i), await own.get(i)];
      expect(mine.mask).toEqual(theirs.mask);
      expect(Buffer.from(mine.image.data).equals(Buffer.from(theirs.image.data))).toBe(true);
    }
    for (const { code, message } of copy.repairs) expect(`${code}${message}`.length).toBeGreaterThan(20);
  });
});

it('links files that do not change', async () => {
  await makeFolder(root, { count: 2 });
  await put(join(root, 'masks/sample-0.png'), await encodeMask(makeSample(0).mask));
  await put(join(root, 'masks/sample-1.png'), await encodeMask(makeSample(1).mask));
  const copy = await writeRepairedCopy({ root }, out);
  expect([copy.linked, copy.converted]).toEqual([4, 0]);
  const [one, other] = await Promise.all(
    [root, out].map((folder) => stat(join(folder, 'images/sample-0.png'))),
  );
  expect(one!.ino).toBe(other!.ino);
});

it('refuses a folder that holds something, or lies in the data, and leaves nothing of a copy that failed', async () => {
  await makeFolder(root, { count: 2 });
  await put(join(out, 'mine.txt'), 'mine');
  await expect(writeRepairedCopy({ root }, out)).rejects.toThrow('not empty');
  expect(await readFile(join(out, 'mine.txt'), 'utf8')).toBe('mine');
  await expect(writeRepairedCopy({ root }, join(root, 'fixed'))).rejects.toThrow('inside the data set');
  await rm(out, { recursive: true });
  const signal = AbortSignal.abort();
  await expect(writeRepairedCopy({ root, signal }, out)).rejects.toThrow();
  expect((await readdir(join(out, '..'))).filter((name) => name.startsWith('fixed'))).toEqual([]);
});

it.each([
  ['5 bands of 16 bits', 5, (n: number) => Uint16Array.from({ length: n }, (_, i) => i * 37)],
  ['one band of numbers', 1, (n: number) => Float32Array.from({ length: n }, (_, i) => i / 7 - 2)],
  ['4 bands of 8 bits', 4, (n: number) => Uint8Array.from({ length: n }, (_, i) => i)],
  ['2 bands of numbers', 2, (n: number) => Float32Array.from({ length: n }, (_, i) => i / 3)],
])('a TIFF of %s is read as it was written', async (_, channels, make) => {
  const image = { width: 5, height: 3, channels, data: make(15 * channels) };
  const read = await decodeImage(encodeImageTiff(image), { channels });
  expect([read.width, read.height, read.channels]).toEqual([5, 3, channels]);
  expect([...read.data]).toEqual([...image.data]);
});
