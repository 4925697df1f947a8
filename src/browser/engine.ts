/**
 * Runs inside the worker: ONNX Runtime Web on the chosen device, and the same segmentation code as in Node. ONNX
 * Runtime's files are beside the worker and are imported by URL, so that a page downloads only the files for the
 * device that it uses, and bundlers copy them unchanged.
 */
import type * as Ort from 'onnxruntime-common';
import { PixelwiseError } from '../errors/index.js';
import { makePixels } from '../images/raster.js';
import { fetchModel } from '../inference/fetch-model.js';
import { RasterSegmenter } from '../inference/raster-segmenter.js';
import type { Segmentation } from '../inference/segmentation.js';
import type { OnnxModel } from '../onnx/index.js';
import { decodeModel } from '../onnx/index.js';
import { createWebRuntime } from '../runtime/index.js';
import type { ChosenDevice, DeviceChoice } from './device.js';
import { wasmThreads } from './device.js';
import type { LoadRequest, LoadResult, SegmentRequest } from './messages.js';
import { pixelsOf } from './pixels.js';
import { missingGpu } from './web-gpu.js';

/** Each URL is written out in full because bundlers recognise only the expression `new URL('…', import.meta.url)`. */
const ORT_FILES = {
  wasm: {
    module: () => new URL('./ort/ort.wasm.bundle.min.mjs', import.meta.url),
    binary: () => new URL('./ort/ort-wasm-simd-threaded.wasm', import.meta.url),
  },
  webgpu: {
    module: () => new URL('./ort/ort.webgpu.bundle.min.mjs', import.meta.url),
    binary: () => new URL('./ort/ort-wasm-simd-threaded.asyncify.wasm', import.meta.url),
  },
} as const;

/** The same files relative to the folder in the `assets` option. */
const ORT_NAMES = {
  wasm: { module: 'ort/ort.wasm.bundle.min.mjs', binary: 'ort/ort-wasm-simd-threaded.wasm' },
  webgpu: { module: 'ort/ort.webgpu.bundle.min.mjs', binary: 'ort/ort-wasm-simd-threaded.asyncify.wasm' },
} as const;

export class Engine {
  private constructor(
    private readonly segmenter: RasterSegmenter,
    readonly description: LoadResult,
  ) {}

  /** Downloads and initialises the model and ONNX Runtime. */
  static async load(
    request: LoadRequest,
    signal: AbortSignal,
    onProgress: (loaded: number, total: number | undefined) => void,
  ): Promise<Engine> {
    const { model: source, device, threads, assets } = request;
    const { bytes, name: address } = await fetchModel(source, signal, onProgress);
    const { name = address } = request;
    const model = decodeBytes(bytes, name);
    const { segmenter, chosen } = await openSegmenter(model, name, device, threads, assets);
    signal.throwIfAborted();
    const { card, fixedSize } = segmenter;
    return new Engine(segmenter, { ...chosen, card, fixedSize, bytes: bytes.length });
  }

  async segment({ image: sent, options }: SegmentRequest, signal: AbortSignal): Promise<Segmentation> {
    const { name = 'image' } = options;
    const started = performance.now();
    const image = await pixelsOf(sent, this.segmenter.card.channels, name);
    const decodeSeconds = sent.kind === 'raster' ? 0 : (performance.now() - started) / 1000;
    return { ...(await this.segmenter.segment(image, { ...options, signal }, name)), decodeSeconds };
  }
}

interface OpenedSegmenter {
  readonly segmenter: RasterSegmenter;
  readonly chosen: ChosenDevice;
}

async function openSegmenter(
  model: OnnxModel,
  name: string,
  device: DeviceChoice,
  threads: number | undefined,
  assets: string | undefined,
): Promise<OpenedSegmenter> {
  const open = async (on: 'webgpu' | 'wasm', withoutWebGpu?: string): Promise<OpenedSegmenter> => {
    const count = wasmThreads(threads, {
      crossOriginIsolated,
      hardwareConcurrency: navigator.hardwareConcurrency,
    });
    const ort = await importOrt(on, count, assets);
    const segmenter = new RasterSegmenter(model, createWebRuntime(ort, { device: on }), name);
    if (on === 'webgpu') await segmentBlank(segmenter);
    return { segmenter, chosen: { device: on, threads: count, withoutWebGpu } };
  };
  if (device === 'wasm') return open('wasm');
  const missing = await missingGpu(navigator);
  if (device === 'webgpu') {
    // A software adapter is slow but works, and the caller asked for WebGPU.
    if (missing && !missing.software) {
      throw new PixelwiseError(
        'device',
        `WebGPU cannot be used: ${missing.why}. Use the device "auto" or "wasm".`,
      );
    }
    return open('webgpu');
  }
  if (missing) return open('wasm', missing.why);
  try {
    return await open('webgpu');
  } catch (error) {
    return open(
      'wasm',
      `WebGPU cannot run this model (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}

/** Segments one blank image to compile the shaders and to check that the GPU can run the model. */
async function segmentBlank(segmenter: RasterSegmenter): Promise<void> {
  const { height, width } = segmenter.fixedSize ?? segmenter.card;
  const { channels, maxValue } = segmenter.card;
  const values = height * width * channels;
  const data = makePixels(maxValue, values);
  await segmenter.segment({ width, height, channels, data }, {}, 'a blank image');
}

async function importOrt(
  device: 'webgpu' | 'wasm',
  threads: number,
  assets: string | undefined,
): Promise<typeof Ort> {
  const names = ORT_NAMES[device];
  const files = ORT_FILES[device];
  const address = (file: 'module' | 'binary') =>
    assets === undefined ? files[file]().href : new URL(names[file], assets).href;
  let ort: typeof Ort;
  try {
    ort = (await import(/* @vite-ignore */ /* webpackIgnore: true */ address('module'))) as typeof Ort;
  } catch (cause) {
    throw new PixelwiseError(
      'assets',
      `${address('module')} cannot be loaded. ONNX Runtime's files are in node_modules/pixelwise/dist/browser: ` +
        'serve that folder and pass its address as `assets` (see docs/browser.md).',
      { cause },
    );
  }
  ort.env.wasm.wasmPaths = { wasm: address('binary') };
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return ort;
}

function decodeBytes(bytes: Uint8Array, name: string): OnnxModel {
  try {
    return decodeModel(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PixelwiseError('model-file', `${name} is not a readable ONNX model (${why}).`, { cause });
  }
}
