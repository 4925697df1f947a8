/** The studio's endpoints, as docs/studio.md lists them, and its page. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import * as z from 'zod';
import { PixelwiseError } from '../errors/index.js';
import { decodeStoredMask } from '../images/decode-mask.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import type { LabelPlane } from '../labels/drawing.js';
import { outlineRuns, type Point } from '../labels/outline.js';
import { PAGE_HEADERS } from '../serve/app.js';
import { drain, readBody } from '../serve/body.js';
import { inPieces, lengthOf } from '../serve/body-in-pieces.js';
import type { Guard } from '../serve/guard.js';
import { errorResponse, HttpError, httpErrorOf } from '../serve/http-error.js';
import type { StaticFiles } from '../serve/static-files.js';
import { EventStream } from './events.js';
import { strokeSchema, tilesSchema, type LabelChange } from './label-change.js';
import type { LabelledImage } from './label-store.js';
import type { Prediction, StudioLearner } from './learning.js';
import { encodeLabels, maskPalette } from './mask-file.js';
import { learnerImage, measuredWithin, type Project, type StudioImage } from './project.js';
import { firstLevel } from './first-level.js';
import type { Pictures } from './picture-thread.js';
import type { ShownImage, WindowLevel } from './shown-image.js';
import { learnFromStored } from './stored-labels.js';
import { colourOf } from '../data/legend.js';

export interface StudioAppParts {
  readonly project: Project;
  readonly learner: StudioLearner;
  readonly pictures: Pictures;
  readonly guard: Guard;
  readonly files: StaticFiles;
  /** Receives errors of ours, for a log. */
  readonly onError: (error: HttpError, path: string) => void;
}

export interface StudioApp {
  readonly app: Hono;
  /** Makes the picture with which the page opens the first image, before it is asked for. */
  prepareFirst(): Promise<void>;
  close(): void;
}

/** Limits of request bodies: a mask of the largest image, and a change of labels. */
const BODY = { maxBytes: 128 * 2 ** 20, timeout: 60_000, slowest: 16 * 1024 };

/** Most halvings of a reduced image. */
const MOST_LEVEL = 8;

/** Bytes of an image that are sent at once: the server answers others in between. */
const SENT_AT_ONCE = 2 ** 18;

/** Milliseconds that the list of images waits for the headers of the files. */
const LIST_WAIT = 1500;

/** Milliseconds between two events about the trouble of a disk. */
const TROUBLE_INTERVAL = 1000;

