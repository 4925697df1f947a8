/**
 * A server for tests of the studio's page: the endpoints of `pixelwise studio` on a project in memory, with
 * predictions, changes by others and failures as the test asks for them.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { decodeMask } from '../../src/images/decode-mask.js';
import { encodeMask } from '../../src/images/encode.js';
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';
import { paintStroke, type Stroke } from '../../src/labels/stroke.js';
import { NOTHING_LEARNED } from '../../src/studio/learning.js';
import type {
  ImageFacts,
  ProjectClass,
  StudioEvents,
  StudioProject,
  TrainingStatus,
} from '../../src/studio/protocol.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** What `pixelwise studio` sends too, so that the page is tested under it. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; " +
  "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface MadeUpImage {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly file: Uint8Array;
  /** The values that are black and white at first, for an image of more than 8 bits; `file` then shows them. */
  readonly window?: { readonly low: number; readonly high: number };
  /** The picture that is shown first, of a large image. */
  readonly reduced?: Uint8Array;
  readonly heldOut?: boolean;
  /** Why it cannot be used. */
  readonly problem?: string;
}

interface Held extends MadeUpImage {
  labels: Uint8Array;
  version: number;
  done: boolean;
  prediction?: { readonly classes: Uint8Array; readonly uncertainty: Uint8Array; readonly step: number };
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class StudioFixture {
  url = '';
  classes: ProjectClass[] = [
    { name: 'background', colour: '#3b4252' },
    { name: 'cell', colour: '#e69f00' },
    { name: 'nucleus', colour: '#56b4e9' },
  ];
  training: TrainingStatus = { ...NOTHING_LEARNED, activity: 'Waiting for labels of two classes.' };
  trouble: string | null = null;
  /** The project is sent when this resolves. */
  projectFrom: Promise<unknown> = Promise.resolve();
  /** Images are sent when this resolves; reduced pictures of them at once. */
  imagesFrom: Promise<unknown> = Promise.resolve();
  /** Uncertainties are sent when this resolves. */
  uncertaintyFrom: Promise<unknown> = Promise.resolve();
  /** What changes of labels end with: a full disk, or no answer. */
  failing: 'disk-full' | 'no answer' | undefined;
  /** The strokes that arrived, and how often labels were replaced. */
  readonly strokes: Stroke[] = [];
  replaced = 0;
  private readonly images: Map<string, Held>;
  private readonly listeners = new Set<ServerResponse>();
  private readonly server = createServer((request, response) => void this.respond(request, response));

  constructor(
    private readonly folder: string,
    images: readonly MadeUpImage[],
  ) {
    this.images = new Map(
      images.map((image) => [
        image.id,
        {
          ...image,
          labels: new Uint8Array(image.width * image.height).fill(IGNORE_INDEX),
          version: 0,
          done: false,
        },
      ]),
    );
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
    return this;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.closeAllConnections();
      this.server.close(() => resolve());
    });
  }

  labels(id: string): Uint8Array {
    return this.image(id).labels;
  }

  /** Changes labels as another page would. */
  changeByOthers(id: string, change: (labels: Uint8Array, width: number) => void): void {
    const image = this.image(id);
    change(image.labels, image.width);
    image.version++;
    this.emit('image', { image: factsOf(image), by: 'another page', etag: etagOf(image) });
  }

  predict(
    id: string,
    step: number,
    at: (x: number, y: number) => readonly [label: number, doubt: number],
    how: 'told' | 'silently' = 'told',
  ): void {
    const image = this.image(id);
    const { width, height } = image;
    const classes = new Uint8Array(width * height);
    const uncertainty = new Uint8Array(width * height);
    for (let i = 0; i < classes.length; i++)
      [classes[i], uncertainty[i]] = at(i % width, Math.floor(i / width));
    image.prediction = { classes, uncertainty, step };
    if (how === 'told') this.emit('prediction', { step });
  }

  emit<E extends keyof StudioEvents>(event: E, data: StudioEvents[E]): void {
    for (const response of this.listeners)
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  private image(id: string): Held {
    const found = this.images.get(id);
    if (!found) throw new Refusal(404, 'not-found', `There is no image ${id}.`);
    return found;
  }

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cross-origin-embedder-policy', 'require-corp');
    response.setHeader('cross-origin-resource-policy', 'same-origin');
    try {
      if (pathname === '/api/events') this.listen(response);
      else if (pathname.startsWith('/api/')) {
        await this.answer(request, response, pathname.slice('/api/'.length), searchParams);
      } else await this.file(response, pathname === '/' ? '/index.html' : pathname);
    } catch (error) {
      const { status, code, message } =
        error instanceof Refusal ? error : new Refusal(500, 'internal', String(error));
      send(response, { error: { code, message } }, status);
    }
  }

  private listen(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': \n\n');
    this.listeners.add(response);
    response.on('close', () => this.listeners.delete(response));
  }

  private async file(response: ServerResponse, path: string): Promise<void> {
    const type = TYPES[extname(path)];
    const bytes =
      type !== undefined && !path.includes('..')
        ? await readFile(join(this.folder, path)).catch(() => undefined)
        : undefined;
    if (!bytes) throw new Refusal(404, 'not-found', path);
    response.writeHead(200, { 'content-type': type }).end(bytes);
  }

  private async answer(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
  ): Promise<void> {
    const route = `${request.method} ${path.replace(/^images\/[^/]+/, 'images/ID')}`;
    const id = decodeURIComponent(/^images\/([^/]+)/.exec(path)?.[1] ?? '');
    switch (route) {
      case 'GET first':
        return sendImage(response, [...this.images.values()][0]!, query);
      case 'GET project':
        await this.projectFrom;
        return send(response, {
          project: '/data/cells',
          classes: this.classes,
          images: [...this.images.values()].map(factsOf),
          training: this.training,
          trouble: this.trouble,
        } satisfies StudioProject);
      case 'POST classes': {
        const { classes } = (await bodyOf(request, 'json')) as { classes: ProjectClass[] };
        const used = Math.max(...[...this.images.values()].map(({ labels }) => highest(labels)));
        if (used >= classes.length) throw new Refusal(409, 'class-has-labels', 'The class has labels.');
        this.classes = classes;
        return send(response, { classes });
      }
      case 'GET images/ID':
        if (!query.has('level')) await this.imagesFrom;
        return sendImage(response, this.image(id), query);
      case 'GET images/ID/labels': {
        const image = this.image(id);
        response.setHeader('etag', etagOf(image));
        return sendMask(response, image, image.labels);
      }
      case 'PUT images/ID/labels': {
        const image = this.changeable(request, id);
        const { data } = await decodeMask((await bodyOf(request, 'bytes')) as Uint8Array);
        image.labels = Uint8Array.from(data);
        this.replaced++;
        return this.changed(request, response, image);
      }
      case 'POST images/ID/strokes': {
        const image = this.changeable(request, id);
        const stroke = (await bodyOf(request, 'json')) as Stroke;
        this.strokes.push(stroke);
        paintStroke(image.labels, image.width, image.height, stroke);
        return this.changed(request, response, image);
      }
      case 'GET images/ID/prediction': {
        const image = this.image(id);
        const { prediction } = image;
        if (!prediction) throw new Refusal(409, 'no-model', 'There is no prediction yet.');
        if (query.has('uncertainty')) await this.uncertaintyFrom;
        response.setHeader('x-model-step', prediction.step);
        return sendMask(
          response,
          image,
          query.has('uncertainty') ? prediction.uncertainty : prediction.classes,
        );
      }
      case 'POST images/ID/state': {
        const image = this.image(id);
        ({ done: image.done } = (await bodyOf(request, 'json')) as { done: boolean });
        return send(response, factsOf(image));
      }
      case 'GET training':
        return send(response, this.training);
      case 'POST export': {
        const { to } = (await bodyOf(request, 'json')) as { to: string };
        return send(response, { path: `/data/cells/${to === 'run' ? 'run' : 'model.onnx'}` });
      }
      default:
        throw new Refusal(404, 'not-found', route);
    }
  }

  private changeable(request: IncomingMessage, id: string): Held {
    if (this.failing === 'no answer') {
      request.socket.destroy();
      throw new Refusal(500, 'gone', 'gone');
    }
    if (this.failing === 'disk-full') throw new Refusal(507, 'disk-full', 'The disk is full.');
    const image = this.image(id);
    if (request.headers['if-match'] !== etagOf(image)) {
      throw new Refusal(412, 'changed', 'The labels have changed meanwhile.');
    }
    return image;
  }

  private changed(request: IncomingMessage, response: ServerResponse, image: Held): void {
    image.version++;
    const facts = factsOf(image);
    response.setHeader('etag', etagOf(image));
    send(response, facts);
    const by = request.headers['x-page'] as string;
    this.emit('image', { image: facts, by, etag: etagOf(image) });
  }
}

