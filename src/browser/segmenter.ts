/**
 * A trained model in a page:
 *
 * ```ts
 * import { Segmenter } from 'pixelwise/browser';
 *
 * const segmenter = await Segmenter.load('/cells.onnx');
 * const { mask } = await segmenter.segment(document.querySelector('img'));
 * segmenter.close();
 * ```
 *
 * All work is done in a worker, decoding included, so the page never freezes.
 */
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import type { ClassMask } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import type { ModelCard } from '../inference/model-card.js';
import type { DeviceChoice } from './device.js';
import type { AnswerOf, FromWorker, LoadAnswer, Question, SentError, ToWorker } from './messages.js';
import type { ImageSource } from './sources.js';
import { sentImage } from './sources.js';

export interface LoadOptions {
  /** Default `auto`: WebGPU where there is a graphics processor that runs the model, else WebAssembly. */
  readonly device?: DeviceChoice;
  /** Threads of WebAssembly; default one a core, at most 8. A page that is not cross-origin isolated has 1. */
  readonly threads?: number;
  /**
   * Address of a folder with the files of `pixelwise/dist/browser`, ending in a slash. Default: where the
   * bundler put them, or, without one, beside this module.
   */
  readonly assets?: string | URL;
  /** Called while the model is fetched. `total` is absent where the server does not say. */
  readonly onProgress?: (loadedBytes: number, totalBytes?: number) => void;
  /** Once aborted, loading ends and throws `signal.reason`. */
  readonly signal?: AbortSignal;
}

export interface SegmentOptions {
  /** Whether probabilities are wanted too: 4 bytes for each pixel and class. Default false. */
  readonly probabilities?: boolean;
  /** Whether each pixel's probability of the class it was given is wanted. Default false. */
  readonly confidence?: boolean;
  /** Two classes only: from which probability on a pixel is of class 1, 0 … 1. Default: the model's own. */
  readonly threshold?: number;
  /** Models of one channel: takes the luminance of colour images instead of refusing them. Default false. */
  readonly luminance?: boolean;
  /** Once aborted, the call throws `signal.reason`; a run that has begun ends unheard. */
  readonly signal?: AbortSignal;
  /** What messages call the image; default a file's name. */
  readonly name?: string;
}

/** The mask of one image. */
export interface Segmentation {
  /** Class of every pixel, at the size of the image. */
  readonly mask: ClassMask;
  /** Probability of every class, K×H×W at the size of the image; where asked for. */
  readonly probabilities?: Planes;
  /** Probability, 0 … 1, of the class in the mask, H×W; where asked for. */
  readonly confidence?: Float32Array;
  readonly width: number;
  readonly height: number;
  /** From pixels to mask: resizing, model and resizing back. */
  readonly seconds: number;
  /** From the file or picture to pixels. */
  readonly decodeSeconds: number;
}

interface Waiting {
  readonly resolve: (answer: AnswerOf[keyof AnswerOf]) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: LoadOptions['onProgress'];
}

export class Segmenter {
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;
  private ended: PixelwiseError | undefined;
  private description!: LoadAnswer;

