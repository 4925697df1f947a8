import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { put, temporaryFolder } from '../../../test/support/made-data.js';
import { encodeImage } from '../../images/encode.js';
import { encodeIndexedPng } from '../../images/png-write.js';
import { examine } from '../doctor/examine.js';
import { openDataset } from '../open.js';
import { splitDataset } from '../splits.js';
import { isImageName } from '../files.js';
import { projectImages } from '../project-images.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

const size = { width: 6, height: 4 };

/** A project of five images, four of them with masks that hold these values alone. */
async function makeProject(values: readonly number[], more: object = {}): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const pixels = Uint8Array.from({ length: 24 }, (_, k) => 7 * k + 40 * i);
    await put(join(root, `photo ${i}.png`), await encodeImage({ ...size, channels: 1, data: pixels }));
    if (i === 4) continue;
    const data = Uint8Array.from({ length: 24 }, (_, k) => values[k % values.length]!);
    await put(join(root, `masks/photo ${i}.png`), await encodeIndexedPng({ ...size, data }));
  }
  // Pictures of a run are no images of the project.
  await put(
    join(root, 'runs/studio-1/samples/data.png'),
    await encodeImage({ ...size, channels: 1, data: new Uint8Array(24) }),
  );
  const project = {
    version: 1,
    classes: [
      { name: 'sky', colour: '#0000ff' },
      { name: 'ground', colour: '#00ff00' },
    ],
    masks: { folder: 'masks', values: 'indices', unlabelled: 255 },
    heldOut: ['photo 3.png', 'photo 4.png'],
    images: {},
    ...more,
  };
  await writeFile(join(root, 'pixelwise.json'), JSON.stringify(project));
}

it('reads 255 as unlabelled where masks hold only 0 and 255, as the project says', async () => {
  await makeProject([0, 255]);
  const dataset = await openDataset({ root });
  expect(dataset.format).toBe('studio');
  expect(dataset.classes).toEqual(['sky', 'ground']);
  expect([...(await dataset.get(0)).mask.data.subarray(0, 4)]).toEqual([0, 255, 0, 255]);
});

it('takes the images that were held out for validation', async () => {
  await makeProject([0, 1, 255]);
  const dataset = await openDataset({ root });
  expect(dataset.ids).toEqual(['photo 0', 'photo 1', 'photo 2', 'photo 3']);
  const { train, valid } = splitDataset(dataset);
  expect([train.length, valid!.ids]).toEqual([3, ['photo 3']]);
});

it('has no errors for doctor', async () => {
  await makeProject([0, 1, 255]);
  const { ok, problems } = await examine({ root });
  expect(problems.filter(({ level }) => level === 'error')).toEqual([]);
  expect(ok).toBe(true);
});

it('names the damaged entry of pixelwise.json', async () => {
  await makeProject([0, 1], { classes: [{ name: 'sky', colour: 'blue' }] });
  await expect(openDataset({ root })).rejects.toThrow(/pixelwise\.json is damaged.*classes\.0\.colour/);
});

it('says so if nothing is labelled', async () => {
  await makeProject([0, 1], { classes: [] });
  await expect(openDataset({ root })).rejects.toThrow(/no image has labels yet/);
});

it('names masks by images, and keeps the whole name where two images differ in their endings', () => {
  const files = ['b.jpg', 'a.tif', 'a.jpg', 'deep/c.png', 'masks/b.png', 'notes.txt'];
  expect(projectImages(files, isImageName).map(({ id, mask }) => [id, mask])).toEqual([
    ['a.jpg', 'masks/a.png'],
    ['a.tif', 'masks/a.tif.png'],
    ['b.jpg', 'masks/b.png'],
    ['deep/c.png', 'masks/deep/c.png'],
  ]);
  expect(projectImages(['images/x.jpg', 'masks/x.png'], isImageName)).toEqual([
    { id: 'x.jpg', image: 'images/x.jpg', mask: 'masks/x.png' },
  ]);
});