const colour = z.string().regex(/^#[0-9a-f]{6}$/i, 'must be #rrggbb');
const classesSchema = z.object({
  classes: z.array(z.object({ name: z.string().max(200), colour: colour.optional() })).max(254),
});
const coordinate = z.number().min(-1e6).max(1e6);
const acceptSchema = z.object({
  /** Only pixels inside this outline; default all, and the image is then done. */
  inside: z
    .array(z.tuple([coordinate, coordinate]))
    .min(3)
    .max(100_000)
    .optional(),
});
const stateSchema = z.object({ done: z.boolean() });
const exportSchema = z.object({ to: z.enum(['run', 'onnx']) });

export function createStudioApp(parts: StudioAppParts): StudioApp {
  const { project, learner, pictures, guard, files } = parts;
  const events = new EventStream();
  let prepared: { readonly tag: string; readonly picture: Promise<ShownImage> } | undefined;
  /** The latest prediction. */
  let predicted: { readonly tag: string; readonly prediction: Prediction } | undefined;
  learner.onEvent = (event) =>
    event.kind === 'training'
      ? events.send('training', event.status)
      : events.send('prediction', { step: event.step });
  let trouble: string | undefined;
  const troubleTimer = setInterval(() => {
    if (project.labels.trouble === trouble) return;
    trouble = project.labels.trouble;
    events.send('disk', { trouble: trouble ?? null });
  }, TROUBLE_INTERVAL);
  troubleTimer.unref();

  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    for (const [header, value] of Object.entries(PAGE_HEADERS)) c.res.headers.set(header, value);
    if (!(await drain(c.req.raw.body))) c.res.headers.set('connection', 'close');
  });
  app.use(async (c, next) => {
    guard.checkSender(c.req.raw.headers);
    const cookie = guard.checkToken(c.req.raw.headers, c.req.query('token'));
    await next();
    if (cookie !== undefined) c.res.headers.append('set-cookie', cookie);
  });

  app.get('/api/project', async (c) => {
    await measuredWithin(project, LIST_WAIT);
    return c.json({
      project: project.root,
      classes: project.classes,
      images: await project.facts(),
      training: learner.status,
      trouble: project.labels.trouble ?? null,
    });
  });

  app.post('/api/classes', async (c) => {
    const { classes } = await bodyOf(c, classesSchema);
    const before = project.classes.length;
    await project.setClasses(classes);
    learner.setClasses(project.classes.map(({ name }) => name));
    // Learning starts again.
    if (project.classes.length !== before) void learnFromStored(project, learner);
    events.send('classes', { classes: project.classes });
    return c.json({ classes: project.classes });
  });

  app.get('/api/first', async (c) => {
    const image = await firstUsable();
    if (image === undefined) return c.notFound();
    const level = firstLevel(image);
    const path = `./images/${encodeURIComponent(image.id)}${level > 0 ? `?level=${level}` : ''}`;
    return c.body(null, 302, { location: path, 'cache-control': 'no-store' });
  });

  app.get('/api/images/:id', async (c) => {
    const image = await project.usable(c.req.param('id'));
    const window = { low: numberIn(c, 'low'), high: numberIn(c, 'high') };
    const level = numberIn(c, 'level') ?? 0;
    if (!Number.isInteger(level) || level < 0 || level > MOST_LEVEL) {
      throw new HttpError(
        400,
        'level',
        `level is ${level}; it must be a whole number from 0 to ${MOST_LEVEL}.`,
      );
    }
    const tag = tagOfImage(image, window, level);
    const headers = { etag: tag, 'cache-control': 'no-cache', 'x-size': `${image.width} ${image.height}` };
    if (c.req.header('if-none-match') === tag) return c.body(null, 304, headers);
    const shown = await (prepared?.tag === tag ? prepared.picture : pictureOf(image, window, level));
    prepared = undefined;
    return c.body(inPieces(shown.bytes, SENT_AT_ONCE), 200, {
      ...headers,
      ...lengthOf(shown.bytes),
      'content-type': shown.type,
      ...(shown.window && { 'x-window': `${shown.window.low} ${shown.window.high}` }),
    });
  });

  app.get('/api/images/:id/labels', async (c) => {
    const image = await project.usable(c.req.param('id'));
    const { plane, changes } = await project.labels.get(image);
    learner.opened(learnerImage(image));
    const headers = { etag: tagOf(changes), 'cache-control': 'no-cache' };
    if (c.req.header('if-none-match') === tagOf(changes)) return c.body(null, 304, headers);
    if (c.req.query('empty') === '204' && (await project.labels.isEmpty(image))) {
      return c.body(null, 204, { ...headers, 'x-size': `${plane.width} ${plane.height}` });
    }
    return planeAnswer(c, plane, headers, () => encodeLabels(plane, paletteOf(project)));
  });

  app.put('/api/images/:id/labels', async (c) => {
    const image = await project.usable(c.req.param('id'));
    const bytes = await bytesOf(c);
    const given = await decodeStoredMask(bytes);
    if (given.width !== image.width || given.height !== image.height || given.channels !== 1) {
      throw new HttpError(
        422,
        'size-mismatch',
        `The labels must be a PNG of class indices with ${image.width}×${image.height} pixels.`,
      );
    }
    const odd = given.data.find((label) => label >= project.classes.length && label !== IGNORE_INDEX);
    if (odd !== undefined) {
      throw new HttpError(422, 'mask-values', `The labels hold ${odd}, which is neither a class nor 255.`);
    }
    const { changes, saved } = await project.labels.replace(
      image,
      (plane) => plane.data.set(given.data),
      expectedBy(c),
    );
    await changed(image, changes, c);
    return c.json({ ...(await project.factsOf(image)), saved }, 200, { etag: tagOf(changes) });
  });

  const change = async (c: Context, given: LabelChange) => {
    const image = await project.usable(c.req.param('id')!);
    const { box, changes, saved } = await project.labels.change(image, given, expectedBy(c));
    if (box !== undefined) {
      if (image.done) project.setDone(image.id, false);
      await changed(image, changes, c);
    }
    return c.json({ changed: box ?? null, saved }, 200, { etag: tagOf(changes) });
  };
  app.post('/api/images/:id/strokes', async (c) => change(c, await bodyOf(c, strokeSchema)));
  app.post('/api/images/:id/tiles', async (c) => change(c, await bodyOf(c, tilesSchema)));

  app.get('/api/images/:id/prediction', async (c) => {
    const image = await project.usable(c.req.param('id'));
    const prediction = await predictionOf(image, numberIn(c, 'step'));
    const headers = { 'x-model-step': String(prediction.step), 'cache-control': 'no-store' };
    const { width, height, classes, uncertainty } = prediction;
    const data = c.req.query('uncertainty') === '1' ? uncertainty : classes;
    const palette = data === classes ? paletteOf(project) : GREYS;
    return planeAnswer(c, { width, height, data }, headers, () =>
      encodeLabels({ width, height, data }, palette),
    );
  });

  app.post('/api/images/:id/accept', async (c) => {
    const { inside } = await bodyOf(c, acceptSchema);
    const image = await project.usable(c.req.param('id'));
    const { classes } = await predictionOf(image);
    const { changes, saved } = await project.labels.replace(image, (plane) =>
      takePrediction(plane, classes, inside),
    );
    if (inside === undefined) project.setDone(image.id, true);
    await changed(image, changes, c);
    return c.json({ ...(await project.factsOf(image)), saved }, 200, { etag: tagOf(changes) });
  });

  app.post('/api/images/:id/state', async (c) => {
    const { done } = await bodyOf(c, stateSchema);
    const image = await project.usable(c.req.param('id'));
    project.setDone(image.id, done);
    const facts = await project.factsOf(image);
    events.send('image', { image: facts, by: c.req.header('x-page') ?? null, etag: null });
    return c.json(facts);
  });

  app.get('/api/training', (c) => c.json(learner.status));

  app.get('/api/events', (c) =>
    events.response({ training: learner.status, disk: { trouble: trouble ?? null } }, c.req.raw.signal),
  );

  app.post('/api/export', async (c) => {
    const { to } = await bodyOf(c, exportSchema);
    await project.labels.flush();
    const { path } = await learner.exportTo(to);
    return c.json({ to, path, [to]: path });
  });

  app.get('*', (c, next) => {
    const found = files.answer(c.req.path, c.req.raw);
    return found === undefined ? next() : Promise.resolve(found);
  });
  app.notFound((c) => failed(new HttpError(404, 'not-found', 'There is nothing here.'), c));
  app.onError((error, c) => failed(errorOf(error), c));

  function failed(error: HttpError, c: Context): Response {
    parts.onError(error, c.req.path);
    return errorResponse(error, c.req.header('x-request-id') ?? '');
  }

  /** Tells the learner and the pages of new labels. */
  async function changed(image: StudioImage & LabelledImage, changes: number, c: Context): Promise<void> {
    const { plane } = await project.labels.get(image);
    learner.labelled({ ...learnerImage(image), heldOut: image.heldOut, labels: plane.data });
    events.send('image', {
      image: await project.factsOf(image),
      by: c.req.header('x-page') ?? null,
      etag: tagOf(changes),
    });
  }

  /** @param step of the prediction that the client has: its uncertainty is the one to that. */
  async function predictionOf(image: StudioImage & LabelledImage, step?: number): Promise<Prediction> {
    const tag = `${image.id} ${image.version}`;
    if (step !== undefined && predicted?.tag === tag && predicted.prediction.step === step)
      return predicted.prediction;
    const prediction = await learner.predict(learnerImage(image));
    if (prediction) {
      predicted = { tag, prediction };
      return prediction;
    }
    throw new HttpError(
      409,
      'no-model',
      'There is no prediction yet. Paint a few strokes of two classes in images that are not held out.',
    );
  }

  const pictureOf = ({ file, version }: StudioImage, window: WindowLevel, level: number) =>
    pictures.picture({ file, version, window, level });

  /** The image with which the page opens. */
  async function firstUsable(): Promise<(StudioImage & LabelledImage) | undefined> {
    for (const { id } of project.images) {
      const image = await project.usable(id).catch(() => undefined);
      if (image) return image;
    }
    return undefined;
  }

  async function prepareFirst(): Promise<void> {
    const image = await firstUsable();
    if (image === undefined) return;
    const level = firstLevel(image);
    if (level === 0) return;
    const picture = pictureOf(image, {}, level);
    // Whoever asks for it gets the reason.
    picture.catch(() => undefined);
    prepared = { tag: tagOfImage(image, {}, level), picture };
  }

  return {
    app,
    prepareFirst,
    close: () => {
      clearInterval(troubleTimer);
      events.close();
    },
  };
}

