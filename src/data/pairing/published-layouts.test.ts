/** Public data sets as their owners publish them: what opens with no flag, and what the others ask for. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSample, put, temporaryFolder } from '../../../test/support/made-data.js';
import { PixelwiseError } from '../../errors/index.js';
import { encodeImage, encodeMask } from '../../images/encode.js';
import type { Dataset } from '../dataset.js';
import { openDataset, type OpenOptions } from '../open.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

const [WIDTH, HEIGHT, COUNT] = [24, 18, 6];
const CLASSES = 3;
const two = (i: number): string => String(i + 1).padStart(2, '0');
const truth = (i: number): Uint8Array => makeSample(i, WIDTH, HEIGHT, CLASSES).mask.data;

const image = async (i: number, path: string): Promise<void> =>
  put(
    join(root, path),
    await encodeImage(makeSample(i, WIDTH, HEIGHT, CLASSES).image, path.endsWith('.jpg') ? 'jpeg' : 'png'),
  );
/** A grey PNG of what `value` makes of the classes. */
const mask = async (i: number, path: string, value: (index: number) => number): Promise<void> =>
  put(
    join(root, path),
    await encodeMask({ width: WIDTH, height: HEIGHT, data: truth(i).map(value) }, { as: 'grey' }),
  );
/** A PNG in colour. */
const coloured = async (
  i: number,
  path: string,
  colour: (index: number) => readonly [number, number, number],
): Promise<void> =>
  put(
    join(root, path),
    await encodeImage({
      width: WIDTH,
      height: HEIGHT,
      channels: 3,
      data: Uint8Array.from([...truth(i)].flatMap(colour)),
    }),
  );
const binary = (index: number): number => (index > 0 ? 255 : 0);
const only = (wanted: number) => (index: number) => (index === wanted ? 255 : 0);
const inPalette = (index: number): [number, number, number] =>
  (
    [
      [0, 0, 0],
      [200, 0, 0],
      [0, 200, 60],
    ] as const
  )[index]! as [number, number, number];

const open = (options: Partial<OpenOptions> = {}): Promise<Dataset> => openDataset({ root, ...options });

/** Checks every mask; `expected` says what class each drawn class becomes. */
async function expectMasks(dataset: Dataset, expected: (index: number) => number): Promise<void> {
  expect(dataset.length).toBe(COUNT);
  const found = await Promise.all(Array.from({ length: COUNT }, async (_, i) => (await dataset.get(i)).mask));
  found.forEach(({ data }, i) => expect([...data]).toEqual([...truth(i).map(expected)]));
}

async function message(options: Partial<OpenOptions> = {}): Promise<string> {
  const error: unknown = await open(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PixelwiseError);
  return (error as PixelwiseError).message;
}

/** Calls `write` for every sample. */
async function each(write: (i: number) => Promise<void>[]): Promise<void> {
  for (let i = 0; i < COUNT; i++) await Promise.all(write(i));
}

