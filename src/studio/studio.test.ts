/** The studio's endpoints on real folders, with a learner that predicts class 1 everywhere. */
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { put, temporaryFolder } from '../../test/support/made-data.js';
import { DEFLATE, tiff } from '../../test/support/tiff.js';
import { openDataset } from '../data/index.js';
import { encodeImage } from '../images/encode.js';
import { decodeImage } from '../images/decode.js';
import { decodeStoredMask } from '../images/decode-mask.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { drawStroke } from '../labels/drawing.js';
import { Guard } from '../serve/guard.js';
import { StaticFiles } from '../serve/static-files.js';
import { createStudioApp, type StudioApp } from './app.js';
import type { ImageFacts } from './project-rules.js';
import type { LabelsForLearning, StudioLearner } from './learning.js';
import { Pictures } from './picture-thread.js';
import { Project } from './project.js';

const [WIDTH, HEIGHT] = [40, 30];

let root: string;
let remove: () => Promise<void>;
let project: Project;
let studio: StudioApp;
let pictures: Pictures;
let told: LabelsForLearning[];
let predictions = 0;

const learner = (): StudioLearner => ({
  status: {
    learner: 'pixels',
    step: 7,
    seconds: 1,
    labelledImages: 0,
    heldOutImages: 0,
    scores: null,
    scoresByLearner: {},
    activity: 'idle',
  },
  setClasses: () => undefined,
  opened: () => undefined,
  labelled: (image) => void told.push(image),
  predict: ({ width, height }) => {
    predictions++;
    return Promise.resolve({
      width,
      height,
      classes: new Uint8Array(width * height).fill(1),
      uncertainty: new Uint8Array(width * height).fill(9),
      step: 7,
    });
  },
  exportTo: (to) => Promise.resolve({ to, path: `/runs/${to}` }),
  onEvent: () => undefined,
  close: () => Promise.resolve(),
});

async function openStudio(): Promise<void> {
  told = [];
  project = await Project.open(root);
  const page = join(root, '..');
  const files = await StaticFiles.list({}).catch(() => StaticFiles.list({ '/': page }));
  const guard = new Guard({ host: '127.0.0.1' });
  pictures = new Pictures();
  studio = createStudioApp({ project, learner: learner(), pictures, guard, files, onError: () => undefined });
}

async function closeStudio(): Promise<void> {
  studio.close();
  await pictures.close();
  await project.close();
}

beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const data = new Uint8Array(WIDTH * HEIGHT * 3).fill(100);
    await put(
      join(root, `${name}.png`),
      await encodeImage({ width: WIDTH, height: HEIGHT, channels: 3, data }),
    );
  }
});
afterEach(() => remove());

const HOST = { host: '127.0.0.1' };

const get = (path: string, headers: Record<string, string> = {}) =>
  Promise.resolve(studio.app.request(`http://127.0.0.1${path}`, { headers: { ...HOST, ...headers } }));
const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  Promise.resolve(
    studio.app.request(`http://127.0.0.1${path}`, {
      method: 'POST',
      headers: { ...HOST, ...headers },
      body: JSON.stringify(body),
    }),
  );
const twoClasses = () => post('/api/classes', { classes: [{ name: 'ground' }, { name: 'thing' }] });

