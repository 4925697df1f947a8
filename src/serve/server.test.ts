import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { exportGraph } from '../inference/index.js';
import { decodeRle, decompressCounts } from '../data/formats/rle.js';
import { decodeMask } from '../images/decode-mask.js';
import { encodeImage } from '../images/encode.js';
import { encodeModel } from '../onnx/index.js';
import { testImage, tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import type { AnsweredRequest } from './app.js';
import { startServer, type RunningServer, type ServeOptions } from './server.js';

const card = tinyCard(3);
const { model, state } = tinyUNet(card);
const file = encodeModel(exportGraph(model, state, card));
const picture = testImage(57, 43);
let png: Uint8Array<ArrayBuffer>;
let place: string;
let folders: { page: string; browser: string };
let server: RunningServer;
let expected: Uint8Array;
const answered: AnsweredRequest[] = [];

const start = (options: ServeOptions = {}) =>
  startServer(file, { port: 0, threads: 1, folders, onAnswer: (one) => answered.push(one), ...options });

const post = (to: RunningServer, body: BodyInit, path = 'segment', headers: Record<string, string> = {}) =>
  fetch(to.url + path, { method: 'POST', body, headers: { 'content-type': 'image/png', ...headers } });

async function refusal(answer: Response): Promise<[status: number, code: string]> {
  const { error, requestId } = (await answer.json()) as {
    error: { code: string; message: string };
    requestId: string;
  };
  expect(error.message.length).toBeGreaterThan(10);
  expect(requestId).toBe(answer.headers.get('x-request-id'));
  return [answer.status, error.code];
}

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'pixelwise-serve-'));
  folders = { page: place, browser: place };
  await writeFile(join(place, 'index.html'), '<!doctype html><title>page</title>');
  png = Uint8Array.from(await encodeImage(picture));
  server = await start();
  expected = (await server.segmenter.segment(picture)).mask.data;
});
afterAll(async () => {
  await server?.close();
  await rm(place, { recursive: true, force: true });
});

test('a server that other machines can reach asks for its token', async () => {
  const open = await start({ host: '0.0.0.0' });
  const url = `http://127.0.0.1:${open.port}/`;
  expect(open.token).toMatch(/^[0-9a-f]{32}$/);
  expect((await fetch(`${url}health`)).status).toBe(200);
  expect(await refusal(await fetch(url))).toEqual([401, 'token']);
  const page = await fetch(`${url}?token=${open.token}`);
  expect(page.status).toBe(200);
  const cookie = page.headers.get('set-cookie')!.split(';')[0]!;
  expect((await fetch(`${url}model.json`, { headers: { cookie } })).status).toBe(200);
  await open.close();
});

test('a form of very many parts is refused without parsing it', async () => {
  const part = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n';
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  const answer = await fetch(`${server.url}segment`, {
    method: 'POST',
    body: part.repeat(100_000) + '--x--\r\n',
    headers,
  });
  expect(await refusal(answer)).toEqual([400, 'form']);
});

describe('a valid image', () => {
  test('gives its mask as a PNG of class indices', async () => {
    const answer = await post(server, png);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('image/png');
    expect(answer.headers.get('server-timing')).toMatch(/^decode;dur=.*, segment;dur=/);
    const mask = await decodeMask(new Uint8Array(await answer.arrayBuffer()));
    expect([...mask.data]).toEqual([...expected]);
    expect(new Set(expected).size).toBeGreaterThan(1);
  });

  test('may come in a form', async () => {
    const form = new FormData();
    form.set('note', 'no file');
    form.set('image', new Blob([png]), 'a.png');
    const answer = await fetch(`${server.url}segment`, { method: 'POST', body: form });
    expect(answer.status).toBe(200);
    const mask = await decodeMask(new Uint8Array(await answer.arrayBuffer()));
    expect([...mask.data]).toEqual([...expected]);
  });

  test('gives run lengths, polygons and counts', async () => {
    const rle = (await (await post(server, png, 'segment?format=rle')).json()) as {
      annotations: { category_id: number; segmentation: { size: [number, number]; counts: string } }[];
    };
    for (const { category_id, segmentation } of rle.annotations) {
      const [height, width] = segmentation.size;
      const own = decodeRle(decompressCounts(segmentation.counts), { height, width });
      expect([...own]).toEqual([...expected].map((value) => (value === category_id ? 1 : 0)));
    }
    const answer = await post(server, png, 'segment', { accept: 'application/geo+json, image/png;q=0.5' });
    expect(answer.headers.get('content-type')).toBe('application/geo+json');
    const { features } = (await answer.json()) as { features: { properties: { area: number } }[] };
    const area = features.reduce((sum, { properties }) => sum + properties.area, 0);
    expect(area).toBe(expected.filter((value) => value > 0).length);
    const counts = (await (await post(server, png, 'segment?format=json')).json()) as {
      width: number;
      classes: { pixels: number }[];
    };
    expect(counts.width).toBe(57);
    expect(counts.classes.map(({ pixels }) => pixels)).toEqual(
      [0, 1, 2].map((k) => expected.filter((value) => value === k).length),
    );
  });
});

