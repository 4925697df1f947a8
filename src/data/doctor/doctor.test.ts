import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  makeFolder,
  makeSample,
  type MadeSample,
  put,
  temporaryFolder,
} from '../../../test/support/made-data.js';
import { encodeImage, encodeMask } from '../../images/encode.js';
import { writeLabels } from '../../images/encode-labels.js';
import { encodeIndexedPng } from '../../images/png-write.js';
import { resizeMask } from '../../images/resize.js';
import { openDataset } from '../open.js';
import { examine } from './examine.js';
import type { Problem } from './report.js';

let root: string;
let remove: () => Promise<void>;
let made: MadeSample[];
const COUNT = 12;

beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
  made = await makeFolder(root, { count: COUNT, width: 40, height: 30, classes: 3 });
});
afterEach(() => remove());

const image = (i: number, ending = 'png'): string => join(root, 'images', `sample-${i}.${ending}`);
const mask = (i: number, ending = 'png'): string => join(root, 'masks', `sample-${i}.${ending}`);

async function problems(options: { classes?: number } = {}): Promise<Problem[]> {
  return [...(await examine({ root, ...options })).problems];
}

/** Expects one problem, of this code, about this file, that says how to end it. */
async function expectOnly(
  code: string,
  file: string,
  level: 'error' | 'warning',
  options = {},
): Promise<Problem> {
  const found = await problems(options);
  expect(found.map((p) => [p.code, p.examples[0], p.level])).toEqual([[code, file, level]]);
  expect(found[0]!.fix.length).toBeGreaterThan(10);
  return found[0]!;
}

async function storeMask(i: number, change: (value: number) => number): Promise<void> {
  const { width, height, data } = made[i]!.mask;
  await put(mask(i), await encodeIndexedPng({ width, height, data: data.map(change) }));
}