/** 0 … 255 as greys, so that uncertainties are indices of a palette like classes. */
const GREYS = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));

function tagOfImage({ version }: StudioImage, { low, high }: WindowLevel, level: number): string {
  return `"${version ?? ''}-${low ?? ''}-${high ?? ''}-${level}"`;
}

const tagOf = (changes: number): string => `"${changes}"`;

/** Whether labels are those that the request's If-Match names; undefined without one. */
function expectedBy(c: Context): ((seen: { readonly changes: number }) => boolean) | undefined {
  const match = c.req.header('if-match');
  return match === undefined || match === '*' ? undefined : (seen) => match === tagOf(seen.changes);
}

function paletteOf(project: Project): Uint8Array {
  return maskPalette(project.classes.map((each) => colourOf(each.colour)!));
}

/** Unlabelled pixels, of the whole plane or inside an outline, take the prediction. */
function takePrediction(
  plane: LabelPlane,
  prediction: Uint8Array,
  inside: readonly Point[] | undefined,
): void {
  const { width, height, data } = plane;
  const take = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (data[i] === IGNORE_INDEX) data[i] = prediction[i]!;
  };
  if (inside === undefined) take(0, data.length);
  else outlineRuns(inside, width, height, (y, start, end) => take(y * width + start, y * width + end));
}

