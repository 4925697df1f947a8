/**
 * The worker of the studio page that runs without a server: trains the models of `pixelwise studio` with ONNX Runtime
 * Web, on a graphics processor where there is one. There are no pretrained weights, so fixed filters and a small U-Net
 * replace the pretrained encoder.
 */
import type * as Ort from 'onnxruntime-common';
import type { DeviceChoice } from '../../src/browser/device.js';
import { pixelsOf } from '../../src/browser/pixels.js';
import { missingGpu } from '../../src/browser/web-gpu.js';
import { defaultNormalization } from '../../src/data/normalization.js';
import { maskLook } from '../../src/images/palette.js';
import { exportGraph } from '../../src/inference/export-graph.js';
import type { ModelCard } from '../../src/inference/model-card.js';
import { createModel } from '../../src/models/index.js';
import { encodeModel } from '../../src/onnx/index.js';
import { createWebRuntime, type Runtime } from '../../src/runtime/index.js';
import { answerRequest } from '../../src/studio/answer-requests.js';
import {
  LearnerEngine,
  type LearnerPlatform,
  networkFor,
  type ShownModel,
} from '../../src/studio/learner-engine.js';
import type { Exported } from '../../src/studio/learning.js';
import { NetworkLearner } from '../../src/studio/network-learner.js';
import type { BeginRequest, PageLearnerReply, PageLearnerRequest } from './page-learner.js';

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<PageLearnerRequest>) => void) | null;
  postMessage(reply: PageLearnerReply, transfer?: Transferable[]): void;
};

const files = new Map<string, Blob>();
let engine: LearnerEngine | undefined;

scope.onmessage = ({ data: request }) => {
  if (request.kind === 'begin') void begin(request);
  else {
    const reply = (message: PageLearnerReply, transfer: ArrayBuffer[]) =>
      scope.postMessage(message, transfer);
    void answerRequest(engine!, request, reply, () => self.close());
  }
};

/** Loads all of ONNX Runtime in advance, so that the page works offline afterwards. */
async function begin({ classes, files: given, assets, device }: BeginRequest): Promise<void> {
  for (const [id, file] of given) files.set(id, file);
  try {
    const runtime = await openRuntime(assets, device);
    engine = new LearnerEngine(classes, platform(runtime), (event) =>
      scope.postMessage({ kind: 'event', event }),
    );
    scope.postMessage({ kind: 'ready', device: runtime.device });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: 'ready', problem: `ONNX Runtime cannot be loaded from ${assets}: ${reason}` });
  }
}

/** ONNX Runtime's files, by device. */
const FILES = {
  wasm: { module: 'ort.wasm.bundle.min.mjs', binary: 'ort-wasm-simd-threaded.wasm' },
  webgpu: { module: 'ort.webgpu.bundle.min.mjs', binary: 'ort-wasm-simd-threaded.asyncify.wasm' },
} as const;

/** WebGPU where there is a graphics processor that can train, or where it is asked for; else WebAssembly. */
async function openRuntime(assets: string, device: DeviceChoice): Promise<Runtime> {
  if (device === 'webgpu') return loadRuntime(assets, 'webgpu');
  if (device === 'auto' && !(await missingGpu(navigator))) {
    const runtime = await loadRuntime(assets, 'webgpu');
    if (await canTrain(runtime)) return runtime;
    await runtime.close();
  }
  return loadRuntime(assets, 'wasm');
}

/** @param assets URL of the folder of ONNX Runtime's files. */
async function loadRuntime(assets: string, device: 'webgpu' | 'wasm'): Promise<Runtime> {
  const { module, binary } = FILES[device];
  const at = (name: string) => new URL(name, assets).href;
  const ort = (await import(/* @vite-ignore */ at(module))) as typeof Ort;
  const answer = await fetch(at(binary));
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  ort.env.wasm.wasmBinary = await answer.arrayBuffer();
  // Threads need cross-origin isolation: headers that a plain file server does not send.
  ort.env.wasm.numThreads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  ort.env.logLevel = 'error';
  return createWebRuntime(ort, { device });
}

/** Makes a step of the network on a small image. Drivers may lack what it needs. */
async function canTrain(runtime: Runtime): Promise<boolean> {
  const side = 64;
  const image = Float32Array.from({ length: 3 * side * side }, (_, i) => (i % 7) / 7);
  const labels = Uint8Array.from({ length: side * side }, (_, i) => i % 2);
  const input = { channels: 3, height: side, width: side, normalization: defaultNormalization(3) };
  const network = NetworkLearner.create({
    input,
    classes: 2,
    runtime,
    model: networkFor(false),
    initial: [],
  });
  try {
    await network.learn([{ image, labels, changed: 1 }]);
    return (await network.predict(image)).data.every(Number.isFinite);
  } catch {
    return false;
  } finally {
    await network.close().catch(() => undefined);
  }
}

function platform(runtime: Runtime): LearnerPlatform {
  return {
    eager: false,
    openRuntime: () => Promise.resolve(runtime),
    decode: (file, channels = 3) => pixelsOf({ kind: 'file', blob: files.get(file)! }, channels, file),
    encoder: () => Promise.resolve(undefined),
    start: () => Promise.resolve(undefined),
    export: (shown) => Promise.resolve(exportOnnx(shown)),
  };
}

function exportOnnx({ model, classes, input, weights }: ShownModel): Exported {
  const { channels, height, width, normalization } = input;
  const options = { ...model.options, channels, classes: classes.length };
  const card: ModelCard = {
    model: { name: model.name, options },
    classes,
    channels,
    maxValue: 255,
    height,
    width,
    normalization,
    palette: [...maskLook({ classes }).ofClasses],
  };
  const bytes = encodeModel(exportGraph(createModel(model.name, options), weights, card));
  const path = 'pixelwise-studio.onnx';
  scope.postMessage({ kind: 'download', name: path, file: new Blob([bytes as Uint8Array<ArrayBuffer>]) });
  return { to: 'onnx', path };
}
