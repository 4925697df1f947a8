import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSample, put, temporaryFolder } from '../../../test/support/made-data.js';
import { PixelwiseError } from '../../errors/index.js';
import { encodeImage, encodeMask } from '../../images/encode.js';
import { openDataset } from '../open.js';
import { Tree } from '../tree.js';
import { pairFiles } from './pair-files.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

const COUNT = 6;

/** Writes sample i's image and masks under the names given, and checks that they come back as pairs. */
async function written(image: (i: number) => string, ...masks: ((i: number) => string)[]): Promise<void> {
  for (let i = 0; i < COUNT; i++) {
    const sample = makeSample(i, 24, 18);
    await put(
      join(root, image(i)),
      await encodeImage(sample.image, image(i).endsWith('.jpg') ? 'jpeg' : 'png'),
    );
    for (const mask of masks) await put(join(root, mask(i)), await encodeMask(sample.mask, { as: 'grey' }));
  }
}

async function failure(work: Promise<unknown>): Promise<PixelwiseError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PixelwiseError);
  return error as PixelwiseError;
}

const two = (i: number): string => String(i + 1).padStart(2, '0');

describe('one mask an image', () => {
  it.each<[name: string, image: (i: number) => string, mask: (i: number) => string]>([
    ['equal stems', (i) => `images/a${i}.jpg`, (i) => `masks/a${i}.png`],
    ['a suffix', (i) => `images/a${i}.jpg`, (i) => `masks/a${i}_mask.png`],
    ['another case and folder', (i) => `image/IMG_${i}.jpg`, (i) => `label/img_${i}.png`],
    [
      'words on both sides, in a folder a class',
      (i) => `images/cat/image_${two(i)}.jpg`,
      (i) => `masks/cat/mask_${two(i)}.png`,
    ],
    ['words on both sides, in one folder', (i) => `cat/image_${two(i)}.jpg`, (i) => `cat/mask_${two(i)}.png`],
    [
      'words after a number',
      (i) => `training/images/${two(i)}_training.png`,
      (i) => `training/1st_manual/${two(i)}_manual1.png`,
    ],
    [
      'folders whose names share nothing',
      (i) => `Training_Images/x${i}.jpg`,
      (i) => `Ground_Truth/x${i}.png`,
    ],
    ['a number written otherwise', (i) => `images/${i + 1}.png`, (i) => `masks/${two(i)}_gt.png`],
    ['a folder a sample', (i) => `s${i}/img.png`, (i) => `s${i}/label.png`],
    [
      'Cityscapes',
      (i) => `leftImg8bit/train/aachen/aachen_${two(i)}_leftImg8bit.png`,
      (i) => `gtFine/train/aachen/aachen_${two(i)}_gtFine_labelIds.png`,
    ],
    ['camera images beside masks', (i) => `10${i}_sat.jpg`, (i) => `10${i}_mask.png`],
    [
      'Unicode forms',
      (i) => `images/übung ${i}.png`.normalize('NFC'),
      (i) => `masks/übung ${i}.png`.normalize('NFD'),
    ],
  ])('%s', async (_, image, mask) => {
    await written(image, mask);
    const { pairs, kind, unlabelled, orphanMasks, description } = await pairFiles(await Tree.of(root));
    const found = pairs.map((pair) => [pair.image, pair.masks.map(({ file }) => file)]);
    const expected = Array.from({ length: COUNT }, (__, i) => [image(i), [mask(i)]]);
    expect(found.sort()).toEqual(expected.sort());
    expect([kind, unlabelled, orphanMasks]).toEqual(['single', [], []]);
    expect(description).toMatch(/^6 pairs: .* ↔ .*/);
  });

  it('tells masks by content where names do not', async () => {
    await written(
      (i) => `sat/t${i}.jpg`,
      (i) => `map/t${i}.png`,
    );
    const { pairs } = await pairFiles(await Tree.of(root));
    expect(pairs.map(({ image, masks: [mask] }) => [image, mask!.file])).toEqual(
      Array.from({ length: COUNT }, (_, i) => [`sat/t${i}.jpg`, `map/t${i}.png`]),
    );
  });

  it('keeps the parts that folders name', async () => {
    const part = (i: number): string => ['train', 'train', 'train', 'val', 'val', 'test'][i]!;
    await written(
      (i) => `${part(i)}/images/a${i}.jpg`,
      (i) => `${part(i)}/masks/a${i}.png`,
    );
    const dataset = await openDataset({ root });
    expect(dataset.splits!.toSorted()).toEqual(['test', 'train', 'train', 'train', 'valid', 'valid']);
    expect(dataset.pairing).toBe('6 pairs: PART/images/aN.jpg ↔ PART/masks/aN.png');
  });

  it('never pairs across parts or classes', async () => {
    await written(
      (i) => `train/images/${i}.jpg`,
      (i) => `train/masks/${i}.png`,
    );
    const { image, mask } = makeSample(9);
    await put(join(root, 'val/images/extra.jpg'), await encodeImage(image, 'jpeg'));
    await put(join(root, 'train/masks/extra.png'), await encodeMask(mask, { as: 'grey' }));
    const { pairs, unlabelled, orphanMasks } = await pairFiles(await Tree.of(root));
    expect([pairs.length, unlabelled, orphanMasks]).toEqual([
      COUNT,
      ['val/images/extra.jpg'],
      ['train/masks/extra.png'],
    ]);
  });
});