describe('open with no flag', () => {
  it('KITTI, BDD100K, Mapillary: copies in colour and panoptic maps in folders beside', async () => {
    await each((i) => [
      image(i, `training/image_2/${two(i)}_10.png`),
      mask(i, `training/semantic/${two(i)}_10.png`, (index) => index),
      coloured(i, `training/semantic_rgb/${two(i)}_10.png`, inPalette),
      coloured(i, `training/colormaps/${two(i)}_10.png`, inPalette),
      coloured(i, `training/panoptic/${two(i)}_10.png`, inPalette),
    ]);
    const dataset = await open();
    await expectMasks(dataset, (index) => index);
    expect(dataset.pairing).toBe('6 pairs: training/image_2/N_10.png ↔ training/semantic/N_10.png');
  });

  it('CelebAMask-HQ: one mask a class, in folders for each thousand, numbers written otherwise', async () => {
    await each((i) => [
      image(i, `CelebA-HQ-img/${i}.jpg`),
      mask(i, `CelebAMask-HQ-mask-anno/${i < 3 ? 0 : 1}/0000${i}_hair.png`, only(1)),
      mask(i, `CelebAMask-HQ-mask-anno/${i < 3 ? 0 : 1}/0000${i}_l_eye.png`, only(2)),
    ]);
    const dataset = await open();
    expect(dataset.classes).toEqual(['background', 'hair', 'l eye']);
    await expectMasks(dataset, (index) => index);
  });

  it('Montgomery: one mask a class, told by a word that elsewhere says nothing', async () => {
    await each((i) => [
      image(i, `CXR_png/MCUCXR_${two(i)}_0.png`),
      mask(i, `ManualMask/leftMask/MCUCXR_${two(i)}_0.png`, only(1)),
      mask(i, `ManualMask/rightMask/MCUCXR_${two(i)}_0.png`, only(2)),
    ]);
    const dataset = await open();
    expect(dataset.classes).toEqual(['background', 'left', 'right']);
    await expectMasks(dataset, (index) => index);
  });

  it('IDRiD: one mask a class, in red', async () => {
    const red =
      (wanted: number) =>
      (index: number): [number, number, number] => [index === wanted ? 255 : 0, 0, 0];
    await each((i) => [
      image(i, `1. Original Images/a. Training Set/IDRiD_${two(i)}.jpg`),
      coloured(i, `2. Groundtruths/a. Training Set/1. Exudates/IDRiD_${two(i)}_EX.png`, red(1)),
      coloured(i, `2. Groundtruths/a. Training Set/2. Optic Disc/IDRiD_${two(i)}_OD.png`, red(2)),
    ]);
    const dataset = await open();
    expect(dataset.classes).toEqual(['background', 'exudates', 'optic disc']);
    await expectMasks(dataset, (index) => index);
  });

  it('Cell Tracking Challenge: t000 and man_seg000, in folders 01 and 01_GT', async () => {
    await each((i) => [
      image(i, `0${1 + (i % 2)}/t00${i}.png`),
      mask(i, `0${1 + (i % 2)}_GT/SEG/man_seg00${i}.png`, binary),
    ]);
    const dataset = await open();
    expect(dataset.ids).toEqual(['01/t000', '01/t002', '01/t004', '02/t001', '02/t003', '02/t005']);
    for (const [at, i] of [0, 2, 4, 1, 3, 5].entries()) {
      expect([...(await dataset.get(at)).mask.data]).toEqual([
        ...truth(i).map((index) => Math.min(index, 1)),
      ]);
    }
  });

  it('CARLA: the class in the red channel', async () => {
    await each((i) => [
      image(i, `CameraRGB/02_00_${two(i)}.png`),
      coloured(i, `CameraSeg/02_00_${two(i)}.png`, (index) => [[0, 7, 10][index]!, 0, 0]),
    ]);
    const dataset = await open();
    expect(dataset.classes.length).toBe(11);
    await expectMasks(dataset, (index) => [0, 7, 10][index]!);
  });

  it('COCO-Stuff: parts with a year', async () => {
    await each((i) => [
      image(i, `images/${i < 4 ? 'train2017' : 'val2017'}/00000${i}.jpg`),
      mask(i, `annotations/${i < 4 ? 'train2017' : 'val2017'}/00000${i}.png`, (index) => index),
    ]);
    const dataset = await open();
    expect(dataset.splits).toEqual(['train', 'train', 'train', 'train', 'valid', 'valid']);
    await expectMasks(dataset, (index) => index);
  });

  it('CUB-200: a list of what the pictures show is not the classes of 0/255 masks, and it is said', async () => {
    await each((i) => [
      image(i, `CUB/images/001.Gull/Gull_${two(i)}.jpg`),
      mask(i, `segmentations/001.Gull/Gull_${two(i)}.png`, binary),
    ]);
    await put(join(root, 'CUB/classes.txt'), '1 001.Gull\n2 002.Wren\n3 003.Crow\n');
    const dataset = await open();
    expect(dataset.classes).toEqual(['background', 'foreground']);
    expect(dataset.findings?.map(({ code }) => code)).toContain('classes-unfit');
    await expectMasks(dataset, (index) => Math.min(index, 1));
  });

  it('Dubai aerial imagery: classes.json of Supervisely, with titles and colours', async () => {
    await each((i) => [
      image(i, `Tile ${1 + (i % 2)}/images/image_part_${two(i)}.jpg`),
      coloured(i, `Tile ${1 + (i % 2)}/masks/image_part_${two(i)}.png`, inPalette),
    ]);
    const listed = [
      { title: 'Water', color: '#c80000' },
      { title: 'Land', color: '#00c83c' },
      { title: 'Unlabeled', color: '#000000' },
    ];
    await put(join(root, 'classes.json'), JSON.stringify({ classes: listed, tags: [] }));
    expect((await open()).classes).toEqual(['Unlabeled', 'Water', 'Land']);
  });

  it('ADE20K: names from objectInfo150.txt', async () => {
    await each((i) => [image(i, `images/${i}.jpg`), mask(i, `annotations/${i}.png`, (index) => index)]);
    await put(join(root, 'objectInfo150.txt'), 'Idx\tRatio\tStuff\tName\n1\t0.2\t1\twall\n2\t0.1\t1\tsky\n');
    expect((await open()).classes).toEqual(['background', 'wall', 'sky']);
  });

  it('Mapillary Vistas: names and colours from config.json', async () => {
    await each((i) => [image(i, `images/${i}.jpg`), coloured(i, `labels/${i}.png`, inPalette)]);
    const labels = [
      { name: 'nature--sand', readable: 'Sand', color: [0, 200, 60] },
      { name: 'object--bench', readable: 'Bench', color: [200, 0, 0] },
      { name: 'void--unlabeled', readable: 'Unlabeled', color: [0, 0, 0] },
    ];
    await put(join(root, 'config.json'), JSON.stringify({ labels, version: 1.1 }));
    const dataset = await open();
    expect(dataset.classes).toEqual(['void--unlabeled', 'nature--sand', 'object--bench']);
    await expectMasks(dataset, (index) => [0, 2, 1][index]!);
  });

  it('PH2: masks whose names say nothing are not passed over for others', async () => {
    await each((i) => [
      image(i, `IMD${two(i)}/IMD${two(i)}_Dermoscopic_Image/IMD${two(i)}.png`),
      mask(i, `IMD${two(i)}/IMD${two(i)}_lesion/IMD${two(i)}_lesion.png`, only(1)),
      mask(i, `IMD${two(i)}/IMD${two(i)}_roi/IMD${two(i)}_R1_Label3.png`, only(2)),
    ]);
    const dataset = await open();
    expect(dataset.classes).toEqual(['background', 'lesion', 'roi']);
    await expectMasks(dataset, (index) => index);
  });
});

