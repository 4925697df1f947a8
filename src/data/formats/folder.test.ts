import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder, makeSample, put, temporaryFolder } from '../../../test/support/made-data.js';
import { PixelwiseError } from '../../errors/index.js';
import { encodeImage, encodeMask } from '../../images/encode.js';
import { encodeIndexedPng } from '../../images/png-write.js';
import { IGNORE_INDEX } from '../../images/raster.js';
import type { MaskValues } from '../class-values.js';
import { spread } from '../spread.js';
import { openFolder } from './folder.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

async function failure(work: Promise<unknown>): Promise<PixelwiseError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PixelwiseError);
  return error as PixelwiseError;
}

describe('openFolder', () => {
  it('pairs by stem, in subfolders, with names of any letters, in one order', async () => {
    const names = ['b', 'a b', 'ü "quoted"', 'deep/er/c', "it's", '日本'];
    const made = await makeFolder(root, { count: names.length, id: (i) => names[i]! });
    const dataset = await openFolder(root);
    expect(dataset.ids).toEqual([...names].map((name) => name.normalize('NFC')).sort());
    expect([dataset.channels, dataset.maxValue, dataset.classes]).toEqual([
      3,
      255,
      ['background', 'foreground'],
    ]);
    for (let i = 0; i < names.length; i++) {
      const { id, image, mask } = await dataset.get(i);
      const expected = made[names.indexOf(id)]!;
      expect([...image.data]).toEqual([...expected.image.data]);
      expect(mask.data).toEqual(expected.mask.data);
    }
  });

  it('reads masks of 0 and 255 as two classes', async () => {
    const made = await makeFolder(root, { count: 3, values: [0, 255] });
    const dataset = await openFolder(root);
    expect(dataset.classes).toEqual(['background', 'foreground']);
    expect((await dataset.get(1)).mask.data).toEqual(made[1]!.mask.data);
    expect(dataset.notes!.join()).toContain('0 and 255');
  });

  it('finds a foreground so rare that no mask of the sample has it', async () => {
    // 300 masks, of which 256 spread ones are looked at; only one that is not has 255.
    const empty = { width: 4, height: 4, data: new Uint8Array(16) };
    const image = await encodeImage({ ...empty, channels: 1 });
    const background = await encodeIndexedPng(empty);
    const marked = await encodeIndexedPng({ ...empty, data: new Uint8Array(16).fill(255, 0, 3) });
    const unseen = Array.from({ length: 300 }, (_, i) => i).find((i) => !spread(300, 256).includes(i))!;
    for (let i = 0; i < 300; i++) {
      const name = `${String(i).padStart(3, '0')}.png`;
      await put(join(root, 'images', name), image);
      await put(join(root, 'masks', name), i === unseen ? marked : background);
    }
    const dataset = await openFolder(root);
    expect(dataset.maskValues).toBe('zero-or-full');
    expect([...(await dataset.getMask(unseen)).data.subarray(0, 4)]).toEqual([1, 1, 1, 0]);
  });

  it('reads masks of 0 and 255 as two classes, whatever the masks of a model held', async () => {
    await makeFolder(join(root, 'open'), { count: 2, values: [0, 255] });
    const open = (maskValues?: MaskValues) => openFolder(join(root, 'open'), { classes: 2, maskValues });
    expect((await open()).maskValues).toBe('zero-or-full');
    const other = await open('indices');
    expect(other.notes?.join()).toContain('255 is read as the object');
    expect(new Set((await other.getMask(0)).data)).toEqual(new Set([0, 1]));
    await makeFolder(join(root, 'told'), { count: 2 });
    expect((await openFolder(join(root, 'told'), { maskValues: 'zero-or-full' })).maskValues).toBe('indices');
  });

  it('reads 16-bit masks of 0 and 65,535 as two classes', async () => {
    const { image, mask } = makeSample(1);
    await put(join(root, 'images/a.png'), await encodeImage(image));
    const data = Uint16Array.from(mask.data, (value) => value * 65535);
    await put(join(root, 'masks/a.png'), await encodeIndexedPng({ ...mask, data }));
    expect((await (await openFolder(root)).get(0)).mask.data).toEqual(mask.data);
  });

  it('reads palette masks by index, 255 ignored', async () => {
    const { image, mask } = makeSample(1, 24, 18, 3);
    mask.data[0] = IGNORE_INDEX;
    await put(join(root, 'images/a.png'), await encodeImage(image));
    await put(join(root, 'masks/a.png'), await encodeMask(mask));
    const dataset = await openFolder(root, { classes: ['sky', 'disc', 'bar'] });
    expect(dataset.classes).toEqual(['sky', 'disc', 'bar']);
    expect((await dataset.get(0)).mask.data).toEqual(mask.data);
  });

  it('finds the one image that is not like the others', async () => {
    const { image, mask } = makeSample(1, 4, 4);
    const grey = await encodeImage({ ...image, channels: 1, data: image.data.slice(0, 16) });
    const rgb = await encodeImage(image);
    const labels = await encodeMask(mask);
    for (let i = 0; i < 60; i++) {
      const name = `${String(i).padStart(3, '0')}.png`;
      await put(join(root, 'images', name), i === 30 ? rgb : grey);
      await put(join(root, 'masks', name), labels);
    }
    const dataset = await openFolder(root, { classes: 2 });
    expect(dataset.channels).toBe(3);
    for (const i of [30, 31]) expect((await dataset.get(i)).image.channels).toBe(3);
    expect(dataset.notes!.join()).toContain('differ in channels');
  });

  it('takes names from classes.txt', async () => {
    await makeFolder(root, { count: 2, classes: 3 });
    await put(join(root, 'classes.txt'), 'sky\r\ndisc\r\nbar\r\n');
    expect((await openFolder(root)).classes).toEqual(['sky', 'disc', 'bar']);
  });

  it('keeps images without a mask aside, and fails for them only when asked', async () => {
    await makeFolder(root, { count: 3 });
    await rm(join(root, 'masks/sample-1.png'));
    const dataset = await openFolder(root);
    expect(dataset.ids).toEqual(['sample-0', 'sample-2']);
    expect(dataset.unlabelled).toEqual([join(root, 'images/sample-1.png')]);
    const error = await failure(openFolder(root, { requireMasks: true }));
    expect(error.code).toBe('mask-missing');
    expect(error.message).toContain('sample-1.png');
  });

  it('names file, value and fix for a value outside the classes', async () => {
    const [first] = await makeFolder(root, { count: 2, classes: 3 });
    expect(new Set(first!.mask.data).has(2)).toBe(true);
    const dataset = await openFolder(root, { classes: 2 });
    const error = await failure(dataset.get(0));
    expect(error.code).toBe('mask-values');
    expect(error.message).toContain(join(root, 'masks/sample-0.png'));
    expect(error.message).toContain('value 2');
    expect(error.message).toContain('--classes 3');
  });

  it('refuses grey levels that are no indices', async () => {
    await makeFolder(root, { count: 2, classes: 3, values: [0, 37, 200] });
    const error = await failure(openFolder(root));
    expect(error.code).toBe('mask-values');
    expect(error.message).toContain('0, 37, 200');
  });

  it('names both sizes where image and mask differ', async () => {
    await makeFolder(root, { count: 1 });
    await put(join(root, 'masks/sample-0.png'), await encodeMask(makeSample(0, 12, 9).mask));
    const error = await failure((await openFolder(root, { strict: true })).get(0));
    expect(error.code).toBe('size-mismatch');
    for (const part of ['12×9', '24×18', 'masks', 'images']) expect(error.message).toContain(part);
  });

  it('names an unreadable file when its turn comes', async () => {
    await makeFolder(root, { count: 40 });
    await put(join(root, 'images/sample-1.png'), '');
    const dataset = await openFolder(root).catch(async () => undefined);
    // Where the empty file is among those looked at on opening, opening names it.
    const error =
      dataset === undefined
        ? await failure(openFolder(root))
        : await failure(dataset.get(dataset.ids.indexOf('sample-1')));
    expect(error.message).toContain('sample-1.png');
    expect(error.code).toBe('image-empty');
  });

  it('says what is missing', async () => {
    expect((await failure(openFolder(join(root, 'none')))).message).toContain('none');
    await put(join(root, 'images/a.png'), await encodeImage(makeSample(1).image));
    expect((await failure(openFolder(root))).message).toContain('masks');
    await put(join(root, 'masks/b.png'), await encodeMask(makeSample(1).mask));
    const error = await failure(openFolder(root));
    expect(error.code).toBe('mask-missing');
    expect(error.message).toContain('a.png');
    await put(join(root, 'images/a.jpg'), await encodeImage(makeSample(1).image, 'jpeg'));
    await put(join(root, 'masks/a.png'), await encodeMask(makeSample(1).mask));
    expect((await failure(openFolder(root))).code).toBe('data-ambiguous');
  });

  it('brings grey and RGB, 8 and 16 bits to one layout', async () => {
    await makeFolder(root, { count: 2 });
    const grey = { width: 24, height: 18, channels: 1, data: new Uint16Array(24 * 18).fill(5000) };
    await put(join(root, 'images/sample-1.png'), await encodeImage(grey));
    const dataset = await openFolder(root);
    expect([dataset.channels, dataset.maxValue]).toEqual([3, 65535]);
    const [first, second] = [await dataset.get(0), await dataset.get(1)];
    expect(first.image.data[0]! % 257).toBe(0);
    expect([...second.image.data.subarray(0, 3)]).toEqual([5000, 5000, 5000]);
    expect(dataset.notes!.join()).toContain('differ in channels');
  });

  it('groups by a pattern over ids', async () => {
    await makeFolder(root, { count: 4, id: (i) => `p${i >> 1}_${i}` });
    expect((await openFolder(root, { group: /^(p\d)_/ })).groups).toEqual(['p0', 'p0', 'p1', 'p1']);
    expect((await failure(openFolder(root, { group: /^x/ }))).code).toBe('group');
  });
});