async function labelsOf(id: string): Promise<Uint8Array> {
  const answer = await get(`/api/images/${id}/labels?as=raw`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function factsOf(id: string): Promise<ImageFacts> {
  const { images } = (await (await get('/api/project')).json()) as { images: ImageFacts[] };
  return images.find((image) => image.id === id)!;
}

const STROKE = {
  class: 1,
  radius: 2,
  points: [
    [5, 5],
    [20, 9],
  ] as [number, number][],
};

describe('labels', () => {
  beforeEach(openStudio);
  afterEach(closeStudio);

  it('draws strokes as the page does, tells the learner, and answers PNGs of indices', async () => {
    await twoClasses();
    expect((await post('/api/images/a.png/strokes', STROKE)).status).toBe(200);
    const expected = { width: WIDTH, height: HEIGHT, data: new Uint8Array(WIDTH * HEIGHT).fill(255) };
    drawStroke(expected, STROKE);
    const stored = await decodeStoredMask(
      new Uint8Array(await (await get('/api/images/a.png/labels')).arrayBuffer()),
    );
    expect(stored.palette).toBeDefined();
    expect([...stored.data]).toEqual([...expected.data]);
    expect(told.map(({ id, heldOut }) => [id, heldOut])).toEqual([['a.png', false]]);
    expect([...told[0]!.labels]).toEqual([...expected.data]);
    expect((await factsOf('a.png')).state).toBe('labelled');
    expect((await factsOf('a.png')).labelledPixels).toBe(expected.data.filter((v) => v === 1).length);
  });

  it('leaves labels alone where a stroke is outside the image, and refuses classes that do not exist', async () => {
    await twoClasses();
    const answer = await post('/api/images/a.png/strokes', { class: 1, radius: 3, points: [[-50, 5]] });
    expect([answer.status, (await labelsOf('a.png')).every((v) => v === 255)]).toEqual([200, true]);
    expect((await post('/api/images/a.png/strokes', { ...STROKE, class: 2 })).status).toBe(422);
    expect((await post('/api/images/a.png/strokes', { ...STROKE, radius: -1 })).status).toBe(400);
    expect((await post('/api/images/none.png/strokes', STROKE)).status).toBe(404);
  });

  it('replaces labels by PUT, and answers 412 if they have changed meanwhile', async () => {
    await twoClasses();
    const before = (await get('/api/images/a.png/labels')).headers.get('etag')!;
    const data = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => i % 2);
    const body = (await encodeIndexedPng({ width: WIDTH, height: HEIGHT, data })) as Uint8Array<ArrayBuffer>;
    const put412 = (tag: string) =>
      studio.app.request('http://127.0.0.1/api/images/a.png/labels', {
        method: 'PUT',
        headers: { ...HOST, 'if-match': tag },
        body,
      });
    const first = await put412(before);
    expect(first.status).toBe(200);
    expect(await labelsOf('a.png')).toEqual(data);
    expect((await put412(before)).status).toBe(412);
    expect((await put412(first.headers.get('etag')!)).status).toBe(200);
  });

  it('takes tiles, for undo and fills', async () => {
    await twoClasses();
    const data = deflateSync(Uint8Array.of(0, 1, 255, 0)).toString('base64');
    await post('/api/images/a.png/tiles', { tiles: [{ x: 38, y: 28, width: 2, height: 2, data }] });
    const labels = await labelsOf('a.png');
    expect([...labels.slice(-2)]).toEqual([255, 0]);
    const outside = { tiles: [{ x: 39, y: 28, width: 2, height: 2, data }] };
    expect((await post('/api/images/a.png/tiles', outside)).status).toBe(422);
  });

  it('accepts the prediction in unpainted pixels, of all or inside an outline', async () => {
    await twoClasses();
    await post('/api/images/a.png/strokes', { ...STROKE, class: 0 });
    const painted = await labelsOf('a.png');
    const inside = [
      [0, 0],
      [10, 0],
      [10, 10],
      [0, 10],
    ];
    await post('/api/images/a.png/accept', { inside });
    const some = await labelsOf('a.png');
    expect([some[0], some[WIDTH * HEIGHT - 1], (await factsOf('a.png')).state]).toEqual([1, 255, 'labelled']);
    await post('/api/images/a.png/accept', {});
    const all = await labelsOf('a.png');
    expect([...all]).toEqual([...painted].map((v) => (v === 255 ? 1 : v)));
    expect((await factsOf('a.png')).state).toBe('done');
  });

  it('answers predictions with the step of the model', async () => {
    await twoClasses();
    const answer = await get('/api/images/b.png/prediction');
    expect([answer.status, answer.headers.get('x-model-step')]).toEqual([200, '7']);
    const { data } = await decodeStoredMask(new Uint8Array(await answer.arrayBuffer()));
    expect(new Set(data)).toEqual(new Set([1]));
    const uncertain = await get('/api/images/b.png/prediction?uncertainty=1');
    expect(new Set((await decodeStoredMask(new Uint8Array(await uncertain.arrayBuffer()))).data)).toEqual(
      new Set([9]),
    );
    // Of the prediction that the client has, the uncertainty is not computed again.
    const before = predictions;
    await get('/api/images/b.png/prediction?uncertainty=1&step=7');
    expect(predictions).toBe(before);
    await get('/api/images/b.png/prediction?uncertainty=1&step=6');
    expect(predictions).toBe(before + 1);
  });

  it('keeps classes at their indices, and refuses to remove one with labels', async () => {
    const [ground, car, sky] = [{ name: 'ground' }, { name: 'car' }, { name: 'sky' }];
    await post('/api/classes', { classes: [ground, { name: 'thing' }, sky] });
    await post('/api/images/a.png/strokes', { ...STROKE, class: 2 });
    expect((await post('/api/classes', { classes: [ground, car, sky] })).status).toBe(200);
    expect((await labelsOf('a.png')).some((v) => v === 2)).toBe(true);
    expect((await post('/api/classes', { classes: [ground, car] })).status).toBe(409);
    await post('/api/images/a.png/strokes', { ...STROKE, class: 255 });
    expect((await post('/api/classes', { classes: [ground, car] })).status).toBe(200);
    expect((await post('/api/classes', { classes: [ground] })).status).toBe(422);
  });

  it('tells the learner all labels again when it starts again with another class', async () => {
    await twoClasses();
    await post('/api/images/a.png/strokes', STROKE);
    await post('/api/images/b.png/strokes', STROKE);
    await post('/api/classes', { classes: ['ground', 'thing', 'sky'].map((name) => ({ name })) });
    await expect.poll(() => told.map(({ id }) => id)).toEqual(['a.png', 'b.png', 'a.png', 'b.png']);
  });

  it('refuses requests of other sites, and a second studio on the folder', async () => {
    const answer = await get('/api/project', { origin: 'http://elsewhere.example' });
    expect(answer.status).toBe(403);
    await expect(Project.open(root)).rejects.toMatchObject({ code: 'folder-in-use' });
  });

  it('tells listeners of changed labels', async () => {
    await twoClasses();
    const abort = new AbortController();
    const answer = await studio.app.request('http://127.0.0.1/api/events', {
      headers: HOST,
      signal: abort.signal,
    });
    await post('/api/images/a.png/strokes', STROKE, { 'x-page': 'me' });
    const reader = answer.body!.getReader();
    let text = '';
    while (!text.includes('event: image')) text += new TextDecoder().decode((await reader.read()).value);
    expect(text).toMatch(/event: training\n/);
    expect(text).toMatch(/event: image\ndata: .*"by":"me"/);
    abort.abort();
  });
});

describe('the folder', () => {
  it('is left as a data set that train reads as the studio meant it', async () => {
    await openStudio();
    await twoClasses();
    await post('/api/images/a.png/strokes', STROKE);
    await post('/api/images/d.png/strokes', { ...STROKE, class: 1 });
    expect((await factsOf('d.png')).heldOut).toBe(true);
    await closeStudio();
    expect((await readdir(root)).filter((name) => name.startsWith('.'))).toEqual([]);
    const dataset = await openDataset({ root });
    expect([dataset.ids, dataset.splits]).toEqual([
      ['a', 'd'],
      ['train', 'valid'],
    ]);
    const { data } = (await dataset.get(0)).mask;
    expect(new Set(data)).toEqual(new Set([1, 255]));
  });

  it('has all changes again after a crash, once', async () => {
    await openStudio();
    await twoClasses();
    await post('/api/images/a.png/strokes', STROKE);
    await post('/api/images/a.png/accept', {});
    await post('/api/images/a.png/strokes', { ...STROKE, class: 255 });
    await post('/api/images/b.png/strokes', STROKE);
    const before = [await labelsOf('a.png'), await labelsOf('b.png')];
    // What a killed process leaves: its journal and the masks written so far. The last line is cut short.
    const [journal] = (await readdir(root)).filter((name) => name.endsWith('.journal'));
    const text = await readFile(join(root, journal!), 'utf8');
    const kept = new Map<string, Buffer>();
    for (const name of await readdir(join(root, 'masks'))) {
      kept.set(name, await readFile(join(root, 'masks', name)));
    }
    await closeStudio();
    await rm(join(root, 'masks'), { recursive: true });
    await mkdir(join(root, 'masks'));
    for (const [name, bytes] of kept) await writeFile(join(root, 'masks', name), bytes);
    await writeFile(join(root, journal!), `${text}{"sequence":99,"image":"a.png","chan`);
    await openStudio();
    expect([await labelsOf('a.png'), await labelsOf('b.png')]).toEqual(before);
    await closeStudio();
  });

  it('takes over masks of 0 and 255, and keeps the originals', async () => {
    const data = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i % 3 === 0 ? 255 : 0));
    const mask = await encodeIndexedPng({ width: WIDTH, height: HEIGHT, data });
    await put(join(root, 'masks', 'a.png'), mask);
    await openStudio();
    expect(project.classes.map(({ name }) => name)).toEqual(['background', 'foreground']);
    expect([...(await labelsOf('a.png')).slice(0, 4)]).toEqual([1, 0, 0, 1]);
    expect(await readFile(join(root, 'masks-original', 'a.png'))).toEqual(Buffer.from(mask));
    await closeStudio();
  });

  it('reads a mask again that another program saved meanwhile', async () => {
    await openStudio();
    await twoClasses();
    await post('/api/images/a.png/strokes', STROKE);
    await project.labels.flush();
    const data = new Uint8Array(WIDTH * HEIGHT).fill(1);
    await put(join(root, 'masks', 'a.png'), await encodeIndexedPng({ width: WIDTH, height: HEIGHT, data }));
    expect(await labelsOf('a.png')).toEqual(data);
    await closeStudio();
  });

  it('lists images that cannot be read, and opens the others', async () => {
    await put(join(root, 'broken.png'), 'not an image');
    await openStudio();
    expect(await factsOf('broken.png')).toMatchObject({ state: 'unusable', labelledPixels: 0 });
    expect((await factsOf('broken.png')).problem).toContain('broken.png');
    expect((await get('/api/images/broken.png/labels')).status).toBe(422);
    expect((await get('/api/images/a.png')).status).toBe(200);
    await closeStudio();
  });

  it('says so if there are no images', async () => {
    await rm(root, { recursive: true });
    await mkdir(root);
    await expect(Project.open(root)).rejects.toMatchObject({ code: 'data-empty' });
    expect(await readdir(root)).toEqual([]);
  });

  it('says so if it is read-only', async () => {
    await chmod(root, 0o555);
    // The rights of files do not stop root.
    const root0 = process.geteuid?.() === 0;
    if (root0) process.seteuid!(65534);
    try {
      await expect(Project.open(root)).rejects.toMatchObject({ code: 'write-failed' });
    } finally {
      if (root0) process.seteuid!(0);
      await chmod(root, 0o755);
    }
  });

  it('refuses an image of 20,000×20,000 pixels by its header', async () => {
    const small = await encodeIndexedPng({ width: 1, height: 1, data: new Uint8Array(1) });
    const header = Buffer.from(small);
    header.writeUInt32BE(20_000, 16);
    header.writeUInt32BE(20_000, 20);
    await put(join(root, 'huge.png'), header);
    await openStudio();
    const { state, problem } = await factsOf('huge.png');
    expect([state, problem]).toEqual([
      'unusable',
      'huge.png has 20000×20000 pixels; the studio takes up to 100 million. Cut it into tiles.',
    ]);
    for (const path of ['', '?level=4', '/labels', '/prediction']) {
      expect((await get(`/api/images/huge.png${path}`)).status).toBe(422);
    }
    await closeStudio();
  });

  it('takes an image that was replaced on the disk; with labels, one of the same size', async () => {
    const replace = async (name: string, width: number, grey: number) => {
      const data = new Uint8Array(width * HEIGHT).fill(grey);
      await put(join(root, name), await encodeImage({ width, height: HEIGHT, channels: 1, data }));
    };
    await openStudio();
    await twoClasses();
    const pictureTag = async (name: string) => (await get(`/api/images/${name}`)).headers.get('etag');
    const before = await pictureTag('a.png');
    await post('/api/images/a.png/strokes', STROKE);
    await replace('a.png', WIDTH, 7);
    expect(await pictureTag('a.png')).not.toBe(before);
    await post('/api/images/a.png/strokes', STROKE);
    expect(new Set(told.map(({ version }) => version)).size).toBe(2);
    expect((await labelsOf('a.png')).includes(1)).toBe(true);
    expect((await labelsOf('b.png')).length).toBe(WIDTH * HEIGHT);
    await replace('a.png', WIDTH + 1, 7);
    await replace('b.png', WIDTH + 1, 7);
    const refused = await get('/api/images/a.png/labels');
    expect(refused.status).toBe(422);
    expect(await refused.text()).toContain(
      'was replaced by an image of 41×30 pixels; its labels are for 40×30',
    );
    expect((await labelsOf('b.png')).length).toBe((WIDTH + 1) * HEIGHT);
    await closeStudio();
  });

  it('sends who asks for the first picture to the first image that can be read', async () => {
    await put(join(root, 'Broken.png'), 'not an image');
    await openStudio();
    const first = await get('/api/first');
    expect([first.status, first.headers.get('location')]).toEqual([302, './images/a.png']);
    await closeStudio();
    const data = new Uint8Array(3000 * 1500);
    await put(join(root, '1 large.png'), await encodeImage({ width: 3000, height: 1500, channels: 1, data }));
    await openStudio();
    expect((await get('/api/first')).headers.get('location')).toBe('./images/1%20large.png?level=1');
    await closeStudio();
  });

  it('shows a TIFF of 16 bits, whole and reduced, with the same black and white, upright', async () => {
    // Stored from right to left.
    const data = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => 1390 - 10 * (i % WIDTH));
    const page = { width: WIDTH, height: HEIGHT, data, orientation: 2 };
    await put(join(root, 'z.tif'), tiff([page]));
    await openStudio();
    for (const [query, width] of [
      ['', WIDTH],
      ['?level=1', WIDTH / 2],
    ] as const) {
      const shown = await get(`/api/images/z.tif${query}`);
      expect([shown.headers.get('x-window'), shown.headers.get('x-size')]).toEqual(['1000 1390', '40 30']);
      const picture = await decodeImage(new Uint8Array(await shown.arrayBuffer()), { channels: 1 });
      expect([picture.width, picture.data[0]! < 12, picture.data[width - 1]! > 243]).toEqual([
        width,
        true,
        true,
      ]);
    }
    const narrow = await get('/api/images/z.tif?low=1100&high=1200');
    const { data: values } = await decodeImage(new Uint8Array(await narrow.arrayBuffer()));
    expect([values[10], values[20], values[15]]).toEqual([0, 255, 127]);
    await put(join(root, 'z.tif'), tiff([{ ...page, data: data.fill(7) }]));
    expect((await get('/api/images/z.tif')).headers.get('x-window')).toBe('7 8');
    await closeStudio();
  });

  it('shows TIFFs upright, whole and reduced, whoever decodes them', async () => {
    // A bright left edge in a stored picture that is to be turned clockwise: it comes to the top.
    for (const compression of [undefined, DEFLATE]) {
      const data = Uint8Array.from({ length: 3 * 16 * 8 }, (_, i) => ((i / 3) % 16 < 4 ? 250 : 10));
      const page = { width: 16, height: 8, samples: 3, photometric: 2, data, orientation: 6 };
      await put(join(root, 'z.tif'), tiff([{ ...page, ...(compression && { compression }) }]));
      await openStudio();
      expect(await factsOf('z.tif')).toMatchObject({ width: 8, height: 16 });
      for (const [query, width, height] of [
        ['', 8, 16],
        ['?level=1', 4, 8],
      ] as const) {
        const shown = await get(`/api/images/z.tif${query}`);
        const picture = await decodeImage(new Uint8Array(await shown.arrayBuffer()), { channels: 3 });
        expect([picture.width, picture.height]).toEqual([width, height]);
        expect([picture.data[0]! > 200, picture.data.at(-1)! < 50]).toEqual([true, true]);
      }
      await closeStudio();
    }
  });

  it('answers a reduced picture, and nothing for labels where there are none, if asked for', async () => {
    await openStudio();
    const reduced = await get('/api/images/a.png?level=2');
    expect([reduced.headers.get('content-type'), reduced.headers.get('x-size')]).toEqual([
      'image/jpeg',
      '40 30',
    ]);
    const { width, height } = await decodeImage(new Uint8Array(await reduced.arrayBuffer()));
    expect([width, height]).toEqual([10, 8]);
    expect((await get('/api/images/a.png?level=9')).status).toBe(400);
    const labels = '/api/images/a.png/labels?empty=204';
    expect((await get(labels)).status).toBe(204);
    await twoClasses();
    await post('/api/images/a.png/strokes', STROKE);
    expect((await get(labels)).status).toBe(200);
    await closeStudio();
  });
});