describe('a question, with the flags that answer it', () => {
  it('DRIVE: the field of view is no object', async () => {
    await each((i) => [
      image(i, `training/images/${two(i)}_training.png`),
      mask(i, `training/1st_manual/${two(i)}_manual1.png`, binary),
      mask(i, `training/mask/${two(i)}_training_mask.png`, () => 255),
    ]);
    const image2 = `test/images/90_test.png`;
    await image(9, image2);
    await mask(9, 'test/mask/90_test_mask.png', () => 255);
    const said = await message();
    expect(said).toContain("--masks 'training/1st_manual/*_manual1.png'");
    expect(said).toContain("--masks '*/mask/*_mask.png'");
    expect(said).toContain("--images '*/images/*.png'");
    const dataset = await open({ images: '*/images/*.png', masks: 'training/1st_manual/*_manual1.png' });
    await expectMasks(dataset, (index) => Math.min(index, 1));
  });

  it('two copies of a set in two formats', async () => {
    await each((i) => [
      image(i, `PNG/Original/${i}.png`),
      mask(i, `PNG/Ground Truth/${i}.png`, binary),
      image(i, `JPG/Original/${i}.jpg`),
      mask(i, `JPG/Ground Truth/${i}.png`, binary),
    ]);
    const said = await message();
    expect(said).toContain("--images 'JPG/Original/*.jpg' or 'PNG/Original/*.png'");
    expect(said).toContain("--masks 'JPG/Ground Truth/*.png' or 'PNG/Ground Truth/*.png'");
    const dataset = await open({ images: 'PNG/Original/*.png', masks: 'PNG/Ground Truth/*.png' });
    await expectMasks(dataset, (index) => Math.min(index, 1));
  });

  it('BBBC006: two stains of one mask, whose name the images contain', async () => {
    await each((i) => [
      image(i, `images_z_16/mcf-z_a${two(i)}_s1_w1-${i}f3c.png`),
      image(i, `images_z_16/mcf-z_a${two(i)}_s1_w2-${i}a77.png`),
      mask(i, `labels/mcf-z_a${two(i)}_s1.png`, binary),
    ]);
    expect(await message()).toContain('--images');
    const dataset = await open({ images: '*/*_w1-*.png', masks: 'labels/*.png' });
    await expectMasks(dataset, (index) => Math.min(index, 1));
  });

  it('Agriculture-Vision: one mask a class beside masks of what is valid', async () => {
    await each((i) => [
      image(i, `images/rgb/f${two(i)}.jpg`),
      mask(i, `masks/f${two(i)}.png`, () => 255),
      mask(i, `labels/drydown/f${two(i)}.png`, only(1)),
      mask(i, `labels/water/f${two(i)}.png`, only(2)),
      mask(i, `labels/weed/f${two(i)}.png`, () => 0),
    ]);
    expect(await message()).toContain("--masks 'labels/*/*.png'");
    const dataset = await open({ images: 'images/rgb/*.jpg', masks: 'labels/*/*.png' });
    expect(dataset.classes).toEqual(['background', 'drydown', 'water', 'weed']);
    await expectMasks(dataset, (index) => index);
  });

  it('annotations in no form that is read: MoNuSeg, Severstal', async () => {
    await each((i) => [
      image(i, `Tissue Images/T-${i}.png`),
      put(join(root, `Annotations/T-${i}.xml`), '<Annotations><Annotation Id="1"/></Annotations>'),
    ]);
    const said = await message();
    expect(said).toContain('no masks');
    expect(said).toContain('6 .xml (Annotations/T-N.xml)');
  });
});