describe('examine', () => {
  it('is silent on a clean set, and counts it', async () => {
    const report = await examine({ root });
    expect(report.problems).toEqual([]);
    expect([report.ok, report.pairs, report.examined, report.format]).toEqual([true, COUNT, COUNT, 'folder']);
    expect(report.sizes).toEqual([{ width: 40, height: 30, images: COUNT }]);
    expect(report.classes.map(({ value, name, images }) => [value, name, images])).toEqual([
      [0, 'class 0', COUNT],
      [1, 'class 1', COUNT],
      [2, 'class 2', COUNT],
    ]);
    const pixels = made.reduce(
      (sum, sample) => sum + sample.mask.data.filter((value) => value === 2).length,
      0,
    );
    expect(report.classes[2]!.pixels).toBe(pixels);
  });

  it('pairs that miss a half', async () => {
    await rm(mask(3));
    await expectOnly('mask-missing', image(3), 'warning');
    await rm(image(4));
    expect((await problems()).map(({ code, examples }) => [code, examples[0]])).toEqual([
      ['mask-missing', image(3)],
      ['image-missing', mask(4)],
    ]);
  });

  it('a size mismatch, and one that resizing would end', async () => {
    await put(mask(2), await encodeMask(makeSample(2, 30, 30, 3).mask, { as: 'grey' }));
    await expectOnly('size-mismatch', mask(2), 'error');
    await put(mask(2), await encodeMask(resizeMask(made[2]!.mask, 20, 15), { as: 'grey' }));
    await expectOnly('size-mismatch-scaled', mask(2), 'warning');
    const { fix } = await expectOnly('size-mismatch-scaled', mask(2), 'error', { root, strict: true });
    expect(fix).toContain('--strict');
    const mended = await openDataset({ root });
    expect((await mended.get(mended.ids.indexOf('sample-2'))).mask.width).toBe(40);
  });

  it('masks saved as JPEG, and PNGs made of such', async () => {
    await rm(root, { recursive: true });
    made = await makeFolder(root, { count: COUNT, width: 64, height: 48, values: [0, 255] });
    const { width, height, data } = made[5]!.mask;
    const raw = sharp(Buffer.from(data.map((value) => value * 255)), { raw: { width, height, channels: 1 } });
    const jpeg = await raw.jpeg({ quality: 75 }).toBuffer();
    await rm(mask(5));
    await put(mask(5, 'jpg'), jpeg);
    const { message } = await expectOnly('mask-soft', mask(5, 'jpg'), 'warning');
    expect(message).toContain('128');
    await rm(mask(5, 'jpg'));
    await put(mask(5), await sharp(jpeg).toColourspace('b-w').png().toBuffer());
    await expectOnly('mask-soft', mask(5), 'warning');
  });

  it('0/1 among 0/255, and the other way round', async () => {
    await rm(root, { recursive: true });
    made = await makeFolder(root, { count: COUNT, values: [0, 255] });
    expect(await problems()).toEqual([]);
    await storeMask(7, (value) => value);
    await expectOnly('mask-values-mixed', mask(7), 'warning');
    for (let i = 0; i < COUNT; i++) await storeMask(i, (value) => value);
    await storeMask(7, (value) => value * 255);
    await expectOnly('mask-values-mixed', mask(7), 'warning');
  });

  it('palette against index', async () => {
    await put(mask(6), await encodeMask(made[6]!.mask));
    await expectOnly('mask-palette-mixed', mask(6), 'warning');
    await put(
      mask(6),
      await sharp(await encodeMask(made[6]!.mask))
        .png({ palette: false })
        .toBuffer(),
    );
    const { fix } = await expectOnly('mask-colours', mask(6), 'error');
    expect(fix).toContain('palette');
  });

  it('labels that start at 1', async () => {
    for (let i = 0; i < COUNT; i++) await storeMask(i, (value) => value + 1);
    await expectOnly('labels-from-one', root, 'warning');
  });

  it('unexpected values, with and without named classes', async () => {
    await storeMask(9, (value) => (value === 2 ? 7 : value));
    const { message } = await expectOnly('mask-values', mask(9), 'error');
    expect(message).toContain('7');
    await storeMask(9, (value) => value);
    await storeMask(1, (value) => (value === 2 ? 3 : value));
    await expectOnly('mask-values', mask(1), 'error', { classes: 3 });
    await storeMask(1, (value) => (value === 2 ? 255 : value));
    expect(await problems()).toEqual([]);
  });

  it('an empty mask, and the share of such', async () => {
    await storeMask(8, () => 0);
    const { message } = await expectOnly('mask-empty', mask(8), 'warning');
    expect(message).toContain('8.3%');
    expect((await examine({ root })).emptyMasks).toEqual({ count: 1, share: 1 / COUNT });
    for (let i = 0; i < 7; i++) await storeMask(i, () => 0);
    expect(await problems()).toEqual([]);
    expect((await examine({ root })).emptyMasks.count).toBe(8);
  });

  it('a named class that nothing holds', async () => {
    const { message } = await expectOnly('class-absent', root, 'warning', { classes: 4 });
    expect(message).toContain('class 3');
  });

  it('duplicates, exact and saved anew, within and across parts', async () => {
    // Structure, not noise: what a hash of brightness steps is for.
    const photo = (phase: number): Promise<Buffer> => {
      const data = Buffer.from(
        Uint8Array.from(
          { length: 40 * 30 * 3 },
          (_, i) => 128 + 100 * Math.sin((i % 120) / 9 + phase) * Math.cos(i / 900 + phase * 3),
        ),
      );
      return sharp(data, { raw: { width: 40, height: 30, channels: 3 } })
        .png()
        .toBuffer();
    };
    for (let i = 0; i < COUNT; i++) await put(image(i), await photo(i));
    expect(await problems()).toEqual([]);
    await put(image(4), await photo(1));
    await expectOnly('duplicate', image(4), 'warning');
    await rm(image(4));
    await put(
      image(4, 'jpg'),
      await sharp(await photo(1))
        .jpeg({ quality: 80 })
        .toBuffer(),
    );
    await expectOnly('near-duplicate', image(4, 'jpg'), 'warning');

    await put(image(4, 'jpg'), await photo(1));
    const rows = made.map(
      (_, i) =>
        `images/sample-${i}.${i === 4 ? 'jpg' : 'png'},masks/sample-${i}.png,${i < 3 ? 'val' : 'train'}`,
    );
    await put(join(root, 'list.csv'), ['image,mask,split', ...rows].join('\n'));
    const across = (await examine({ root: join(root, 'list.csv') })).problems;
    expect(across.map(({ code, examples, level }) => [code, examples[0], level])).toEqual([
      ['duplicate-across-splits', image(4, 'jpg'), 'warning'],
    ]);
  });

  it('a group in two parts', async () => {
    const rows = made.map(
      (_, i) => `images/sample-${i}.png,masks/sample-${i}.png,patient-${i >> 1},${i < 3 ? 'val' : 'train'}`,
    );
    await put(join(root, 'list.csv'), ['image,mask,group,split', ...rows].join('\n'));
    const report = await examine({ root: join(root, 'list.csv') });
    expect(report.problems.map(({ code, examples }) => [code, examples[0]])).toEqual([
      ['group-leak', image(3)],
    ]);
    expect(report.problems[0]!.message).toContain('patient-1');
  });

  it('corrupt, truncated and empty files', async () => {
    const whole = await encodeImage(made[0]!.image);
    await writeFile(image(0), whole.subarray(0, whole.length >> 1));
    const { message, fix } = await expectOnly('image-damaged', image(0), 'error');
    // The file and the advice are said once.
    expect(message).not.toContain(image(0));
    expect(message).not.toContain(fix);
    await writeFile(image(0), whole);
    await writeFile(mask(1), '');
    await expectOnly('image-empty', mask(1), 'error');
    await writeFile(mask(1), await encodeMask(made[1]!.mask, { as: 'grey' }));
    await writeFile(image(2), 'GIF? no');
    await expectOnly('image-format', image(2), 'error');
  });

  it('an EXIF rotation that the mask does not follow', async () => {
    const { width, height, data } = made[3]!.image;
    const raw = { width, height, channels: 3 as const };
    await rm(image(3));
    await put(image(3, 'jpg'), await sharp(data, { raw }).jpeg().withMetadata({ orientation: 6 }).toBuffer());
    const found = await problems();
    expect(found.map(({ code, examples }) => [code, examples[0]])).toEqual([
      ['exif-rotation', image(3, 'jpg')],
      ['size-odd', image(3, 'jpg')],
    ]);
    await put(image(3, 'jpg'), await sharp(data, { raw }).jpeg().withMetadata({ orientation: 3 }).toBuffer());
    await expectOnly('exif-orientation', image(3, 'jpg'), 'warning');
  });

  it('the odd one out in size and in channels', async () => {
    const other = makeSample(5, 44, 30, 3);
    await put(image(5), await encodeImage(other.image));
    await put(mask(5), await encodeMask(other.mask, { as: 'grey' }));
    await expectOnly('size-odd', image(5), 'warning');
    const data = made[5]!.mask.data.map((value) => value * 60);
    await put(image(5), await encodeImage({ width: 40, height: 30, channels: 1, data }));
    await put(mask(5), await encodeMask(made[5]!.mask, { as: 'grey' }));
    await expectOnly('channels-odd', image(5), 'warning');
  });

  it('looks at a few only, when asked, and reports a set that cannot be opened', async () => {
    const some = await examine({ root, sample: 3 });
    expect([some.pairs, some.examined, some.problems]).toEqual([COUNT, 3, []]);
    await rm(join(root, 'masks'), { recursive: true });
    const report = await examine({ root });
    expect([report.ok, report.problems[0]!.code]).toEqual([false, 'mask-missing']);
  });
});

