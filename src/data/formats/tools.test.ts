/** Labelling tools' exports, written in their true layout, and read. */
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { put, temporaryFolder } from '../../../test/support/made-data.js';
import { encodeImage, encodeMask } from '../../images/encode.js';
import { encodeIndexedPng } from '../../images/png-write.js';
import { openDataset } from '../open.js';
import { unpackRle } from './label-studio.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

const [WIDTH, HEIGHT] = [10, 8];
const at = (...parts: string[]): string => join(root, ...parts);
const image = async (...parts: string[]): Promise<void> =>
  put(
    at(...parts),
    await encodeImage({ width: WIDTH, height: HEIGHT, channels: 1, data: new Uint8Array(80).fill(9) }),
  );
const json = (value: unknown, ...parts: string[]): Promise<void> => put(at(...parts), JSON.stringify(value));

/** A picture of the mask, a character a pixel. */
async function drawn(format: string, classes: readonly string[]): Promise<string[]> {
  const dataset = await openDataset({ root });
  expect([dataset.format, dataset.classes]).toEqual([format, classes]);
  const { data } = (await dataset.get(0)).mask;
  return Array.from({ length: HEIGHT }, (_, y) => [...data.subarray(y * WIDTH, (y + 1) * WIDTH)].join(''));
}

/** Columns 2 to 4 of rows 1 to 3 are class 1, the top left corner class 2. */
const EXPECTED = [
  '2000000000',
  '0011100000',
  '0011100000',
  '0011100000',
  '0000000000',
  '0000000000',
  '0000000000',
  '0000000000',
];
const SQUARE = [
  [2, 1],
  [5, 1],
  [5, 4],
  [2, 4],
];
const CORNER = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];

it('labelme: polygons, and masks as PNG', async () => {
  await image('a.png');
  const bits = { width: 1, height: 1, data: Uint8Array.of(1) };
  const mask = Buffer.from(await encodeIndexedPng(bits)).toString('base64');
  const shapes = [
    { label: 'cell', points: SQUARE, shape_type: 'polygon', group_id: null, flags: {} },
    {
      label: 'dot',
      points: [
        [0, 0],
        [0, 0],
      ],
      shape_type: 'mask',
      mask,
    },
    { label: 'dot', points: [[7, 7]], shape_type: 'point' },
  ];
  await json(
    {
      version: '5.4.1',
      flags: {},
      shapes,
      imagePath: '..\\a.png',
      imageData: null,
      imageHeight: HEIGHT,
      imageWidth: WIDTH,
    },
    'a.json',
  );
  expect(await drawn('labelme', ['background', 'cell', 'dot'])).toEqual(EXPECTED);
  expect((await openDataset({ root })).findings!.map(({ code, count }) => [code, count])).toEqual([
    ['annotation-skipped', 1],
  ]);
});

it('Label Studio: polygons in percent, and brush strokes', async () => {
  await image('cell.png');
  const rgba = Array.from({ length: 4 * 80 }, (_, i) => (i < 4 ? 255 : 0));
  const result = [
    {
      type: 'polygonlabels',
      original_width: WIDTH,
      original_height: HEIGHT,
      value: { points: SQUARE.map(([x, y]) => [10 * x!, 12.5 * y!]), polygonlabels: ['cell'] },
    },
    {
      type: 'brushlabels',
      original_width: WIDTH,
      original_height: HEIGHT,
      value: { format: 'rle', rle: packRle(rgba), brushlabels: ['dot'] },
    },
  ];
  await json(
    [
      {
        id: 1,
        data: { image: '/data/upload/3/0fa91c2b-cell.png' },
        annotations: [{ was_cancelled: true, result: [] }, { result }],
      },
    ],
    'project-1.json',
  );
  expect(await drawn('label-studio', ['background', 'cell', 'dot'])).toEqual(EXPECTED);
});

it('Label Studio: brush run lengths of runs and of single values', () => {
  const values = [5, 5, 5, 5, 1, 2, 3, 3, 3, ...new Array<number>(70000).fill(7)];
  expect([...unpackRle(Uint8Array.from(packRle(values)))]).toEqual(values);
});

/** The packing as @thi.ng/rle-pack describes it: words of 8 bits, counts of 3, 4, 8 or 16 bits. */
function packRle(values: readonly number[]): number[] {
  const sizes = [3, 4, 8, 16];
  let bits = '';
  const write = (value: number, width: number): void => void (bits += value.toString(2).padStart(width, '0'));
  write(values.length, 32);
  write(7, 5);
  for (const size of sizes) write(size - 1, 4);
  for (let i = 0; i < values.length;) {
    let count = 1;
    while (count < 65536 && values[i + count] === values[i]) count++;
    // Single values go out one at a time, as a block that is not repeated.
    const size = sizes.findIndex((width) => count <= 2 ** width);
    write(count > 1 ? 1 : 0, 1);
    write(size, 2);
    write(count - 1, sizes[size]!);
    write(values[i]!, 8);
    i += count;
  }
  return (bits.match(/.{1,8}/g) ?? []).map((byte) => parseInt(byte.padEnd(8, '0'), 2));
}