const etagOf = ({ version }: Held): string => `"${version}"`;

function highest(labels: Uint8Array): number {
  return labels.reduce((most, label) => (label !== IGNORE_INDEX && label > most ? label : most), -1);
}

function factsOf({ id, width, height, heldOut, labels, done, problem }: Held): ImageFacts {
  const labelledPixels = labels.reduce((count, label) => count + Number(label !== IGNORE_INDEX), 0);
  return {
    id,
    width,
    height,
    heldOut: heldOut ?? false,
    labelledPixels,
    state:
      problem !== undefined ? 'unusable' : done ? 'done' : labelledPixels > 0 ? 'labelled' : 'unlabelled',
    ...(problem !== undefined && { problem }),
  };
}

function sendImage(response: ServerResponse, image: MadeUpImage, query: URLSearchParams): void {
  const { reduced, window, width, height } = image;
  const headers = { 'content-type': 'image/png', 'x-size': `${width} ${height}` };
  const file = query.has('level') ? reduced : image.file;
  if (!window) {
    response.writeHead(200, headers).end(file);
    return;
  }
  const [low, high] = [query.get('low') ?? window.low, query.get('high') ?? window.high];
  response.writeHead(200, { ...headers, 'x-window': `${low} ${high}` }).end(file);
}

function send(response: ServerResponse, body: unknown, status = 200): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function sendMask(
  response: ServerResponse,
  { width, height }: MadeUpImage,
  data: Uint8Array,
): Promise<void> {
  const png = await encodeMask({ width, height, data }, { as: 'grey' });
  response.writeHead(200, { 'content-type': 'image/png' }).end(png);
}

async function bodyOf(request: IncomingMessage, as: 'json' | 'bytes'): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const bytes = Buffer.concat(parts);
  return as === 'json' ? JSON.parse(bytes.toString()) : new Uint8Array(bytes);
}