/** A plane as a PNG, or with `?as=raw` as its bytes, which pages can use without decoding colours. */
async function planeAnswer(
  c: Context,
  { width, height, data }: LabelPlane,
  headers: Record<string, string>,
  png: () => Promise<Uint8Array<ArrayBuffer>>,
): Promise<Response> {
  if (c.req.query('as') !== 'raw')
    return c.body(await png(), 200, { ...headers, 'content-type': 'image/png' });
  return c.body(Uint8Array.from(data), 200, {
    ...headers,
    'content-type': 'application/octet-stream',
    'x-size': `${width} ${height}`,
  });
}

const bytesOf = (c: Context): Promise<Uint8Array> =>
  readBody(c.req.raw.body, c.req.header('content-length'), BODY);

/** The JSON of a request's body. Throws HttpError 400 that names the entry. */
async function bodyOf<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const text = new TextDecoder().decode(await bytesOf(c));
  let value: unknown;
  try {
    value = text === '' ? {} : JSON.parse(text);
  } catch (cause) {
    throw new HttpError(400, 'json', 'The body is not JSON.', undefined, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new HttpError(400, 'json', `${issue.path.join('.') || 'The body'}: ${issue.message}`);
}

function numberIn(c: Context, name: string): number | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new HttpError(400, name, `${name} is "${text}"; it must be a number.`);
}

/** Errors about files of this machine are sent to the page unchanged: the user can act on them. */
function errorOf(error: unknown): HttpError {
  const known = httpErrorOf(error);
  if (known.code !== 'internal' || !(error instanceof PixelwiseError)) return known;
  return new HttpError(500, error.code, error.message, undefined, { cause: error });
}