describe('manifests', () => {
  it('reads CSV with quotes, a byte order mark and Windows line ends', async () => {
    await makeFolder(root, { count: 3, id: (i) => `a, "${i}"` });
    const rows = [0, 1, 2].map(
      (i) => `"images/a, ""${i}"".png","masks/a, ""${i}"".png",g${i >> 1},${i < 2 ? 'training' : 'val'}`,
    );
    await put(join(root, 'list.csv'), `\uFEFFimage,mask,group,split\r\n${rows.join('\r\n')}\r\n\r\n`);
    const dataset = await openFolder(join(root, 'list.csv'));
    expect(dataset.ids[1]).toBe('images/a, "1"');
    expect(dataset.groups).toEqual(['g0', 'g0', 'g1']);
    expect(dataset.splits).toEqual(['train', 'train', 'valid']);
    expect((await dataset.get(2)).image.width).toBe(24);
  });

  it('reads JSON Lines, images without a mask aside', async () => {
    await makeFolder(root, { count: 2 });
    const rows = [
      { image: 'images/sample-0.png', mask: 'masks/sample-0.png' },
      { image: 'images/sample-1.png' },
    ];
    await put(join(root, 'list.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const dataset = await openFolder(join(root, 'list.jsonl'));
    expect([dataset.length, dataset.unlabelled!.length]).toEqual([1, 1]);
  });

  it('names the file and line of what is wrong', async () => {
    const at = join(root, 'list.csv');
    await put(at, 'picture,mask\na.png,b.png\n');
    expect((await failure(openFolder(at))).message).toContain('"image"');
    await put(at, 'image,mask\na.png,b.png\na.jpg,b.png\n');
    expect((await failure(openFolder(at))).message).toContain('lines 2 and 3');
    await put(at, 'image,mask\n"a.png,b.png\n');
    expect((await failure(openFolder(at))).message).toContain('never closed');
    await put(join(root, 'list.jsonl'), '{"image":\n');
    expect((await failure(openFolder(join(root, 'list.jsonl')))).message).toContain('line 1');
  });
});
