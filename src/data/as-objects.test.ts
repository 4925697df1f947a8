import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeMask, writeImage } from '../images/encode.js';
import { objectCode, objectsOfCodes } from '../objects/index.js';
import { asObjects } from './as-objects.js';
import { drawCells } from './demo-cells.js';
import { writeCells } from './demo-folder.js';
import { letterbox, stretch } from './fit.js';
import { Loader } from './loader.js';
import { openDataset } from './open.js';
import { splitDataset } from './splits.js';
import { randomAffine } from './transforms/affine.js';
import { horizontalFlip, quarterTurns } from './transforms/flip.js';
import { objectTargets } from './transforms/object-targets.js';

const CELLS = { seed: 3, count: 8, width: 64, height: 64, crowd: 3 };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'objects-'));
  await writeCells(join(folder, 'numbers'), { ...CELLS, truth: 'objects' });
});

const image = { width: 12, height: 8, channels: 1, data: new Uint8Array(96).map((_, i) => 2 * i) };
/** 1 from column `from` to before `to`. */
const columns = (from: number, to: number): Uint8Array =>
  new Uint8Array(96).map((_, i) => Number(i % 12 >= from && i % 12 < to));

describe('asObjects', () => {
  it('reads a number for each object, which masks of classes merge', async () => {
    const opened = await openDataset({ root: join(folder, 'numbers') });
    expect(opened).toMatchObject({ hasObjects: true, maskValues: 'object-numbers' });
    expect((await opened.get(0)).objects).toBeUndefined();
    const dataset = asObjects(opened, folder);
    expect(dataset.tellsObjects).toBe(true);
    const drawn = [...drawCells(CELLS)];
    for (const [i, { objects }] of drawn.entries()) {
      const sample = await dataset.get(i);
      expect(objectsOfCodes(sample.objects!).labels).toEqual(objectsOfCodes(objects).labels);
      expect(sample.mask.data).toEqual(Uint8Array.from(sample.objects!.data, (code) => code & 255));
      expect([...sample.mask.data].map(Boolean)).toEqual([...objects.data].map(Boolean));
    }
  });

  it('may have names of samples that a separate test set has, too', async () => {
    const read = async () => asObjects(await openDataset({ root: join(folder, 'numbers') }), folder);
    const { train, test } = splitDataset(await read(), { valid: 0, test: { dataset: await read() } });
    expect(train.ids).toEqual(test!.ids);
  });

  it('reads a mask file for each object', async () => {
    const root = join(folder, 'layers');
    for (const id of ['a', 'b', 'c']) {
      for (const part of ['images', 'masks']) await mkdir(join(root, id, part), { recursive: true });
      await writeImage(join(root, id, 'images', `${id}.png`), image);
      // Names of this kind have nothing in common, neither within an image nor across images.
      const masks = [columns(1, 6), columns(5, 8), columns(9, 11)].map(
        (data, k) => [createHash('sha256').update(`${id}${k}`).digest('hex'), data] as const,
      );
      masks.sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [name, data] of masks) {
        await writeFile(
          join(root, id, 'masks', `${name}.png`),
          await encodeMask({ width: 12, height: 8, data: data.map((value) => 255 * value) }, { as: 'grey' }),
        );
      }
    }
    const dataset = asObjects(await openDataset({ root }), root);
    const { objects } = await dataset.get(1);
    const row = [...objects!.data.subarray(0, 12)];
    expect(new Set(row.map((code) => code & 255))).toEqual(new Set([0, 1]));
    expect(new Set(row.filter((code) => code > 0)).size).toBe(3);
    expect(row[1]).not.toBe(row[7]);
    expect(row[1]).toBe(objectCode(row[1]! >> 8, 1));
  });

  it('reads COCO instances of several classes', async () => {
    const root = join(folder, 'coco');
    await mkdir(join(root, 'images'), { recursive: true });
    await writeImage(join(root, 'images', 'a.png'), image);
    const box = (id: number, category: number, from: number, to: number) => ({
      id,
      image_id: 1,
      category_id: category,
      segmentation: [[from, 0, to, 0, to, 8, from, 8]],
      iscrowd: 0,
    });
    const coco = {
      images: [{ id: 1, file_name: 'a.png', width: 12, height: 8 }],
      categories: [
        { id: 1, name: 'cat' },
        { id: 2, name: 'dog' },
      ],
      annotations: [box(1, 1, 0, 4), box(2, 1, 4, 8), box(3, 2, 8, 10)],
    };
    await writeFile(join(root, 'instances.json'), JSON.stringify(coco));
    const opened = await openDataset({ root });
    expect(opened.hasObjects).toBe(true);
    const { objects, mask } = await asObjects(opened, root).get(0);
    const { labels, classes } = objectsOfCodes(objects!);
    expect([...labels.subarray(0, 12)]).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 0, 0]);
    expect([...classes]).toEqual([1, 1, 2]);
    expect([...mask.data.subarray(0, 12)]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 0, 0]);
  });

  it('refuses masks of classes', async () => {
    await writeCells(join(folder, 'classes'), CELLS);
    const opened = await openDataset({ root: join(folder, 'classes') });
    expect(() => asObjects(opened, 'here')).toThrow(/here: the masks do not tell objects apart/);
  });
});

describe('augmentation of objects', () => {
  const loaderOf = async (options: object) => {
    const dataset = asObjects(await openDataset({ root: join(folder, 'numbers') }), folder);
    return new Loader({ dataset, batchSize: 8, fit: stretch(64), threads: 0, seed: 5, ...options });
  };
  const batchOf = async (options: object) => {
    for await (const batch of await loaderOf(options)) return batch;
    throw new Error('no batch');
  };

  it('ends with levels, the same on threads', async () => {
    const transforms = [horizontalFlip(), quarterTurns(), randomAffine({ rotation: 30 }), objectTargets()];
    const batch = await batchOf({ transforms });
    expect(new Set(batch.masks)).toEqual(new Set([0, 1, 2, 3, 255]));
    expect((await batchOf({ transforms, threads: 1 })).masks).toEqual(batch.masks);
    const padded = await batchOf({
      transforms: [objectTargets()],
      fit: letterbox({ height: 64, width: 80 }),
    });
    expect(padded.masks[0]).toBe(255);
  });

  it('says what is missing without targets', async () => {
    await expect(batchOf({ transforms: [] })).rejects.toThrow(/objectTargets/);
  });
});
