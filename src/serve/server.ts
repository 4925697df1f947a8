/**
 * A local server around a model: the page, and an endpoint that segments images. It listens to this machine
 * alone unless told otherwise, holds bounded memory whatever is sent to it, and ends by finishing what it has
 * begun.
 */
import { createAdaptorServer } from '@hono/node-server';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { LoadOptions } from '../inference/index.js';
import { Segmenter } from '../inference/index.js';
import type { AnsweredRequest } from './app.js';
import { createApp } from './app.js';
import { Metrics } from './metrics.js';
import { Places } from './places.js';
import { StaticFiles } from './static-files.js';

export interface ServeOptions extends Pick<LoadOptions, 'device' | 'threads' | 'checkpoint'> {
  /** Default 8787; 0 takes any that is free. */
  readonly port?: number | undefined;
  /** Address to listen on; default `127.0.0.1`, which only this machine reaches. */
  readonly host?: string | undefined;
  /** Bytes of the largest body; default 32 MiB. */
  readonly maxBytes?: number | undefined;
  /** Pixels of the largest image, checked before it is decoded; default 2²⁵ (33.5 million). */
  readonly maxPixels?: number | undefined;
  /** Requests in the house at once, being received, waiting or at work; more get 503. Default 32. */
  readonly places?: number | undefined;
  /** Milliseconds that a body may take to come; default 30,000. */
  readonly uploadTimeout?: number | undefined;
  /** Milliseconds from the whole body to the mask, waiting included; default 60,000. */
  readonly workTimeout?: number | undefined;
  /** Milliseconds that an ending server gives to what it has begun; default 30,000. */
  readonly closeTimeout?: number | undefined;
  /** Called after each answer. */
  readonly onAnswer?: ((request: AnsweredRequest) => void) | undefined;
  /** Folders of the built page and of the built `pixelwise/browser`; default: the package's own. */
  readonly folders?: { readonly page: string; readonly browser: string } | undefined;
}

export interface RunningServer {
  /** `http://127.0.0.1:8787/`. */
  readonly url: string;
  readonly port: number;
  readonly segmenter: Segmenter;
  /** Ends it: nothing new is begun, what is at work is finished, then connections and model are closed. */
  close(): Promise<void>;
}

export const DEFAULT_PORT = 8787;
const DEFAULT_HOST = '127.0.0.1';

/** One is decoded or written while another is in the model. */
const AT_WORK = 2;

/** Milliseconds within which a request's head is here. Sockets that dribble are cut off. */
const HEAD_TIMEOUT = 10_000;

const PACKAGE_FOLDERS = {
  page: fileURLToPath(new URL('../page', import.meta.url)),
  browser: fileURLToPath(new URL('../browser', import.meta.url)),
};

/**
 * Loads a run or an exported file and serves it.
 *
 * @throws PixelwiseError where the model cannot be loaded or the port cannot be had; UsageError where options are off.
 */
export async function startServer(
  source: string | Uint8Array,
  options: ServeOptions = {},
): Promise<RunningServer> {
  const {
    port = DEFAULT_PORT,
    host = DEFAULT_HOST,
    maxBytes = 32 * 2 ** 20,
    maxPixels = 2 ** 25,
    uploadTimeout = 30_000,
    workTimeout = 60_000,
    closeTimeout = 30_000,
    folders = PACKAGE_FOLDERS,
    onAnswer = () => undefined,
  } = options;
  const inHouse = options.places ?? 32;
  for (const [what, value] of Object.entries({ maxBytes, maxPixels, places: inHouse })) {
    if (!(Number.isInteger(value) && value >= 1))
      throw new UsageError(`${what} is ${value}; it is a whole number from 1.`);
  }
  const files = await StaticFiles.list({ '/': folders.page, '/pixelwise/': folders.browser });
  const { device, threads, checkpoint } = options;
  const segmenter = await Segmenter.load(source, {
    ...(device && { device }),
    ...(threads !== undefined && { threads }),
    ...(checkpoint !== undefined && { checkpoint }),
  });
  let closing: Promise<void> | undefined;
  const places = new Places({ places: inHouse, atWork: AT_WORK, patience: workTimeout });
  const app = createApp({
    segmenter,
    name: typeof source === 'string' ? basename(resolve(source)) : 'model in memory',
    host,
    maxBytes,
    maxPixels,
    uploadTimeout,
    workTimeout,
    places,
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
      // Of a whole request: the body has its own, earlier one, which answers with a message.
      requestTimeout: HEAD_TIMEOUT + uploadTimeout,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
    },
  }) as Server;
  // Beyond the places there are the page's own few, and those that are told to come again.
  server.maxConnections = Math.max(256, 8 * inHouse);
  try {
    await listening(server, port, host);
  } catch (error) {
    await segmenter.close();
    throw error;
  }
  const { port: taken } = server.address() as AddressInfo;
  const end = async () => {
    const closed = new Promise<void>((done) => void server.close(() => done()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), closeTimeout);
    await closed;
    clearTimeout(timer);
    await segmenter.close();
  };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}/`,
    port: taken,
    segmenter,
    close: () => (closing ??= end()),
  };
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((done, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? 'another program listens there. Choose another --port; 0 takes one that is free'
          : cause.code === 'EACCES'
            ? 'that is not permitted. Choose a --port from 1024'
            : cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND'
              ? 'this machine has no such address. Choose another --host'
              : cause.message;
      reject(new PixelwiseError('listen', `Cannot listen on ${host}, port ${port}: ${why}.`, { cause }));
    });
    server.listen(port, host, done);
  });
}
