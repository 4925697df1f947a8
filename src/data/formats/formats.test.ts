import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder, makeSample, put, temporaryFolder } from '../../../test/support/made-data.js';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { encodeImage, encodeMask } from '../../images/encode.js';
import { encodeIndexedPng } from '../../images/png-write.js';
import { type ClassMask, IGNORE_INDEX, type Raster } from '../../images/raster.js';
import { openDataset, recogniseFormat } from '../open.js';
import { splitDataset } from '../splits.js';
import { sliceWeights } from './lgg-mri.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

const at = (...parts: string[]): string => join(root, ...parts);
const jpeg = (image: Raster): Promise<Uint8Array> => encodeImage(image, 'jpeg');

function greyRaw({ width, height, data }: ClassMask, gain = 255): Sharp {
  const levels = Buffer.from(data.map((value) => value * gain));
  return sharp(levels, { raw: { width, height, channels: 1 } }).toColourspace('b-w');
}

async function message(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PixelwiseError);
  return (error as PixelwiseError).message;
}

describe('oxford-pets', () => {
  const ids = ['Abyssinian_1', 'Abyssinian_2', 'american_bulldog_1', 'Persian_7'];

  beforeEach(async () => {
    for (const [i, id] of ids.entries()) {
      const { image, mask } = makeSample(i, 24, 18, 3);
      const trimap = mask.data.map((value) => value + 1);
      // As in the original, some files named .jpg are none.
      if (id === 'Persian_7') {
        const raw = { width: 24, height: 18, channels: 3 as const };
        await put(at('images', `${id}.jpg`), await sharp(image.data, { raw }).gif().toBuffer());
      } else await put(at('images', `${id}.jpg`), i === 1 ? await encodeImage(image) : await jpeg(image));
      await put(at('annotations/trimaps', `${id}.png`), await encodeIndexedPng({ ...mask, data: trimap }));
    }
    await put(at('images', 'Birman_9.jpg'), await jpeg(makeSample(9).image));
    await put(at('annotations/trimaps/._Abyssinian_1.png'), 'a resource fork of macOS, as in the archive');
    await put(
      at('annotations/trainval.txt'),
      'Abyssinian_1 1 1 1\nabsent_1 2 2 1\namerican_bulldog_1 2 2 1\n',
    );
    await put(at('annotations/test.txt'), 'Abyssinian_2 1 1 1\n');
  });

  it('reads layout, lists and trimaps', async () => {
    const dataset = await openDataset({ root });
    expect(dataset.format).toBe('oxford-pets');
    expect(dataset.ids).toEqual(ids.toSorted());
    expect(dataset.splits).toEqual(['train', 'test', undefined, 'train']);
    expect(dataset.classes).toEqual(['pet', 'background', 'border']);
    expect(dataset.unlabelled).toEqual([at('images', 'Birman_9.jpg')]);
    expect(dataset.notes!.join()).toContain('absent_1');
    for (const [i, id] of dataset.ids.entries()) {
      const { image, mask } = await dataset.get(i);
      expect(image.channels).toBe(3);
      expect(mask.data).toEqual(makeSample(ids.indexOf(id), 24, 18, 3).mask.data);
    }
    const parts = splitDataset(dataset, { valid: 0.5 });
    expect([parts.train.length, parts.valid!.length, parts.test!.ids]).toEqual([1, 1, ['Abyssinian_2']]);
  });

  it('takes each target', async () => {
    const truth = makeSample(2, 24, 18, 3).mask.data;
    const maskOf = async (target: 'binary' | 'species' | 'breed'): Promise<[readonly string[], number[]]> => {
      const dataset = await openDataset({ root, target });
      const i = dataset.ids.indexOf('american_bulldog_1');
      return [dataset.classes, [...(await dataset.get(i)).mask.data]];
    };
    const expected = (pet: number): number[] => [...truth].map((value) => (value === 1 ? 0 : pet));
    expect(await maskOf('binary')).toEqual([['background', 'pet'], expected(1)]);
    expect(await maskOf('species')).toEqual([['background', 'cat', 'dog'], expected(2)]);
    const [breeds, mask] = await maskOf('breed');
    expect([breeds.length, breeds[2], breeds[37]]).toEqual([38, 'american_bulldog', 'yorkshire_terrier']);
    expect(mask).toEqual(expected(2));
    await expect(openDataset({ root, target: 'tail' as 'breed' })).rejects.toThrow(UsageError);
  });
});

