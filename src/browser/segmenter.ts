/**
 * Segments images in a web page with a trained model:
 *
 * ```ts
 * import { Segmenter } from 'pixelwise/browser';
 *
 * const segmenter = await Segmenter.load('/cells.onnx');
 * const { mask } = await segmenter.segment(document.querySelector('img'));
 * await segmenter.close();
 * ```
 *
 * All work, including decoding, runs in a worker, so the page never freezes.
 */
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import { inOrder } from '../inference/in-order.js';
import type { ModelCard } from '../inference/model-card.js';
import {
  type AskedOptions,
  checkSegmentOptions,
  type Segmentation,
  type SegmentationWith,
  type SegmentOptions,
} from '../inference/segmentation.js';
import { checkOptions, whole } from '../settings/index.js';
import type { DeviceChoice } from './device.js';
import type { FromWorker, LoadResult, ResultOf, SentError, ToWorker, WorkerRequest } from './messages.js';
import type { ImageSource } from './sources.js';
import { sentImage } from './sources.js';

export interface LoadOptions {
  /** Default `auto`: WebGPU if there is a GPU that runs the model, else WebAssembly. */
  readonly device?: DeviceChoice | undefined;
  /** WebAssembly threads; default one per core, at most 8. Always 1 if the page is not cross-origin isolated. */
  readonly threads?: number | undefined;
  /** What messages call the model; default: its address. */
  readonly name?: string | undefined;
  /**
   * Address of a folder with the files of `pixelwise/dist/browser`. Default: where the bundler put them or,
   * without a bundler, beside this module.
   */
  readonly assets?: string | URL | undefined;
  /** Called while the model is downloaded. `totalBytes` is absent if the server does not send the length. */
  readonly onProgress?: ((loadedBytes: number, totalBytes?: number) => void) | undefined;
  /** Aborting it stops loading, which then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

export interface SegmentManyOptions extends SegmentOptions {
  /** Number of images sent ahead; default 1. All are in memory. */
  readonly ahead?: number | undefined;
}

/** A model file: its address, its bytes, or a file of an `<input type="file">`. */
export type ModelSource = string | URL | Uint8Array | ArrayBuffer | Blob;

const LOAD_OPTIONS = {
  device: null,
  threads: whole(1),
  name: null,
  assets: null,
  onProgress: null,
  signal: null,
};

interface PendingRequest {
  readonly resolve: (result: ResultOf[keyof ResultOf]) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: LoadOptions['onProgress'];
}

export class Segmenter {
  private readonly pending = new Map<number, PendingRequest>();
  private next = 0;
  private ended: PixelwiseError | undefined;
  private description!: LoadResult;

