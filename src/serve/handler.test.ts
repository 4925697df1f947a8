import { decode as decodePng } from 'fast-png';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testImage, tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import { encodeImage } from '../images/encode.js';
import { drawOverlay, exportGraph, Segmenter } from '../inference/index.js';
import { encodeModel } from '../onnx/index.js';
import { createHandler, toNodeListener } from './handler.js';

const card = tinyCard(3);
const { model, state } = tinyUNet(card);
const picture = testImage(61, 40);
let segmenter: Segmenter;
let file: File;

beforeAll(async () => {
  segmenter = await Segmenter.load(encodeModel(exportGraph(model, state, card)), { threads: 1 });
  file = new File([(await encodeImage(picture)) as Uint8Array<ArrayBuffer>], 'picture.png');
});
afterAll(() => segmenter.close());

const upload = (query = '', body: BodyInit = file) =>
  new Request(`http://localhost/any/path${query}`, { method: 'POST', body });
const form = () => {
  const data = new FormData();
  data.set('image', file);
  return data;
};

it('answers an upload with the mask or its overlay, as a body or in a form', async () => {
  const handler = createHandler(segmenter);
  const { mask } = await segmenter.segment(picture);
  for (const request of [upload(), upload('', form())]) {
    const response = await handler(request);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect([...decodePng(await response.arrayBuffer()).data]).toEqual([...mask.data]);
  }
  const drawn = await drawOverlay(picture, mask, { card });
  for (const [made, query] of [
    [handler, '?format=overlay'],
    [createHandler(segmenter, { format: 'overlay' }), ''],
  ] as const) {
    const png = decodePng(await (await made(upload(query))).arrayBuffer());
    expect([png.width, png.height, [...png.data]]).toEqual([61, 40, [...drawn.data]]);
  }
  const json = (await (await handler(upload('?format=json'))).json()) as { width: number };
  expect(json.width).toBe(61);
});

it('answers errors with a status and JSON, and tells the server of them', async () => {
  const told: string[] = [];
  const handler = createHandler(segmenter, {
    maxBytes: 20_000,
    maxPixels: 61 * 39,
    onError: ({ code }) => told.push(code),
  });
  const status = async (request: Request) => (await handler(request)).status;
  const get = await handler(new Request('http://localhost/'));
  expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
  expect(await get.json()).toMatchObject({ error: { code: 'method' } });
  expect(await status(upload())).toBe(413);
  expect(await status(upload('', new Uint8Array(20_001)))).toBe(413);
  expect(await status(upload('', new File(['no image'], 'a.png')))).toBe(415);
  expect(await status(upload('?format=gif'))).toBe(400);
  expect(await status(upload('?threshold=0.5'))).toBe(400);
  expect(told).toEqual(['method', 'image-too-large', 'body-too-large', 'image-format', 'format', 'usage']);
  expect(() => createHandler(segmenter, { maxByte: 1 } as object)).toThrow('Did you mean "maxBytes"?');
});

it("is a listener of Node's http, and so of Express", async () => {
  const server = createServer((request, response) => void listener(request, response));
  const listener = toNodeListener(createHandler(segmenter, { format: 'overlay' }));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/segment`;
    const response = await fetch(url, { method: 'POST', body: form() });
    expect(decodePng(await response.arrayBuffer())).toMatchObject({ width: 61, height: 40, channels: 3 });
  } finally {
    server.close();
  }
});