describe('lgg-mri', () => {
  it('reads slices by patient, in order, and the nested copy once', async () => {
    for (const patient of ['TCGA_CS_1_2000', 'TCGA_DU_2_2001']) {
      for (const slice of [1, 2, 10]) {
        const { image, mask } = makeSample(slice);
        const raw = { width: 24, height: 18, channels: 3 as const };
        const stem = at('kaggle_3m', patient, `${patient}_${slice}`);
        await put(`${stem}.tif`, await sharp(image.data, { raw }).tiff({ compression: 'none' }).toBuffer());
        await put(`${stem}_mask.tif`, await greyRaw(mask).tiff({ compression: 'lzw' }).toBuffer());
      }
    }
    await put(at('kaggle_3m/data.csv'), 'Patient,RNASeqCluster\n');
    await cp(at('kaggle_3m'), at('lgg-mri-segmentation/kaggle_3m'), { recursive: true });
    const dataset = await openDataset({ root });
    expect([dataset.format, dataset.length, dataset.channels]).toEqual(['lgg-mri', 6, 3]);
    expect(dataset.ids.slice(0, 3)).toEqual([1, 2, 10].map((n) => `TCGA_CS_1_2000/TCGA_CS_1_2000_${n}`));
    expect(new Set(dataset.groups)).toEqual(new Set(['TCGA_CS_1_2000', 'TCGA_DU_2_2001']));
    const { image, mask } = await dataset.get(2);
    expect(mask.data).toEqual(makeSample(10).mask.data);
    expect([...image.data]).toEqual([...makeSample(10).image.data]);
    expect((await openDataset({ root: at('kaggle_3m') })).length).toBe(6);
  });

  it('weighs slices as published', () => {
    // By the formula: mean 10, sum 40; (a + 1) / 44.
    expect([...sliceWeights([0, 0, 10, 30])]).toEqual([1 / 44, 1 / 44, 11 / 44, 31 / 44]);
    expect([...sliceWeights([0, 0])]).toEqual([0.5, 0.5]);
  });
});

describe('carvana', () => {
  it('reads GIF masks and groups by car', async () => {
    for (const car of ['00087a6bd4dc', '02159e548029']) {
      for (const angle of ['01', '02']) {
        const { image, mask } = makeSample(Number(angle));
        await put(at('train', `${car}_${angle}.jpg`), await jpeg(image));
        await put(at('train_masks', `${car}_${angle}_mask.gif`), await greyRaw(mask).gif().toBuffer());
      }
    }
    const dataset = await openDataset({ root });
    expect([dataset.format, dataset.ids, dataset.groups]).toEqual([
      'carvana',
      ['00087a6bd4dc_01', '00087a6bd4dc_02', '02159e548029_01', '02159e548029_02'],
      ['00087a6bd4dc', '00087a6bd4dc', '02159e548029', '02159e548029'],
    ]);
    expect((await dataset.get(3)).mask.data).toEqual(makeSample(2).mask.data);
    const parts = splitDataset(dataset, { valid: 0.5 });
    expect(new Set([...parts.train.groups!, ...parts.valid!.groups!]).size).toBe(2);
    expect(new Set(parts.train.groups).size).toBe(1);
  });
});

describe('camvid', () => {
  it('reads lists of pairs, the tutorial’s own paths too, 11 ignored', async () => {
    const { image, mask } = makeSample(3, 24, 18, 3);
    mask.data[5] = 11;
    for (const part of ['train', 'val']) {
      await put(at(part, '0001TP_1.jpg'), await jpeg(image));
      await put(at(`${part}annot`, '0001TP_1.png'), await encodeIndexedPng(mask));
    }
    await put(
      at('train.txt'),
      '/SegNet/CamVid/train/0001TP_1.jpg /SegNet/CamVid/trainannot/0001TP_1.png\n\n',
    );
    await put(at('val.txt'), 'val/0001TP_1.jpg valannot/0001TP_1.png\n');
    const dataset = await openDataset({ root });
    expect([dataset.format, dataset.ids, dataset.splits]).toEqual([
      'camvid',
      ['train/0001TP_1', 'val/0001TP_1'],
      ['train', 'valid'],
    ]);
    expect(dataset.classes).toHaveLength(11);
    const read = (await dataset.get(0)).mask.data;
    expect([read[5], read[6]]).toEqual([IGNORE_INDEX, mask.data[6]]);
    await put(at('val.txt'), 'val/b.jpg valannot/b.png\n');
    expect(await message(openDataset({ root }))).toContain('line 1');
  });
});

describe('voc', () => {
  it('reads palette masks with 255 ignored and the official parts', async () => {
    const { image, mask } = makeSample(3, 24, 18, 3);
    mask.data[0] = IGNORE_INDEX;
    for (const id of ['2007_000001', '2007_000002', '2007_000003']) {
      await put(at('VOCdevkit/VOC2012/JPEGImages', `${id}.jpg`), await jpeg(image));
      if (id !== '2007_000003')
        await put(at('VOCdevkit/VOC2012/SegmentationClass', `${id}.png`), await encodeMask(mask));
    }
    await put(at('VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt'), '2007_000001\n');
    await put(at('VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt'), '2007_000002\n');
    const dataset = await openDataset({ root });
    expect([dataset.format, dataset.length, dataset.classes.length]).toEqual(['voc', 2, 21]);
    expect(dataset.splits).toEqual(['train', 'valid']);
    expect(dataset.unlabelled).toHaveLength(1);
    expect((await dataset.get(0)).mask.data).toEqual(mask.data);
  });
});

