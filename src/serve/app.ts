/** The server's routes: the page and its model, `POST /segment`, `/health`, `/metrics`. */
import { Hono } from 'hono';
import { createHash } from 'node:crypto';
import type { Segmenter } from '../inference/index.js';
import { drain } from './body.js';
import { inPieces, lengthOf } from './body-in-pieces.js';
import type { Guard } from './guard.js';
import type { Metrics } from './metrics.js';
import type { AdmissionQueue } from './admission-queue.js';
import { errorResponse, HttpError, httpErrorOf } from './http-error.js';
import { answerSegment, NOT_POST } from './segment-route.js';
import type { StaticFiles } from './static-files.js';
import type { ImageAnswers } from './image-thread.js';

/** A request and its outcome, for a log. */
export interface AnsweredRequest {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly seconds: number;
  /** Why the request failed, if it did. */
  readonly error?: HttpError;
}

export interface AppParts {
  readonly segmenter: Segmenter;
  /** The model as an exported file. */
  readonly model: Uint8Array<ArrayBuffer>;
  readonly images: ImageAnswers;
  /** The model's name on the page. */
  readonly name: string;
  readonly guard: Guard;
  readonly maxBytes: number;
  readonly maxPixels: number;
  /** Milliseconds for receiving a body, and for processing it. */
  readonly uploadTimeout: number;
  readonly workTimeout: number;
  readonly queue: AdmissionQueue;
  readonly metrics: Metrics;
  readonly files: StaticFiles;
  readonly onAnswer: (request: AnsweredRequest) => void;
  /** Whether the server is shutting down and starts no new work. */
  readonly closing: () => boolean;
}

/**
 * The page loads from and connects to this server only, and no other page may frame it, so images cannot leave the
 * page. WebAssembly threads need the isolation (cross-origin opener and embedder policies).
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; " +
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(self), microphone=(), geolocation=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const KNOWN_ID = /^[\w.-]{1,64}$/;

export function createApp(parts: AppParts): Hono {
  const { segmenter, model, name, guard, queue, metrics, files } = parts;
  const modelTag = `"${createHash('sha256').update(model).digest('base64url').slice(0, 20)}"`;
  const begun = Date.now();
  let count = 0;
  const app = new Hono<{ Variables: { id: string; route: string; error: HttpError | undefined } }>();

  app.use(async (c, next) => {
    const started = performance.now();
    const given = c.req.header('x-request-id');
    const id = given !== undefined && KNOWN_ID.test(given) ? given : `${begun.toString(36)}-${++count}`;
    c.set('id', id);
    c.set('route', 'other');
    await next();
    for (const [header, value] of Object.entries(PAGE_HEADERS)) c.res.headers.set(header, value);
    c.res.headers.set('x-request-id', id);
    const httpError = c.get('error');
    const whole = httpError?.code !== 'too-slow' && (await drain(c.req.raw.body));
    // A connection that stays open would delay the shutdown.
    if (!whole || parts.closing()) c.res.headers.set('connection', 'close');
    metrics.answered(c.get('route'), c.res.status);
    parts.onAnswer({
      id,
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      seconds: (performance.now() - started) / 1000,
      ...(httpError && { error: httpError }),
    });
  });

  app.use(async (c, next) => {
    guard.checkSender(c.req.raw.headers);
    // Load balancers ask for the health without a token.
    const open = c.req.path === '/health';
    const cookie = open ? undefined : guard.checkToken(c.req.raw.headers, c.req.query('token'));
    await next();
    if (cookie !== undefined) c.res.headers.append('set-cookie', cookie);
  });

  app.get('/health', (c) => {
    c.set('route', '/health');
    const status = parts.closing() ? 'closing' : 'ok';
    const { inside, queued } = queue;
    return c.json(
      { status, model: name, inside, queued, seconds: (Date.now() - begun) / 1000 },
      parts.closing() ? 503 : 200,
    );
  });

  app.get('/metrics', (c) => {
    c.set('route', '/metrics');
    return c.text(metrics.text(queue), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  });

  app.get('/model.json', (c) => {
    c.set('route', '/model');
    return c.json({ name, bytes: model.length, card: segmenter.card }, 200, { 'cache-control': 'no-cache' });
  });

  app.get('/model.onnx', (c) => {
    c.set('route', '/model');
    const headers = {
      'content-type': 'application/octet-stream',
      etag: modelTag,
      'cache-control': 'no-cache',
    };
    if (c.req.header('if-none-match') === modelTag) return c.body(null, 304, headers);
    return c.body(inPieces(model), 200, { ...headers, ...lengthOf(model) });
  });

  app.post('/segment', (c) => {
    c.set('route', '/segment');
    if (parts.closing()) throw new HttpError(503, 'closing', 'The server is shutting down.', 5);
    return answerSegment(c.req.raw, {
      ...parts,
      onSegmented: (seconds, pixels) => metrics.segmentedIn(seconds, pixels),
    });
  });

  app.get('*', (c, next) => {
    const found = files.answer(c.req.path, c.req.raw);
    if (found === undefined) return next();
    c.set('route', '/');
    return Promise.resolve(found);
  });

  app.notFound((c) => {
    const segment = c.req.path === '/segment';
    const httpError = segment
      ? NOT_POST.error()
      : new HttpError(404, 'not-found', 'There is nothing here. Images go to POST /segment.');
    c.set('error', httpError);
    return errorResponse(httpError, c.get('id'), segment ? NOT_POST.headers : {});
  });

  app.onError((error, c) => {
    const httpError = httpErrorOf(error);
    c.set('error', httpError);
    return errorResponse(httpError, c.get('id'));
  });

  return app as unknown as Hono;
}