describe('?as=objects', () => {
  test('gives a label image, measurements, polygons and instances of the same objects', async () => {
    const labels = await decodeMask(
      new Uint8Array(await (await post(server, png, 'segment?as=objects')).arrayBuffer()),
    );
    const areas = new Map<number, number>();
    for (const label of labels.data) if (label > 0) areas.set(label, (areas.get(label) ?? 0) + 1);
    expect([...labels.data].map((label) => label > 0)).toEqual([...expected].map((value) => value > 0));
    const json = (await (await post(server, png, 'segment?as=objects&format=json')).json()) as {
      counts: Record<string, number>;
      objects: { label: number; area: number; probability_mean: number }[];
    };
    expect(new Map(json.objects.map(({ label, area }) => [label, area]))).toEqual(
      new Map([...areas].sort(([a], [b]) => a - b)),
    );
    expect(Object.values(json.counts).reduce((sum, count) => sum + count, 0)).toBe(areas.size);
    expect(json.objects.every(({ probability_mean: p }) => p > 0 && p <= 1)).toBe(true);
    const { features } = (await (await post(server, png, 'segment?as=objects&format=polygons')).json()) as {
      features: { id: number }[];
    };
    expect(features.map(({ id }) => id)).toEqual(json.objects.map(({ label }) => label));
    const coco = (await (await post(server, png, 'segment?as=objects&format=rle')).json()) as {
      annotations: { area: number }[];
    };
    expect(coco.annotations).toHaveLength(areas.size);
  });

  test('refuses another word', async () => {
    expect((await post(server, png, 'segment?as=cells')).status).toBe(400);
  });
});