describe('coco', () => {
  const square = (x: number, y: number, side: number): number[] => [
    x,
    y,
    x + side,
    y,
    x + side,
    y + side,
    x,
    y + side,
  ];

  async function write(annotations: object[], name = 'annotations/instances_default.json'): Promise<void> {
    await put(at('images/a.png'), await encodeImage(makeSample(1, 10, 8).image));
    const images = [{ id: 7, file_name: 'a.png', width: 10, height: 8 }];
    const categories = [
      { id: 90, name: 'toothbrush' },
      { id: 3, name: 'car' },
    ];
    await put(at(name), JSON.stringify({ images, annotations, categories, info: {} }));
  }

  it('draws polygons and both codes, smaller on top, crowds ignored beneath', async () => {
    await write([
      { id: 1, image_id: 7, category_id: 90, segmentation: [square(1, 1, 2)], iscrowd: 0 },
      { id: 2, image_id: 7, category_id: 3, segmentation: [square(0, 0, 6)], iscrowd: 0 },
      // All of columns 6 to 9 as a crowd, run lengths down the columns.
      { id: 3, image_id: 7, category_id: 3, segmentation: { counts: [40, 40], size: [8, 10] }, iscrowd: 1 },
    ]);
    const dataset = await openDataset({ root });
    expect([dataset.format, dataset.classes]).toEqual(['coco', ['background', 'car', 'toothbrush']]);
    const { data } = (await dataset.get(0)).mask;
    const at2 = (x: number, y: number): number => data[y * 10 + x]!;
    expect([at2(0, 0), at2(1, 1), at2(2, 2), at2(3, 3), at2(5, 5)]).toEqual([1, 2, 2, 1, 1]);
    expect([at2(4, 7), at2(5, 7), at2(9, 0)]).toEqual([0, IGNORE_INDEX, IGNORE_INDEX]);
  });

  const whole = { id: 1, image_id: 7, category_id: 3, segmentation: [square(1, 1, 4)], iscrowd: 0 };

  it('leaves out and counts annotations that cannot be used', async () => {
    await write([
      whole,
      { id: 5, image_id: 7, category_id: 3, segmentation: [[1, 1, 2, 2]] },
      { id: 6, image_id: 7, category_id: 4, segmentation: [square(0, 0, 2)] },
      { id: 7, image_id: 70, category_id: 3, segmentation: [square(0, 0, 2)] },
      { id: 8, image_id: 7, category_id: 3, segmentation: null },
      { id: 9, image_id: 7, category_id: 3, segmentation: { counts: [3, 4], size: [8, 10] } },
    ]);
    const dataset = await openDataset({ root });
    expect((await dataset.get(0)).mask.data.filter((value) => value === 1)).toHaveLength(16);
    const skipped = dataset.findings!.filter(({ code }) => code === 'annotation-skipped');
    expect(skipped.map(({ count }) => count)).toEqual([1, 1, 1, 1, 1]);
    expect(skipped.map(({ examples: [first] }) => /annotation (\d)/.exec(first!)![1])).toEqual([
      '5',
      '6',
      '7',
      '8',
      '9',
    ]);
  });

  it('names the cause where no annotation can be used', async () => {
    await write([{ ...whole, segmentation: [] }]);
    expect(await message(openDataset({ root }))).toContain('1 annotations are boxes');
    await write([{ ...whole, image_id: 101 }]);
    expect(await message(openDataset({ root }))).toContain('101');
    await put(at('annotations/instances_default.json'), '{"images": [');
    expect(await message(openDataset({ root, format: 'coco' }))).toContain('JSON');
  });

  it('takes no memory for images that annotations describe as enormous', async () => {
    await put(at('a.png'), await encodeImage(makeSample(1).image));
    const file = at('huge.json');
    const images = [{ id: 1, file_name: 'a.png', width: 1e9, height: 12 }];
    const box = { image_id: 1, category_id: 1, segmentation: [[1, 1, 5, 1, 5, 5]] };
    const categories = [{ id: 1, name: 'cell' }];
    await put(file, JSON.stringify({ images, categories, annotations: [{ id: 1, ...box }] }));
    const dataset = await openDataset({ root: file, format: 'coco' });
    expect(await message(dataset.get(0))).toContain('as its annotations describe it: 1000000000×12 pixels');
  });

  it('reads ids of any type, flat polygons, null sizes, backslashes and NaN', async () => {
    await put(at('pictures/a.png'), await encodeImage(makeSample(1, 10, 8).image));
    const images = [{ id: '7', file_name: 'C:\\data\\a.png', width: null }];
    const categories = [{ id: '3', name: 'car' }];
    const annotation = { image_id: 7, category_id: 3, segmentation: square(1, 1, 4), score: 'N' };
    const text = JSON.stringify({ images, annotations: [annotation], categories }).replace('"N"', 'NaN');
    await put(at('result.json'), text);
    const dataset = await openDataset({ root });
    expect((await dataset.get(0)).mask.data.filter((value) => value === 1)).toHaveLength(16);
  });

  it('reads codes as objects where all are marked as crowds, and merges equal names', async () => {
    await put(at('a.png'), await encodeImage(makeSample(1, 10, 8).image));
    const runs = { counts: [40, 40], size: [8, 10] };
    const annotations = [{ id: 1, image_id: 1, category_id: 2, segmentation: runs, iscrowd: 1 }];
    const categories = [
      { id: 0, name: 'things', supercategory: 'none' },
      { id: 1, name: 'car', supercategory: 'things' },
      { id: 2, name: 'car', supercategory: 'things' },
      { id: 3, name: 'background' },
    ];
    await put(
      at('x.json'),
      JSON.stringify({ images: [{ id: 1, file_name: 'a.png' }], annotations, categories }),
    );
    const dataset = await openDataset({ root });
    expect(dataset.classes).toEqual(['background', 'car']);
    expect((await dataset.get(0)).mask.data.filter((value) => value === 1)).toHaveLength(40);
  });

  it('takes the parts of several files', async () => {
    await write([whole], 'annotations/instances_train2017.json');
    await write([whole], 'annotations/instances_val2017.json');
    const dataset = await openDataset({ root });
    expect(dataset.splits).toEqual(['train', 'valid']);
    expect(new Set(dataset.ids).size).toBe(2);
  });
});

