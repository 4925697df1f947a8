import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeSample, put, temporaryFolder } from '../../test/support/made-data.js';
import { encodeImage } from '../images/encode.js';
import { givenClasses } from './coloured-classes.js';
import { examine } from './doctor/examine.js';
import { openDataset } from './open.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

it('takes names and colours apart', () => {
  expect(givenClasses(['a', 'b'])).toEqual({ classes: ['a', 'b'] });
  expect(givenClasses(3)).toEqual({ classes: 3 });
  expect(givenClasses(['car = #FF8800', 'x=y=#08f'])).toEqual({
    classes: ['car', 'x=y'],
    colours: [
      { name: 'car', colour: [255, 136, 0] },
      { name: 'x=y', colour: [0, 136, 255] },
    ],
  });
});

it.each([
  [['a=#000000', 'b'], 'b: this class has no colour'],
  [['a=#000000', 'b=#12345'], 'b=#12345: write a class and its colour'],
  [['a=#000000', 'b=red'], 'b=red: write a class'],
  [['a=#000000', '=#111111'], '=#111111: write a class'],
  [['a=#000000', 'b=#000'], 'the colour #000 is given for both a and b'],
  [['a=#000000', 'a=#111111'], '"a" is given twice'],
  [['a=#000000'], '1 classes'],
])('refuses %j', (classes, message) => {
  expect(() => givenClasses(classes)).toThrow(message);
});

const COLOURS = [
  [0, 0, 0],
  [255, 136, 0],
  [16, 32, 240],
];
async function colourMasks(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const { image, mask } = makeSample(i, 24, 18, 3);
    const data = Uint8Array.from([...mask.data].flatMap((value) => COLOURS[value]!));
    await put(join(root, `images/s${i}.png`), await encodeImage(image));
    await put(join(root, `masks/s${i}.png`), await encodeImage({ ...mask, channels: 3, data }));
  }
}

it('gives classes the order in which they are listed', async () => {
  await colourMasks();
  const classes = ['bar=#1020f0', 'field=#000000', 'disc=#ff8800'];
  const dataset = await openDataset({ root, classes });
  expect(dataset.classes).toEqual(['bar', 'field', 'disc']);
  const { mask } = await dataset.get(2);
  expect(mask.data).toEqual(makeSample(2, 24, 18, 3).mask.data.map((value) => [1, 2, 0][value]!));
  const { ok, classes: shares } = await examine({ root, classes });
  expect([ok, shares.map(({ name }) => name)]).toEqual([true, ['bar', 'field', 'disc']]);
});

it('wins over a list beside the data', async () => {
  await colourMasks();
  await put(join(root, 'labelmap.txt'), 'x:0,0,0::\ny:255,136,0::\nz:16,32,240::\n');
  const dataset = await openDataset({ root, classes: ['a=#1020f0', 'b=#000000', 'c=#ff8800'] });
  expect(dataset.classes).toEqual(['a', 'b', 'c']);
});

it('names a colour of the masks that is not listed, in doctor too', async () => {
  await colourMasks();
  const classes = ['field=#000000', 'disc=#ff8800'];
  await expect(openDataset({ root, classes })).rejects.toThrow('does not list: #1020f0');
  const { ok, problems } = await examine({ root, classes });
  expect([ok, problems[0]?.code]).toEqual([false, 'mask-colours']);
});

it('is not for masks that are drawn from annotations', async () => {
  await colourMasks();
  const image = { id: 1, file_name: 's0.png' };
  await put(
    join(root, 'a.json'),
    JSON.stringify({ images: [image], annotations: [], categories: [{ id: 1, name: 'b' }] }),
  );
  const classes = ['a=#000000', 'b=#ffffff'];
  await expect(openDataset({ root, format: 'coco', classes })).rejects.toThrow('leave the colours out');
});