  private constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const why = event.message ? ` (${event.message})` : '';
      this.end(
        new PixelwiseError(
          'worker',
          `The worker that segments cannot go on${why}. Its file is node_modules/pixelwise/dist/browser/worker.js: ` +
            'see docs/browser.md on how pages find it.',
        ),
      );
    };
    worker.onmessageerror = () =>
      this.end(
        new PixelwiseError('worker', 'A message of the worker could not be read. Load the model again.'),
      );
  }

  /**
   * Opens a file that `pixelwise export` wrote: by its address, or as bytes or a file from an
   * `<input type="file">`.
   *
   * @throws PixelwiseError naming what is missing or damaged; UsageError where options are off.
   */
  static async load(
    model: string | URL | Uint8Array | ArrayBuffer | Blob,
    options: LoadOptions = {},
  ): Promise<Segmenter> {
    const { device = 'auto', threads, onProgress, signal } = options;
    if (!['auto', 'webgpu', 'wasm'].includes(device)) {
      throw new UsageError(`The device is "${device}"; in a browser it is auto, webgpu or wasm.`);
    }
    if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
      throw new UsageError(`Threads: ${threads}; a whole number from 1 is needed.`);
    }
    signal?.throwIfAborted();
    const assets = options.assets === undefined ? undefined : folder(options.assets);
    // Bundlers look for just this expression.
    const worker =
      assets === undefined
        ? new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'pixelwise' })
        : new Worker(new URL('worker.js', assets), { type: 'module', name: 'pixelwise' });
    const segmenter = new Segmenter(worker);
    try {
      segmenter.description = await segmenter.ask(
        { kind: 'load', model: sentModel(model), device, threads, assets },
        [],
        signal,
        onProgress,
      );
    } catch (error) {
      segmenter.close();
      throw error;
    }
    return segmenter;
  }

  /** What the file says about itself: classes, palette, sizes, threshold, scores. */
  get card(): ModelCard {
    return this.description.card;
  }

  /** What computes. */
  get device(): 'webgpu' | 'wasm' {
    return this.description.device;
  }

  /** Threads of WebAssembly; 1 where the page is not cross-origin isolated. */
  get threads(): number {
    return this.description.threads;
  }

  /** Why the device `auto` did not take WebGPU. */
  get withoutWebGpu(): string | undefined {
    return this.description.withoutWebGpu;
  }

  /** The one size of image that the file takes; undefined where it takes any. */
  get fixedSize(): { readonly height: number; readonly width: number } | undefined {
    return this.description.fixedSize;
  }

  /** Bytes of the model file. */
  get bytes(): number {
    return this.description.bytes;
  }

  /**
   * The mask of an image, at the image's size. Images are segmented one after the other, in the order of the
   * calls. The source is read when the call is made, and stays usable.
   *
   * @throws PixelwiseError where the image cannot be decoded or does not suit the model.
   */
  async segment(source: ImageSource, options: SegmentOptions = {}): Promise<Segmentation> {
    const { probabilities = false, confidence = false, luminance = false, threshold, signal } = options;
    signal?.throwIfAborted();
    const { image, transfer } = await sentImage(source);
    const name = options.name ?? (source instanceof File ? source.name : undefined);
    const answer = await this.ask(
      { kind: 'segment', image, name, probabilities, confidence, luminance, threshold },
      transfer,
      signal,
    );
    const { width, height, seconds, decodeSeconds } = answer;
    return {
      mask: { width, height, data: answer.mask },
      ...(answer.probabilities && {
        probabilities: { width, height, channels: this.card.classes.length, data: answer.probabilities },
      }),
      ...(answer.confidence && { confidence: answer.confidence }),
      width,
      height,
      seconds,
      decodeSeconds,
    };
  }

  /** Ends the worker and frees the model. Calls that still wait throw. */
  close(): void {
    this.end(new UsageError('The segmenter was closed; load the model again to segment more.'));
  }

  private end(error: PixelwiseError): void {
    this.ended ??= error;
    this.worker.terminate();
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }

  private ask<Q extends Question>(
    question: Q,
    transfer: readonly Transferable[],
    signal?: AbortSignal,
    onProgress?: LoadOptions['onProgress'],
  ): Promise<AnswerOf[Q['kind']]> {
    if (this.ended) return Promise.reject(this.ended);
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const id = this.next++;
    return new Promise<AnswerOf[keyof AnswerOf]>((resolve, reject) => {
      const abort = () => {
        this.waiting.delete(id);
        this.worker.postMessage({ id, question: { kind: 'abort' } } satisfies ToWorker);
        reject(signal!.reason as Error);
      };
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', abort);
          then(value);
        };
      this.waiting.set(id, { resolve: settle(resolve), reject: settle(reject), onProgress });
      signal?.addEventListener('abort', abort, { once: true });
      this.worker.postMessage({ id, question } satisfies ToWorker, [...transfer]);
    }) as Promise<AnswerOf[Q['kind']]>;
  }

  private hear(message: FromWorker): void {
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    if (message.kind === 'progress') {
      waiting.onProgress?.(message.loaded, message.total);
      return;
    }
    this.waiting.delete(message.id);
    if (message.kind === 'done') waiting.resolve(message.answer);
    else waiting.reject(restored(message.error));
  }
}

/** An error as it was before it crossed over. */
function restored({ name, message, code }: SentError): Error {
  if (code === 'usage') return new UsageError(message);
  if (code === 'shape') return new ShapeError(message);
  if (code !== undefined) return new PixelwiseError(code, message);
  return Object.assign(new Error(message), { name });
}

/** An address as the page understands it; the worker stands elsewhere. */
function absolute(address: string | URL): string {
  return new URL(address, globalThis.document?.baseURI ?? globalThis.location.href).href;
}

function folder(address: string | URL): string {
  const whole = absolute(address);
  return whole.endsWith('/') ? whole : `${whole}/`;
}

function sentModel(model: string | URL | Uint8Array | ArrayBuffer | Blob): string | Uint8Array | Blob {
  if (typeof model === 'string' || model instanceof URL) return absolute(model);
  return model instanceof ArrayBuffer ? new Uint8Array(model) : model;
}