describe('openDataset', () => {
  it('recognises a plain folder and says what is not there', async () => {
    await makeFolder(root, { count: 2 });
    expect(await recogniseFormat(root)).toBe('folder');
    expect((await openDataset({ root, classes: ['sky', 'bird'] })).classes).toEqual(['sky', 'bird']);
    expect(await message(openDataset({ root: at('nowhere') }))).toContain('nowhere');
    await expect(openDataset({ root, format: 'cityscapes' as 'voc' })).rejects.toThrow(UsageError);
    await expect(openDataset({ root, target: 'breed' })).rejects.toThrow(UsageError);
  });

  it('renames the classes of a format that has its own', async () => {
    await put(at('train/00087a6bd4dc_01.jpg'), await jpeg(makeSample(1).image));
    await put(at('train_masks/00087a6bd4dc_01_mask.gif'), await greyRaw(makeSample(1).mask).gif().toBuffer());
    const dataset = await openDataset({ root, classes: ['street', 'vehicle'] });
    expect([dataset.classes, dataset.length, (await dataset.get(0)).id]).toEqual([
      ['street', 'vehicle'],
      1,
      '00087a6bd4dc_01',
    ]);
    await expect(openDataset({ root, classes: 3 })).rejects.toThrow(UsageError);
  });
});

/** Folders of real data, one a set; not needed for anything else. */
const real = process.env.PIXELWISE_DATA;

describe.skipIf(real === undefined)('real sets (skipped unless PIXELWISE_DATA names their folder)', () => {
  it.each([
    ['oxford-pets-160', 'oxford-pets', 600, 3, undefined, { train: 300, test: 298 }],
    ['lgg-mri-128', 'lgg-mri', 1922, 2, 48, {}],
    ['carvana-384', 'carvana', 960, 2, 60, {}],
    ['camvid', 'camvid', 468, 11, undefined, { train: 367, valid: 101 }],
    ['isbi-membrane', 'folder', 30, 2, undefined, {}],
  ])('%s: %s with %i pairs', async (name, format, pairs, classes, groups, splits) => {
    const dataset = await openDataset({ root: join(real!, name) });
    expect([dataset.format, dataset.length, dataset.classes.length]).toEqual([format, pairs, classes]);
    expect(dataset.groups && new Set(dataset.groups).size).toBe(groups);
    for (const [part, count] of Object.entries(splits)) {
      expect(dataset.splits!.filter((split) => split === part)).toHaveLength(count);
    }
    for (let i = 0; i < pairs; i += Math.ceil(pairs / 20)) await dataset.get(i);
    const { train, valid } = splitDataset(dataset);
    const keys = (part: typeof train): Set<string> => new Set(part.groups ?? part.ids);
    expect([...keys(train)].filter((key) => keys(valid!).has(key))).toEqual([]);
  });
});