describe('several masks an image', () => {
  it('one an object, in a folder a sample', async () => {
    const { image } = makeSample(1, 24, 18);
    for (const id of ['aa1', 'bb2']) {
      await put(join(root, id, 'images', `${id}.png`), await encodeImage(image));
      for (const [k, hash] of ['0f3c', '99ab', 'c0de'].entries()) {
        const data = new Uint8Array(24 * 18);
        data[k * 50] = 1;
        await put(
          join(root, id, 'masks', `${hash}${id}x.png`),
          await encodeMask({ width: 24, height: 18, data }, { as: 'grey' }),
        );
      }
    }
    const dataset = await openDataset({ root });
    expect([dataset.length, dataset.classes]).toEqual([2, ['background', 'foreground']]);
    const { mask } = await dataset.get(1);
    expect([...mask.data.keys()].filter((i) => mask.data[i] === 1)).toEqual([0, 50, 100]);
    expect(dataset.pairing).toContain('one mask an object');
  });

  it('one a class, told by names', async () => {
    for (let i = 0; i < 4; i++) {
      const { image, mask } = makeSample(i, 24, 18, 3);
      await put(join(root, `images/a${i}.png`), await encodeImage(image));
      for (const [value, name] of [
        [1, 'disc'],
        [2, 'bar'],
      ] as const) {
        const data = mask.data.map((one) => (one === value ? 255 : 0));
        await put(
          join(root, `masks/${name}/a${i}.png`),
          await encodeImage({ width: 24, height: 18, channels: 1, data }),
        );
      }
    }
    const dataset = await openDataset({ root });
    expect(dataset.classes).toEqual(['background', 'bar', 'disc']);
    const truth = makeSample(2, 24, 18, 3).mask.data.map((value) => [0, 2, 1][value]!);
    expect([...(await dataset.get(2)).mask.data]).toEqual([...truth]);
  });

  it('of two people is a question, which --masks answers', async () => {
    await written(
      (i) => `Image_${two(i)}L.jpg`,
      (i) => `Image_${two(i)}L_1stHO.png`,
      (i) => `Image_${two(i)}L_2ndHO.png`,
    );
    const error = await failure(pairFiles(await Tree.of(root)));
    expect(error.code).toBe('data-ambiguous');
    expect(error.message).toContain('--masks');
    const globs = { images: '*L.jpg', masks: '*_1stHO.png' };
    const { pairs, unused } = await pairFiles(await Tree.of(root), globs);
    expect([pairs.length, pairs[0]!.masks.length, unused[0]!.files.length]).toEqual([COUNT, 1, COUNT]);
  });
});

it('says what is there where nothing pairs', async () => {
  await written((i) => `images/a${i}.jpg`);
  expect((await failure(pairFiles(await Tree.of(root)))).code).toBe('mask-missing');
  await put(join(root, 'masks/other.png'), await encodeMask(makeSample(1).mask, { as: 'grey' }));
  expect((await failure(pairFiles(await Tree.of(root)))).message).toContain('other.png');
});