it('YOLO segmentation', async () => {
  await image('images/train/a.png');
  const share = (points: number[][]): string =>
    points.map(([x, y]) => `${x! / WIDTH} ${y! / HEIGHT}`).join(' ');
  await put(at('labels/train/a.txt'), `0 ${share(SQUARE)}\n1 ${share(CORNER)}\n`);
  await put(at('data.yaml'), 'path: .\ntrain: images/train\nnames:\n  0: cell\n  1: dot\n');
  expect(await drawn('yolo', ['background', 'cell', 'dot'])).toEqual(EXPECTED);
});

it('Supervisely: polygons with holes, and bitmaps', async () => {
  await image('ds0/img/a.png');
  const png = await encodeIndexedPng({
    width: 1,
    height: 1,
    data: Uint8Array.of(1),
    palette: Uint8Array.of(0, 0, 0, 255, 255, 255),
  });
  const bitmap = { data: deflateSync(png).toString('base64'), origin: [0, 0] };
  const polygon = { exterior: SQUARE, interior: [] };
  const objects = [
    { classTitle: 'cell', geometryType: 'polygon', points: polygon },
    { classTitle: 'dot', geometryType: 'bitmap', bitmap },
  ];
  await json({ size: { width: WIDTH, height: HEIGHT }, objects, tags: [] }, 'ds0/ann/a.png.json');
  await json(
    {
      classes: [
        { title: 'cell', color: '#ff0000' },
        { title: 'dot', color: '#00ff00' },
      ],
    },
    'meta.json',
  );
  expect(await drawn('supervisely', ['background', 'cell', 'dot'])).toEqual(EXPECTED);
});

it('VGG Image Annotator', async () => {
  await image('images/a.png');
  const [xs, ys] = [SQUARE.map(([x]) => x), SQUARE.map(([, y]) => y)];
  const regions = [
    {
      shape_attributes: { name: 'polygon', all_points_x: xs, all_points_y: ys },
      region_attributes: { class: 'cell' },
    },
    {
      shape_attributes: { name: 'rect', x: 0, y: 0, width: 1, height: 1 },
      region_attributes: { class: 'dot' },
    },
  ];
  await json(
    {
      _via_img_metadata: { 'a.png999': { filename: 'a.png', size: 999, regions, file_attributes: {} } },
      _via_settings: {},
    },
    'via_project.json',
  );
  expect(await drawn('via', ['background', 'cell', 'dot'])).toEqual(EXPECTED);
});

it('GeoJSON as QuPath exports it', async () => {
  await image('a.png');
  const feature = (ring: number[][], name: string): object => ({
    type: 'Feature',
    geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]!]] },
    properties: { objectType: 'annotation', classification: { name, color: [200, 0, 0] } },
  });
  await json(
    { type: 'FeatureCollection', features: [feature(SQUARE, 'cell'), feature(CORNER, 'dot')] },
    'a.geojson',
  );
  expect(await drawn('geojson', ['background', 'cell', 'dot'])).toEqual(EXPECTED);
});

it('CVAT for images 1.1: polygons and masks', async () => {
  await image('images/a.png');
  const points = SQUARE.map(([x, y]) => `${x!.toFixed(2)},${y!.toFixed(2)}`).join(';');
  const labels = ['cell', 'dot']
    .map((name) => `<label><name>${name}</name><color>#aa0000</color></label>`)
    .join('');
  await put(
    at('annotations.xml'),
    `<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><job><labels>${labels}</labels></job></meta>` +
      `<image id="0" name="a.png" width="${WIDTH}" height="${HEIGHT}"><polygon label="cell" occluded="0" points="${points}" z_order="0"></polygon>` +
      '<mask label="dot" rle="0, 1, 1" left="0" top="0" width="2" height="1" z_order="1"></mask></image></annotations>',
  );
  expect(await drawn('cvat', ['background', 'cell', 'dot'])).toEqual(EXPECTED);
});

it('nnU-Net raw data', async () => {
  for (const name of ['a', 'b']) {
    await image(`imagesTr/${name}_0000.png`);
    const data = Uint8Array.from(EXPECTED.join(''), Number);
    await put(
      at(`labelsTr/${name}.png`),
      await encodeMask({ width: WIDTH, height: HEIGHT, data }, { as: 'grey' }),
    );
  }
  await json(
    {
      channel_names: { 0: 'L' },
      labels: { background: 0, cell: 1, dot: 2 },
      numTraining: 2,
      file_ending: '.png',
    },
    'dataset.json',
  );
  expect(await drawn('nnunet', ['background', 'cell', 'dot'])).toEqual(EXPECTED);
});

it('Roboflow semantic masks: values from _classes.csv', async () => {
  for (const name of ['a', 'b']) {
    await image(`train/${name}_jpg.rf.0123456789abcdef.jpg`);
    const data = Uint8Array.from(EXPECTED.join(''), Number);
    await put(
      at(`train/${name}_jpg.rf.0123456789abcdef_mask.png`),
      await encodeMask({ width: WIDTH, height: HEIGHT, data }, { as: 'grey' }),
    );
  }
  await put(at('train/_classes.csv'), 'Pixel Value, Class\n0, background\n1, cell\n2, dot\n');
  expect(await drawn('folder', ['background', 'cell', 'dot'])).toEqual(EXPECTED);
});