describe('what cannot be segmented gets 4xx and a message', () => {
  const bomb = () => {
    // A header of 60,000×60,000 pixels and no more.
    const bytes = Uint8Array.from(png);
    new DataView(bytes.buffer).setUint32(16, 60_000);
    new DataView(bytes.buffer).setUint32(20, 60_000);
    return bytes;
  };
  const cases: [string, () => BodyInit, [number, string]][] = [
    ['nothing', () => new Uint8Array(0), [422, 'image-empty']],
    ['text', () => 'not an image', [415, 'image-format']],
    ['a truncated PNG', () => png.slice(0, png.length / 2), [422, 'image-damaged']],
    ['a header alone', () => png.slice(0, 20), [422, 'image-damaged']],
    ['a bomb', bomb, [413, 'image-too-large']],
    [
      'a script in SVG',
      () => '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
      [415, 'image-format'],
    ],
    [
      'a damaged GIF',
      () => new Uint8Array([...Buffer.from('GIF89a'), 1, 2, 3, 4, 5, 6, 7]),
      [422, 'image-damaged'],
    ],
    [
      'a BMP that lies',
      () => new Uint8Array([0x42, 0x4d, ...new Array<number>(80).fill(0xff)]),
      [422, 'image-damaged'],
    ],
  ];
  test.each(cases)('%s', async (_, body, outcome) => {
    expect(await refusal(await post(server, body()))).toEqual(outcome);
  });

  test('other types, damaged forms, forms without a file', async () => {
    const type = { 'content-type': 'text/html' };
    expect(await refusal(await post(server, 'x', 'segment', type))).toEqual([415, 'content-type']);
    const damaged = { 'content-type': 'multipart/form-data; boundary=b' };
    expect(await refusal(await post(server, '--b\r\nrubbish', 'segment', damaged))).toEqual([400, 'form']);
    const form = new FormData();
    form.set('image', 'text');
    const none = await fetch(`${server.url}segment`, { method: 'POST', body: form });
    expect(await refusal(none)).toEqual([400, 'form']);
  });

  test('options that are off', async () => {
    expect(await refusal(await post(server, png, 'segment?format=gif'))).toEqual([400, 'format']);
    expect(await refusal(await post(server, png, 'segment?threshold=2'))).toEqual([400, 'usage']);
    expect(await refusal(await post(server, png, 'segment?threshold=0.5'))).toEqual([400, 'usage']);
    expect(await refusal(await post(server, png, 'segment', { accept: 'text/html' }))).toEqual([
      406,
      'format',
    ]);
    expect(await refusal(await fetch(`${server.url}segment`))).toEqual([405, 'method']);
    expect(await refusal(await fetch(`${server.url}..%2f..%2fetc/passwd`))).toEqual([404, 'not-found']);
  });

  test('are told of without a path of this machine', async () => {
    const path = join(place, 'fixed.onnx');
    const size = { height: 40, width: 30 };
    await writeFile(path, encodeModel(exportGraph(model, state, card, { size })));
    const fixed = await startServer(path, { port: 0, threads: 1, folders });
    const deep = (await encodeImage(testImage(30, 40, 3, 65535))) as Uint8Array<ArrayBuffer>;
    const requests = [
      post(fixed, png),
      post(fixed, deep),
      post(fixed, png.slice(0, 60)),
      post(fixed, png, 'segment?threshold=0.5'),
      fetch(`${fixed.url}nothing`),
      fetch(`${fixed.url}health`),
      fetch(`${fixed.url}model.json`),
      fetch(`${fixed.url}model.onnx`),
    ];
    for (const answer of await Promise.all(requests)) {
      const text = Buffer.from(await answer.arrayBuffer()).toString('latin1');
      expect(text).not.toContain(place);
      expect(text).not.toContain(process.cwd());
    }
    expect(await refusal(await post(fixed, png))).toEqual([422, 'shape']);
    await fixed.close();
  });

  test('bodies that are too large, told before or found out', async () => {
    const small = await start({ maxBytes: 1000 });
    expect(await refusal(await post(small, new Uint8Array(5000)))).toEqual([413, 'body-too-large']);
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(600));
      },
    });
    const endless = await fetch(`${small.url}segment`, {
      method: 'POST',
      body: stream,
      headers: { 'content-type': 'image/png' },
      duplex: 'half',
    } as RequestInit);
    expect(await refusal(endless)).toEqual([413, 'body-too-large']);
    await small.close();
  });
});

describe('clients that do not behave', () => {
  test('one that sends too slowly is told so, and its place is free again', async () => {
    const strict = await start({ uploadTimeout: 300, places: 1 });
    const socket = connect(strict.port, '127.0.0.1');
    socket.write(
      'POST /segment HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 500\r\n\r\nabc',
    );
    const [reply] = (await once(socket, 'data')) as [Buffer];
    expect(reply.toString()).toMatch(/^HTTP\/1.1 408 /);
    expect(reply.toString()).toContain('too-slow');
    socket.destroy();
    expect((await post(strict, png)).status).toBe(200);
    await strict.close();
  });

  test('one that goes away midway leaves the server whole', async () => {
    for (const sent of [
      'POST /seg',
      'POST /segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\nabc',
    ]) {
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(sent);
      await new Promise((done) => setTimeout(done, 20));
      socket.destroy();
    }
    expect((await post(server, png)).status).toBe(200);
    const health = (await (await fetch(`${server.url}health`)).json()) as { inside: number };
    expect(health.inside).toBe(0);
  });

  test('garbage instead of HTTP', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write('\x16\x03\x01\x02\x00\x01\x00 TLS, perhaps\r\n\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    expect(reply.toString()).toMatch(/^HTTP\/1.1 400 /);
    socket.destroy();
  });

  test('a page of another site, by its origin or by a name of its own for this machine', async () => {
    const across = await post(server, png, 'segment', { origin: 'http://elsewhere.test' });
    expect(await refusal(across)).toEqual([403, 'origin']);
    const status = await new Promise<number>((done) => {
      const asked = httpRequest(
        `${server.url}model.onnx`,
        { headers: { host: 'elsewhere.test' } },
        (reply) => {
          reply.resume();
          done(reply.statusCode!);
        },
      );
      asked.end();
    });
    expect(status).toBe(403);
  });
});

