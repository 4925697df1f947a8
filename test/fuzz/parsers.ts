/** What reads files of strangers, with files to start from. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { openDataset } from '../../src/data/index.js';
import { readManifest } from '../../src/data/formats/manifest.js';
import { decodeImage } from '../../src/images/decode.js';
import { decodeMask } from '../../src/images/decode-mask.js';
import { encodeImage, encodeMask } from '../../src/images/encode.js';
import { exportGraph } from '../../src/inference/index.js';
import { decodeModel, encodeModel } from '../../src/onnx/index.js';
import { readRun } from '../../src/report/read-run.js';
import { imageInBody, uploadedBody } from '../../src/serve/uploaded-image.js';
import { decodePth, decodeSafetensors, encodeSafetensors } from '../../src/weights/index.js';
import { testImage, tinyCard, tinyUNet } from '../inference/tiny-model.js';
import { put } from '../support/made-data.js';
import { writeMadeUpRun } from '../support/made-up-run.js';
import { DEFLATE, PACKBITS, tiff } from '../support/tiff.js';

export interface FuzzedParser {
  readonly name: string;
  /** Whether files are text, in which numbers are replaced. */
  readonly text?: boolean;
  /** Whole files to damage. @param place an empty folder of the parser's own. */
  seeds(place: string): Promise<readonly Uint8Array[]>;
  /** Parses a damaged file. @param seed the index of the file that was damaged. */
  parse(bytes: Uint8Array, place: string, seed: number): Promise<unknown>;
}

const golden = (path: string) => readFile(fileURLToPath(new URL(`../golden/${path}`, import.meta.url)));
const encoded = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const picture = testImage(16, 12);

const COCO = {
  images: [{ id: 1, file_name: 'a.png', width: 16, height: 12 }],
  categories: [{ id: 1, name: 'cell' }],
  annotations: [
    { id: 1, image_id: 1, category_id: 1, iscrowd: 0, segmentation: [[1, 1, 9, 1, 9, 8, 1, 8]] },
    {
      id: 2,
      image_id: 1,
      category_id: 1,
      iscrowd: 0,
      segmentation: { counts: [50, 20, 122], size: [12, 16] },
    },
    { id: 3, image_id: 1, category_id: 1, iscrowd: 0, segmentation: { counts: 'b1d0j3', size: [12, 16] } },
  ],
};

const RUN_FILES = ['config.json', 'metrics.jsonl', 'scores.json'];

export const PARSERS: readonly FuzzedParser[] = [
  {
    name: 'images',
    async seeds() {
      const { width, height, channels, data } = picture;
      const encode = () => sharp(data as Uint8Array, { raw: { width, height, channels: 3 } });
      const pnm = Buffer.concat([Buffer.from(`P6 ${width} ${height} 255\n`), data as Uint8Array]);
      const page = { width, height, samples: channels, bits: 8, data: data as Uint8Array };
      const bmp = Buffer.alloc(54 + 3 * width * height);
      bmp.write('BM');
      bmp.writeUInt32LE(bmp.length, 2);
      [54, 40, width, height].forEach((value, i) => bmp.writeUInt32LE(value, 10 + 4 * i));
      bmp.writeUInt16LE(1, 26);
      bmp.writeUInt16LE(24, 28);
      return Promise.all([
        encodeImage(picture),
        encode().jpeg().toBuffer(),
        encode().webp().toBuffer(),
        encode().gif().toBuffer(),
        tiff([{ ...page, compression: DEFLATE }]),
        tiff([{ ...page, tile: 16, planar: true, predictor: 2, compression: PACKBITS }, page], { big: true }),
        pnm,
        bmp,
      ]);
    },
    parse: (bytes) => decodeImage(bytes),
  },
  {
    name: 'masks',
    async seeds() {
      const data = Uint8Array.from({ length: 192 }, (_, i) => i % 3);
      const palette = Uint8Array.of(0, 0, 0, 255, 0, 0, 0, 255, 0);
      return [await encodeMask({ width: 16, height: 12, data }, { palette })];
    },
    parse: (bytes) => decodeMask(bytes),
  },
  {
    name: 'ONNX',
    async seeds() {
      const card = tinyCard(3);
      const { model, state } = tinyUNet(card);
      return [encodeModel(exportGraph(model, state, card)), await golden('onnx/typed-fields.onnx')];
    },
    parse: async (bytes) => decodeModel(bytes, 'model.onnx'),
  },
  {
    name: 'safetensors',
    seeds: async () => [
      encodeSafetensors([{ name: 'w', shape: [2, 3], data: new Float32Array(6) }], { a: 'b' }),
    ],
    parse: async (bytes) => decodeSafetensors(bytes, 'weights.safetensors'),
  },
  {
    name: 'pth',
    seeds: () =>
      Promise.all(['state-dict.pth', 'state-dict-legacy.pth'].map((file) => golden(`weights/${file}`))),
    parse: (bytes) => decodePth(bytes, 'weights.pth'),
  },
  {
    name: 'COCO',
    text: true,
    async seeds(place) {
      await put(join(place, 'a.png'), await encodeImage(picture));
      return [encoded(COCO)];
    },
    async parse(bytes, place) {
      await put(join(place, 'coco.json'), bytes);
      const dataset = await openDataset({ root: join(place, 'coco.json'), format: 'coco' });
      return dataset.get(0);
    },
  },
  {
    name: 'manifests',
    text: true,
    async seeds(place) {
      await put(join(place, 'a.png'), await encodeImage(picture));
      const rows = [{ image: 'a.png', mask: 'a.png', group: 'p1', split: 'train' }, { image: 'b.png' }];
      const table = 'image,mask,group,split\na.png,a.png,p1,train\n"b.png",,p2,test\n';
      return [
        new TextEncoder().encode(table),
        Buffer.concat(rows.map((row) => Buffer.from(`${JSON.stringify(row)}\n`))),
      ];
    },
    async parse(bytes, place, seed) {
      const path = join(place, seed === 0 ? 'list.csv' : 'list.jsonl');
      await put(path, bytes);
      return readManifest(path);
    },
  },
  {
    name: 'run folders',
    text: true,
    async seeds(place) {
      await writeMadeUpRun(join(place, 'run'), { epochs: 2, ids: [] });
      return Promise.all(RUN_FILES.map((file) => readFile(join(place, 'run', file))));
    },
    async parse(bytes, place, seed) {
      const path = join(place, 'run', RUN_FILES[seed]!);
      const whole = await readFile(path);
      await put(path, bytes);
      try {
        return await readRun(join(place, 'run'));
      } finally {
        await put(path, whole);
      }
    },
  },
  {
    name: 'multipart',
    async seeds() {
      const form = new FormData();
      form.set('note', 'text');
      form.set('image', new Blob([Uint8Array.from(await encodeImage(picture))]), 'a.png');
      const body = await new Response(form).text();
      const boundary = body.slice(2, body.indexOf('\r\n'));
      return [Buffer.from(body.replaceAll(boundary, 'boundary'))];
    },
    async parse(bytes) {
      const headers = { 'content-type': 'multipart/form-data; boundary=boundary' };
      const request = new Request('http://localhost/segment', {
        method: 'POST',
        body: Buffer.from(bytes),
        headers,
      });
      const body = await uploadedBody(request, { maxBytes: 2 ** 20, timeout: 10_000, slowest: 1 });
      return imageInBody(body, request.headers.get('content-type')!);
    },
  },
];
