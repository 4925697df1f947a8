/**
 * The worker of the studio page that runs without a server: trains the models of `pixelwise studio` with ONNX Runtime
 * Web. There are no pretrained weights, so fixed filters and a small U-Net replace the pretrained encoder.
 */
import type * as Ort from 'onnxruntime-common';
import { pixelsOf } from '../../src/browser/pixels.js';
import { maskLook } from '../../src/images/palette.js';
import { exportGraph } from '../../src/inference/export-graph.js';
import type { ModelCard } from '../../src/inference/model-card.js';
import { createModel } from '../../src/models/index.js';
import { encodeModel } from '../../src/onnx/index.js';
import { createWebRuntime } from '../../src/runtime/index.js';
import { answerRequest } from '../../src/studio/answer-requests.js';
import { LearnerEngine, type LearnerPlatform, type ShownModel } from '../../src/studio/learner-engine.js';
import type { Exported } from '../../src/studio/learning.js';
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
async function begin({ classes, files: given, runtime }: BeginRequest): Promise<void> {
  for (const [id, file] of given) files.set(id, file);
  try {
    const ort = await loadRuntime(runtime);
    engine = new LearnerEngine(classes, platform(ort), (event) =>
      scope.postMessage({ kind: 'event', event }),
    );
    scope.postMessage({ kind: 'ready' });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: 'ready', problem: `ONNX Runtime cannot be loaded from ${runtime}: ${reason}` });
  }
}

/** @param address URL of the folder of ONNX Runtime's files. */
async function loadRuntime(address: string): Promise<typeof Ort> {
  const at = (name: string) => new URL(name, address).href;
  const ort = (await import(/* @vite-ignore */ at('ort.wasm.bundle.min.mjs'))) as typeof Ort;
  const answer = await fetch(at('ort-wasm-simd-threaded.wasm'));
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  ort.env.wasm.wasmBinary = await answer.arrayBuffer();
  // Threads need cross-origin isolation: headers that a plain file server does not send.
  ort.env.wasm.numThreads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  ort.env.logLevel = 'error';
  return ort;
}

function platform(ort: typeof Ort): LearnerPlatform {
  return {
    openRuntime: () => Promise.resolve(createWebRuntime(ort, { device: 'wasm' })),
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