  private constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const why = event.message ? ` (${event.message})` : '';
      this.end(
        new PixelwiseError(
          'worker',
          `The segmentation worker failed${why}. Its file is node_modules/pixelwise/dist/browser/worker.js: ` +
            'see docs/browser.md on how pages find it.',
        ),
      );
    };
    worker.onmessageerror = () =>
      this.end(
        new PixelwiseError('worker', 'A message from the worker could not be read. Load the model again.'),
      );
  }

  /**
   * Loads a model file written by `pixelwise export`, from its address, its bytes, or a file of an `<input
   * type="file">`.
   *
   * @throws PixelwiseError if the model or a file of the library is missing or damaged; UsageError for wrong
   *   options.
   */
  static async load(model: ModelSource, options: LoadOptions = {}): Promise<Segmenter> {
    checkOptions<LoadOptions>('Segmenter.load', LOAD_OPTIONS, options);
    const { device = 'auto', threads, onProgress, signal } = options;
    if (!['auto', 'webgpu', 'wasm'].includes(device)) {
      throw new UsageError(`The device is "${device}"; in a browser it is auto, webgpu or wasm.`);
    }
    signal?.throwIfAborted();
    const assets = options.assets === undefined ? undefined : folder(options.assets);
    // Bundlers recognise only the expression `new Worker(new URL('…', import.meta.url))`.
    const worker =
      assets === undefined
        ? new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'pixelwise' })
        : new Worker(new URL('worker.js', assets), { type: 'module', name: 'pixelwise' });
    const segmenter = new Segmenter(worker);
    try {
      segmenter.description = await segmenter.ask(
        { kind: 'load', model: transferableModel(model), name: options.name, device, threads, assets },
        [],
        signal,
        onProgress,
      );
    } catch (error) {
      await segmenter.close();
      throw error;
    }
    return segmenter;
  }

  /** The model's metadata: classes, palette, sizes, threshold, scores. */
  get card(): ModelCard {
    return this.description.card;
  }

  /** The device that runs the model. */
  get device(): 'webgpu' | 'wasm' {
    return this.description.device;
  }

  /** WebAssembly threads; 1 if the page is not cross-origin isolated. */
  get threads(): number {
    return this.description.threads;
  }

  /** Why `auto` did not choose WebGPU. */
  get withoutWebGpu(): string | undefined {
    return this.description.withoutWebGpu;
  }

  /** The input size, if the model accepts only one; else undefined. */
  get fixedSize(): { readonly height: number; readonly width: number } | undefined {
    return this.description.fixedSize;
  }

  /** Bytes of the model file. */
  get bytes(): number {
    return this.description.bytes;
  }

  /**
   * Segments an image at its own size. Calls are processed one after the other, in order. The source is read
   * during the call and stays usable.
   *
   * @throws PixelwiseError if the image cannot be decoded or does not fit the model; UsageError for wrong options.
   */
  async segment<P extends boolean = false, C extends boolean = false, O extends boolean = false>(
    source: ImageSource,
    options?: AskedOptions<P, C, O>,
  ): Promise<SegmentationWith<P, C, O>>;
  async segment(source: ImageSource, options: SegmentOptions = {}): Promise<Segmentation> {
    checkSegmentOptions(options);
    const { signal, ...rest } = options;
    signal?.throwIfAborted();
    const { image, transfer, file } = await sentImage(source, signal);
    const asked = { ...rest, name: options.name ?? file };
    const result = await this.ask({ kind: 'segment', image, options: asked }, transfer, signal);
    return { ...result, ...(file !== undefined && { file }) };
  }

  /**
   * Segments many images and yields the masks in order. An unreadable image ends the iteration with an error that names
   * it.
   */
  segmentMany(
    images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options: SegmentManyOptions = {},
  ): AsyncGenerator<Segmentation, void, undefined> {
    const { ahead = 1, ...rest } = options;
    return inOrder(images, ahead, (image) => this.segment(image, rest), options.signal);
  }

  /** Ends the worker and frees the model. Pending calls throw. */
  async close(): Promise<void> {
    this.end(new UsageError('The segmenter was closed; load the model again to segment more.'));
  }

  /** Calls {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private end(error: PixelwiseError): void {
    this.ended ??= error;
    this.worker.terminate();
    for (const { reject } of this.pending.values()) reject(this.ended);
    this.pending.clear();
  }

  private ask<Q extends WorkerRequest>(
    request: Q,
    transfer: readonly Transferable[],
    signal?: AbortSignal,
    onProgress?: LoadOptions['onProgress'],
  ): Promise<ResultOf[Q['kind']]> {
    if (this.ended) return Promise.reject(this.ended);
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const id = this.next++;
    return new Promise<ResultOf[keyof ResultOf]>((resolve, reject) => {
      const abort = () => {
        this.pending.delete(id);
        this.worker.postMessage({ id, request: { kind: 'abort' } } satisfies ToWorker);
        reject(signal!.reason as Error);
      };
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', abort);
          then(value);
        };
      this.pending.set(id, { resolve: settle(resolve), reject: settle(reject), onProgress });
      signal?.addEventListener('abort', abort, { once: true });
      this.worker.postMessage({ id, request } satisfies ToWorker, [...transfer]);
    }) as Promise<ResultOf[Q['kind']]>;
  }

  private receive(message: FromWorker): void {
    const pending = this.pending.get(message.id);
    if (!pending) return;
    if (message.kind === 'progress') {
      pending.onProgress?.(message.loaded, message.total);
      return;
    }
    this.pending.delete(message.id);
    if (message.kind === 'done') pending.resolve(message.result);
    else pending.reject(errorFrom(message.error));
  }
}

/** Rebuilds an error that the worker sent. */
function errorFrom({ name, message, code }: SentError): Error {
  if (code === 'usage') return new UsageError(message);
  if (code === 'shape') return new ShapeError(message);
  if (code !== undefined) return new PixelwiseError(code, message);
  return Object.assign(new Error(message), { name });
}

/** Resolves an address against the page, since the worker has another base address. */
function absolute(address: string | URL): string {
  return new URL(address, globalThis.document?.baseURI ?? globalThis.location.href).href;
}

function folder(address: string | URL): string {
  const whole = absolute(address);
  return whole.endsWith('/') ? whole : `${whole}/`;
}

function transferableModel(model: ModelSource): string | Uint8Array | Blob {
  if (typeof model === 'string' || model instanceof URL) return absolute(model);
  return model instanceof ArrayBuffer ? new Uint8Array(model) : model;
}