it('counts files that nothing reads, and passes over those that stand beside any data', async () => {
  for (const name of ['README.md', 'LICENSE', 'Thumbs.db', '.DS_Store', 'classes.txt'])
    await put(join(root, name), 'background\nnut\nbolt\n');
  expect((await examine({ root })).problems).toEqual([]);
  for (const name of ['a', 'b', 'c', 'd']) await put(join(root, `notes/${name}.xml`), '<a/>');
  const { ok, problems } = await examine({ root });
  expect([
    ok,
    problems.map(({ code, level, count, examples }) => [code, level, count, examples.length]),
  ]).toEqual([true, [['file-unused', 'warning', 4, 3]]]);
});

it('reports object numbers whose pixels are in several pieces', async () => {
  const numbered = (i: number, split: boolean) => {
    const data = new Int32Array(40 * 30);
    // Each object is a square of 4×4 pixels.
    for (let k = 0; k < 24 - (i % 5); k++) {
      const [left, top] = [1 + 6 * (k % 6), 1 + 6 * Math.floor(k / 6)];
      for (let p = 0; p < 16; p++) data[(top + (p >> 2)) * 40 + left + (p & 3)] = k + 1;
    }
    if (split) data.fill(1, 40 * 28, 40 * 28 + 5);
    return writeLabels(mask(i), { width: 40, height: 30, labels: data });
  };
  for (let i = 0; i < COUNT; i++) await numbered(i, i === 2);
  const { problems } = await examine({ root });
  const found = problems.filter(({ code }) => code === 'object-pieces');
  expect(found.map(({ count, examples, level }) => [count, examples, level])).toEqual([
    [1, [mask(2)], 'warning'],
  ]);
  expect(found[0]!.message).toContain('object 1 are in 2 pieces');
});

it('reports masks in colour among masks that store class indices', async () => {
  const { mask } = made[2]!;
  const data = Uint8Array.from([...mask.data].flatMap((value) => [250 * value, 40 * value, 9 * value]));
  await put(join(root, 'masks/sample-2.png'), await encodeImage({ ...mask, channels: 3, data }));
  const { ok, problems } = await examine({ root });
  expect(ok).toBe(false);
  const found = problems.find(({ code }) => code === 'mask-colours');
  expect([found?.level, found?.count]).toEqual(['error', 1]);
  expect(found?.examples[0]).toContain('sample-2');
});
