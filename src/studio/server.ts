/** The studio: a local server on a folder of images, its page, and the learner. */
import { createAdaptorServer } from '@hono/node-server';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Guard, isLoopback, newToken } from '../serve/guard.js';
import type { HttpError } from '../serve/http-error.js';
import { listening } from '../serve/listening.js';
import { StaticFiles } from '../serve/static-files.js';
import { createStudioApp } from './app.js';
import { LearnerThread } from './learner-thread.js';
import type { StudioLearner } from './learning.js';
import type { EngineOptions } from './node-platform.js';
import { Pictures } from './picture-thread.js';
import { Project } from './project.js';
import { learnFromStored } from './stored-labels.js';
import { COMPILED } from '../runtime/node-thread.js';

export interface StudioOptions extends Pick<EngineOptions, 'device' | 'threads' | 'init' | 'encoderWeights'> {
  /** Default 8788; 0 chooses a free port. */
  readonly port?: number | undefined;
  /** Address to listen on; default `127.0.0.1`, which only this machine can reach. */
  readonly host?: string | undefined;
  /** Host names by which clients may address the server, besides its own. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** The token that requests must have; false for none. Default: as for `startServer`. */
  readonly token?: string | false | undefined;
  /** Receives messages for the user. */
  readonly onNote?: ((message: string) => void) | undefined;
  /** Receives errors that requests met. */
  readonly onError?: ((error: HttpError, path: string) => void) | undefined;
  /** The folder of the built page; default: the package's own. */
  readonly page?: string | undefined;
  /** Makes the learner; default: one in a thread of its own. */
  readonly learner?: ((options: EngineOptions) => StudioLearner) | undefined;
}

export interface RunningStudio {
  /** `http://127.0.0.1:8788/`. */
  readonly url: string;
  readonly port: number;
  readonly token: string | undefined;
  /** Absolute path of the folder. */
  readonly project: string;
  /** Saves everything and ends. */
  close(): Promise<void>;
}

export const DEFAULT_STUDIO_PORT = 8788;

const PAGE = fileURLToPath(new URL('../studio-page', import.meta.url));

/**
 * Opens a folder of images in the studio.
 *
 * @throws PixelwiseError if the folder cannot be opened or is open already, or the port cannot be opened.
 */
export async function startStudio(folder: string, options: StudioOptions = {}): Promise<RunningStudio> {
  const { port = DEFAULT_STUDIO_PORT, host = '127.0.0.1', onNote, onError = () => undefined } = options;
  const files = await StaticFiles.list({ '/': options.page ?? PAGE });
  const project = await Project.open(folder, onNote);
  let learner: StudioLearner | undefined;
  let app: ReturnType<typeof createStudioApp> | undefined;
  let closing: Promise<void> | undefined;
  const pictures = new Pictures();
  // The end cuts off requests that wait for the learner: no error to report.
  const report: typeof onError = (error, path) => closing ?? onError(error, path);
  try {
    if (options.init !== undefined && project.classes.length === 0) {
      const { readRunConfig, RunFolder } = await import('../training/index.js');
      const { classes } = await readRunConfig(new RunFolder(options.init));
      await project.setClasses(classes.map((name) => ({ name })));
    }
    const { device, threads, init, encoderWeights } = options;
    const names = project.classes.map(({ name }) => name);
    const engine = { root: project.root, classes: names, device, threads, init, encoderWeights };
    learner = options.learner?.(engine) ?? (await startLearner(engine));
    const chosen = options.token ?? (isLoopback(host) ? false : newToken());
    const token = chosen === false ? undefined : chosen;
    const guard = new Guard({ host, allowedHosts: options.allowedHosts, token });
    app = createStudioApp({ project, learner, pictures, guard, files, onError: report });
    // What makes this fail is said when the page asks for the image.
    app.prepareFirst().catch(() => undefined);
    const server = createAdaptorServer({ fetch: app.app.fetch, overrideGlobalObjects: false }) as Server;
    await listening(server, port, host);
    void wait(LEARN_DELAY, undefined, { ref: false }).then(() => learnFromStored(project, learner!));
    const { port: open } = server.address() as AddressInfo;
    const shown = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? 'localhost' : host;
    const end = async (): Promise<void> => {
      app!.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await learner!.close();
      await pictures.close();
      await project.close();
    };
    return {
      url: `http://${shown}:${open}/`,
      port: open,
      token,
      project: project.root,
      close: () => (closing ??= end()),
    };
  } catch (error) {
    app?.close();
    await learner?.close();
    await pictures.close();
    await project.close();
    throw error;
  }
}

/** The learner in a thread of its own; without compiled files (in tests) in this one. */
async function startLearner(options: EngineOptions): Promise<StudioLearner> {
  if (COMPILED) return new LearnerThread(options);
  const { InlineLearner } = await import('./inline-learner.js');
  return new InlineLearner(options);
}

/** Milliseconds until learning from stored labels begins: first, the page opens an image. */
const LEARN_DELAY = 2000;
