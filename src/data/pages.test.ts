import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { put, temporaryFolder } from '../../test/support/made-data.js';
import { tiff } from '../../test/support/tiff.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { openFolder } from './formats/folder.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => ({ path: root, remove } = await temporaryFolder()));
afterAll(() => remove());

const side = 12;
const page = (value: number) => ({
  width: side,
  height: side,
  data: new Uint8Array(side * side).fill(value),
});
/** Left half 0, the rest `value`. */
const half = (value: number) =>
  Uint8Array.from({ length: side * side }, (_, i) => (i % side < 6 ? 0 : value));

async function write(name: string, image: Buffer, mask: Uint8Array, ending: 'tif' | 'png'): Promise<void> {
  await put(join(root, name.replace('/', '/images/') + '.tif'), image);
  await put(join(root, `${name.replace('/', '/masks/')}.${ending}`), mask);
}

const stack = (values: readonly number[]): Buffer => tiff(values.map(page));
const maskStack = (count: number): Buffer =>
  tiff(Array.from({ length: count }, () => ({ width: side, height: side, data: half(255) })));
const mask = (): Promise<Uint8Array> => encodeIndexedPng({ width: side, height: side, data: half(255) });

describe('TIFFs with several pages', () => {
  it('are slices where the mask has as many, one group a file', async () => {
    await write('slices/a', stack([10, 20, 30]), maskStack(3), 'tif');
    await write('slices/b', stack([40, 50]), maskStack(2), 'tif');
    const dataset = await openFolder(join(root, 'slices'));
    expect(dataset.length).toBe(5);
    expect(dataset.ids.slice(0, 3)).toEqual(['a/1', 'a/2', 'a/3']);
    expect(new Set(dataset.groups)).toEqual(new Set(['a', 'b']));
    expect(dataset.notes.join()).toContain('5 slices of 2 files');
    const samples = await Promise.all([0, 1, 2, 3, 4].map((i) => dataset.get(i)));
    expect(samples.map(({ image }) => image.data[0])).toEqual([10, 20, 30, 40, 50]);
    expect(samples.every(({ mask: { data } }) => data[0] === 0 && data[11] === 1)).toBe(true);
  });

  it('of one file can be split, and it is said that scores will be too good', async () => {
    await write('one/a', stack([10, 20, 30]), maskStack(3), 'tif');
    const dataset = await openFolder(join(root, 'one'));
    expect([dataset.length, dataset.groups]).toEqual([3, undefined]);
    expect(dataset.findings.map(({ code }) => code)).toContain('pages-one-stack');
  });

  it('are channels where the mask has one page', async () => {
    await write('channels/a', stack([10, 20, 30]), await mask(), 'png');
    await write('channels/b', stack([11, 21, 31]), await mask(), 'png');
    const dataset = await openFolder(join(root, 'channels'));
    expect([dataset.length, dataset.channels]).toEqual([2, 3]);
    expect([...(await dataset.get(1)).image.data.slice(0, 3)]).toEqual([11, 21, 31]);
    const first = await openFolder(join(root, 'channels'), { pages: 'first' });
    expect([first.channels, (await first.get(0)).image.data[0]]).toEqual([1, 10]);
    await expect(openFolder(join(root, 'channels'), { pages: 'slices' })).rejects.toMatchObject({
      code: 'mask-pages',
    });
  });
});

describe('masks of another size', () => {
  it('are cropped where one pixel larger and resized where of the shape, unless refused', async () => {
    for (const [name, width] of [
      ['crop', 13],
      ['resize', 24],
    ] as const) {
      const data = Uint8Array.from({ length: width * width }, (_, i) => (i % width < width / 2 ? 0 : 255));
      for (const id of ['a', 'b']) {
        await write(
          `${name}/${id}`,
          stack([7]),
          await encodeIndexedPng({ width, height: width, data }),
          'png',
        );
      }
      const dataset = await openFolder(join(root, name));
      expect((await dataset.get(0)).mask).toMatchObject({ width: side, height: side });
      expect(dataset.findings.map(({ code }) => code)).toContain(
        name === 'crop' ? 'mask-one-larger' : 'size-mismatch-scaled',
      );
      const strict = await openFolder(join(root, name), { strict: true });
      await expect(strict.get(0)).rejects.toMatchObject({ code: 'size-mismatch' });
    }
    await writeFile(join(root, 'done'), '');
  });
});