test('many at once: each gets its own mask, or is told when to come again', async () => {
  const busy = await start({ places: 6 });
  const sizes = Array.from({ length: 30 }, (_, i) => [20 + i, 64 - i] as const);
  const outcomes = await Promise.all(
    sizes.map(async ([width, height]) => {
      const image = testImage(width, height);
      const answer = await post(busy, (await encodeImage(image)) as Uint8Array<ArrayBuffer>);
      if (answer.status === 503) {
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
        expect(await refusal(answer)).toEqual([503, 'busy']);
        return 503;
      }
      const mask = await decodeMask(new Uint8Array(await answer.arrayBuffer()));
      const direct = await busy.segmenter.segment(image);
      expect([...mask.data]).toEqual([...direct.mask.data]);
      return answer.status;
    }),
  );
  expect(new Set(outcomes)).toEqual(new Set([200, 503]));
  const text = await (await fetch(`${busy.url}metrics`)).text();
  expect(text).toContain(
    `pixelwise_requests_total{route="/segment",status="200"} ${outcomes.filter((s) => s === 200).length}`,
  );
  expect(text).toMatch(/^pixelwise_requests_inside 0$/m);
  await busy.close();
});

test('a request without memory gets 503, and one beside it its mask', async () => {
  const short = await start();
  const segment = short.segmenter.segment.bind(short.segmenter);
  const refusals = [
    new RangeError('Array buffer allocation failed'),
    new PixelwiseError('memory', 'ONNX Runtime ran out of memory on cpu: bad_alloc'),
  ];
  short.segmenter.segment = async (image, ...rest) => {
    const { width } = image as { width: number };
    if (width === 64) throw refusals.pop()!;
    return segment(image, ...rest);
  };
  const large = (await encodeImage(testImage(64, 64))) as Uint8Array<ArrayBuffer>;
  const answers = await Promise.all([large, png, large, png].map((body) => post(short, body)));
  expect(answers.map(({ status }) => status)).toEqual([503, 200, 503, 200]);
  for (const answer of [answers[0]!, answers[2]!]) {
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refusal(answer)).toEqual([503, 'memory']);
  }
  for (const answer of [answers[1]!, answers[3]!]) {
    const mask = await decodeMask(new Uint8Array(await answer.arrayBuffer()));
    expect([...mask.data]).toEqual([...expected]);
  }
  await short.close();
});

test('the page, the model and their headers', async () => {
  const page = await fetch(server.url);
  expect(await page.text()).toContain('<title>page</title>');
  expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin');
  expect(page.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  expect(page.headers.get('content-security-policy')).toContain("connect-src 'self'");
  const again = await fetch(server.url, { headers: { 'if-none-match': page.headers.get('etag')! } });
  expect(again.status).toBe(304);
  expect(new Uint8Array(await (await fetch(`${server.url}model.onnx`)).arrayBuffer())).toEqual(file);
  const about = (await (await fetch(`${server.url}model.json`)).json()) as { card: { classes: string[] } };
  expect(about.card.classes).toEqual(card.classes);
});

test('requests are told of, with the id that the client gave', async () => {
  await post(server, png, 'segment', { 'x-request-id': 'mine-1' });
  expect(answered.at(-1)).toMatchObject({ id: 'mine-1', method: 'POST', path: '/segment', status: 200 });
});

test('closing finishes what is at work, and begins nothing new', async () => {
  const ending = await start();
  const big = (await encodeImage(testImage(700, 600))) as Uint8Array<ArrayBuffer>;
  const running = post(ending, big);
  const admitted = async () =>
    ((await (await fetch(`${ending.url}health`)).json()) as { inside: number }).inside;
  while ((await admitted()) === 0) await new Promise((done) => setTimeout(done, 5));
  const answeredBefore = answered.length;
  const closed = ending.close();
  const answer = await running;
  expect(answer.status).toBe(200);
  expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(100);
  await closed;
  expect(answered.length).toBe(answeredBefore + 1);
  await expect(post(ending, png)).rejects.toThrow();
});

test('a port that is taken is told of', async () => {
  await expect(start({ port: server.port })).rejects.toThrow(/another program uses this port/);
});
