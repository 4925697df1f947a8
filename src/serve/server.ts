/**
 * A local server for a model: a page, and an endpoint that segments images. By default only this machine can reach
 * it. Its memory is bounded whatever clients send, and on shutdown it finishes the requests it has started.
 */
import { createAdaptorServer } from '@hono/node-server';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../errors/index.js';
import type { LoadOptions } from '../inference/index.js';
import { Segmenter } from '../inference/index.js';
import type { AnsweredRequest } from './app.js';
import { createApp } from './app.js';
import { limitConnections } from './connections.js';
import { CONCURRENCY, DEFAULT_LIMITS } from './handler.js';
import { Guard, isLoopback, newToken } from './guard.js';
import { Metrics } from './metrics.js';
import { AdmissionQueue } from './admission-queue.js';
import { imageAnswers } from './image-thread.js';
import { listening } from './listening.js';
import { StaticFiles } from './static-files.js';

export interface ServeOptions extends Pick<LoadOptions, 'device' | 'threads' | 'checkpoint'> {
  /** Default 8787; 0 chooses a free port. */
  readonly port?: number | undefined;
  /** Address to listen on; default `127.0.0.1`, which only this machine can reach. */
  readonly host?: string | undefined;
  /**
   * Host names by which clients may address the server, besides its addresses and the machine's name. Others get 403,
   * since a page of another site could make its own name resolve to this machine.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /**
   * The token that requests must have, except for `/health`; false for none. Default: none if only this machine can
   * reach the server, else a new one.
   */
  readonly token?: string | false | undefined;
  /** Largest request body in bytes; default 32 MiB. */
  readonly maxBytes?: number | undefined;
  /** Largest image in pixels, checked before decoding; default 2²⁵ (33.5 million). */
  readonly maxPixels?: number | undefined;
  /** Most requests admitted at once: being received, waiting or running. Others get 503. Default 32. */
  readonly places?: number | undefined;
  /** Milliseconds that a body may take to arrive; default 30,000. */
  readonly uploadTimeout?: number | undefined;
  /** Milliseconds from the complete body to the mask, including the wait; default 60,000. */
  readonly workTimeout?: number | undefined;
  /** Milliseconds that running requests get to finish on shutdown; default 30,000. */
  readonly closeTimeout?: number | undefined;
  /** Called after each response. */
  readonly onAnswer?: ((request: AnsweredRequest) => void) | undefined;
  /** Folders of the built page and of the built `pixelwise/browser`; default: the package's own. */
  readonly folders?: { readonly page: string; readonly browser: string } | undefined;
}

export interface RunningServer {
  /** `http://127.0.0.1:8787/`. */
  readonly url: string;
  readonly port: number;
  /** The token that requests must have: `Authorization: Bearer TOKEN`, or `?token=TOKEN`. */
  readonly token: string | undefined;
  readonly segmenter: Segmenter;
  /** Shuts down: starts nothing new, finishes running requests, then closes connections and the model. */
  close(): Promise<void>;
}

export const DEFAULT_PORT = 8787;
const DEFAULT_HOST = '127.0.0.1';

/** Milliseconds for a request's headers to arrive. Slower connections are closed. */
const HEAD_TIMEOUT = 10_000;

/** Milliseconds before the rate of a client that reads its response is checked, and the slowest in bytes a second. */
const READ_GRACE = 10_000;
const SLOWEST_READER = 4096;

const PACKAGE_FOLDERS = {
  page: fileURLToPath(new URL('../page', import.meta.url)),
  browser: fileURLToPath(new URL('../browser', import.meta.url)),
};

/**
 * Loads a run or an exported file and serves it.
 *
 * @throws PixelwiseError if the model cannot be loaded or the port cannot be opened; UsageError for invalid options.
 */
export async function startServer(
  source: string | Uint8Array,
  options: ServeOptions = {},
): Promise<RunningServer> {
  const {
    port = DEFAULT_PORT,
    host = DEFAULT_HOST,
    maxBytes = DEFAULT_LIMITS.maxBytes,
    maxPixels = DEFAULT_LIMITS.maxPixels,
    uploadTimeout = DEFAULT_LIMITS.uploadTimeout,
    workTimeout = DEFAULT_LIMITS.workTimeout,
    closeTimeout = 30_000,
    folders = PACKAGE_FOLDERS,
    onAnswer = () => undefined,
  } = options;
  const capacity = options.places ?? DEFAULT_LIMITS.places;
  for (const [what, value] of Object.entries({ maxBytes, maxPixels, places: capacity })) {
    if (!(Number.isInteger(value) && value >= 1))
      throw new UsageError(`${what} is ${value}; it must be an integer of at least 1.`);
  }
  const files = await StaticFiles.list({ '/': folders.page, '/pixelwise/': folders.browser });
  const { device, threads, checkpoint } = options;
  // Messages go to clients, which must not learn where the model lies.
  const name = typeof source === 'string' ? basename(resolve(source)) : 'model in memory';
  const segmenter = await Segmenter.load(source, {
    name,
    ...(device && { device }),
    ...(threads !== undefined && { threads }),
    ...(checkpoint !== undefined && { checkpoint }),
  });
  let closing: Promise<void> | undefined;
  const chosen = options.token ?? (isLoopback(host) ? false : newToken());
  const token = chosen === false ? undefined : chosen;
  const queue = new AdmissionQueue({ capacity, concurrency: CONCURRENCY, timeout: workTimeout });
  const model = segmenter.toBytes() as Uint8Array<ArrayBuffer>;
  const images = imageAnswers(segmenter, {
    bytes: model,
    name,
    ...(device && { device }),
    ...(threads !== undefined && { threads }),
  });
  const app = createApp({
    segmenter,
    model,
    images,
    name,
    guard: new Guard({ host, allowedHosts: options.allowedHosts, token }),
    maxBytes,
    maxPixels,
    uploadTimeout,
    workTimeout,
    queue,
    metrics: new Metrics(),
    files,
    onAnswer,
    closing: () => closing !== undefined,
  });
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: HEAD_TIMEOUT,
      // For the whole request. The body has a shorter timeout of its own, which answers with a message.
      requestTimeout: HEAD_TIMEOUT + uploadTimeout,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
    },
  }) as Server;
  // Room, beyond the admitted requests, for the page's own and for those that get 503.
  const most = Math.max(256, 8 * capacity);
  limitConnections(server, { most, mostPerAddress: most / 2, grace: READ_GRACE, slowest: SLOWEST_READER });
  try {
    await images.ready();
    await listening(server, port, host);
  } catch (error) {
    await Promise.all([images.close(), segmenter.close()]);
    throw error;
  }
  const { port: taken } = server.address() as AddressInfo;
  const end = async () => {
    const closed = new Promise<void>((done) => void server.close(() => done()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), closeTimeout);
    await closed;
    clearTimeout(timer);
    await Promise.all([images.close(), segmenter.close()]);
  };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}/`,
    port: taken,
    token,
    segmenter,
    close: () => (closing ??= end()),
  };
}
