/**
 * A run folder needs none of the code that made it: a model of one's own is trained here, and used in a process
 * that does not have its class.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Loader, stretch } from '../../src/data/index.js';
import type { Tensor } from '../../src/graph/index.js';
import { add, relu } from '../../src/graph/index.js';
import { evaluate, exportGraph, loadRun, Segmenter } from '../../src/inference/index.js';
import { BatchNorm2d, Conv2d, crossEntropy, Module } from '../../src/nn/index.js';
import { encodeModel } from '../../src/onnx/index.js';
import { Adam } from '../../src/optim/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import {
  checkpoints,
  fit,
  Learner,
  modelOfRun,
  RunFolder,
  weightAveraging,
} from '../../src/training/index.js';
import { temporaryFolder } from '../support/made-data.js';
import { memoryDataset } from './memory-dataset.js';
import { testImage, tinyCard, tinyUNet } from './tiny-model.js';
import { tinyConfig, writeTinyRun } from './tiny-run.js';

/** No model of the registry: a residual block with batch norm. */
class Residual extends Module {
  readonly enter = new Conv2d(3, 6, 3, { padding: 1 });
  readonly norm = new BatchNorm2d(6);
  readonly inner = new Conv2d(6, 6, 3, { padding: 1, bias: false });
  readonly innerNorm = new BatchNorm2d(6);
  readonly head = new Conv2d(6, 3, 1);

  forward(image: Tensor): Tensor {
    const x = relu(this.norm.forward(this.enter.forward(image)));
    return this.head.forward(add(x, relu(this.innerNorm.forward(this.inner.forward(x)))));
  }
}

/** The thread that sessions run in, which is a file of its own. */
const WORKERS = ['runtime/node-worker', 'serve/image-worker'].map(
  (name) => new URL(`../../src/${name}.ts`, import.meta.url),
);

const card = tinyCard(3, { model: { name: 'Residual', options: {} } });
const image = testImage(61, 47);
const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

let runtime: Runtime;
let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let run: string;
let learner: Learner;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
  temporary = await temporaryFolder();
  run = join(temporary.path, 'run');
  const folder = new RunFolder(run);
  await folder.create();
  await folder.writeConfig(tinyConfig(card));
  learner = new Learner({
    model: new Residual(),
    loss: crossEntropy(),
    optimizer: (parameters) => new Adam(parameters, { lr: 1e-2 }),
    runtime,
    seed: 1,
  });
  const dataset = memoryDataset(
    card.classes,
    Array.from({ length: 5 }, () => [40, 30] as const),
  );
  const train = new Loader({ dataset, batchSize: 2, fit: stretch(32), normalization: card.normalization });
  const callbacks = [weightAveraging({ decay: 0.5 }), checkpoints({ folder, monitor: undefined })];
  await fit({ learner, train, classNames: card.classes, epochs: 3, callbacks });
});
afterAll(async () => {
  await learner.close();
  await runtime.close();
  await temporary.remove();
});

describe('a run of a model that the registry does not have', () => {
  it('predicts, scores, exports and serves in a process without its class', async () => {
    const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));
    const built = join(cache, `use-run-${process.pid}`);
    const out = join(temporary.path, 'out');
    await mkdir(out);
    await build({
      entryPoints: [new URL('use-run-child.ts', import.meta.url), ...WORKERS].map((url) =>
        fileURLToPath(url),
      ),
      outdir: built,
      entryNames: '[name]',
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      logLevel: 'error',
    });
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [
        join(built, 'use-run-child.js'),
        run,
        out,
      ]);
      // The learner holds the averaged weights, as the checkpoint does.
      const segmenter = await Segmenter.fromLearner(learner, card);
      const expected = hash((await segmenter.segment(image)).mask.data);
      const data = memoryDataset(card.classes, [
        [40, 30],
        [32, 32],
      ]);
      const { meanIoU } = await evaluate(segmenter, data);
      await segmenter.close();
      expect(meanIoU).toBeGreaterThan(0.4);
      expect(JSON.parse(stdout)).toEqual({
        meanIoU,
        reduced: { float16: expect.closeTo(meanIoU!, 1), int8: expect.closeTo(meanIoU!, 1) },
        served: 200,
        masks: { run: expected, float32: expected, fixed: expected },
      });
    } finally {
      await rm(built, { recursive: true, force: true });
    }
  });

  it('has a checkpoint that ONNX Runtime opens as it is, and that holds the weights once', async () => {
    const checkpoint = join(run, 'checkpoints', '3');
    const session = await InferenceSession.create(join(checkpoint, 'model.onnx'));
    const pixels = new Float32Array(3 * 32 * 32).fill(0.5);
    const { logits } = await session.run({ input: new OrtTensor('float32', pixels, [1, 3, 32, 32]) });
    expect(logits!.dims).toEqual([1, 3, 32, 32]);
    await session.release();
    expect((await stat(join(checkpoint, 'model.onnx'))).size).toBeLessThan(6000);
  });

  it('is not rebuilt from the registry, which says what resuming takes', async () => {
    const config = tinyConfig(card);
    await expect(modelOfRun(new RunFolder(run), config)).rejects.toThrow(/there is no model "Residual"/);
  });

  it('refuses weights that are not those of the graph', async () => {
    const path = join(run, 'checkpoints', '3', 'weights.safetensors');
    const whole = await readFile(path);
    const other = Buffer.from(whole.toString('latin1').replace('inner.weight', 'inner.height'), 'latin1');
    await writeFile(path, other);
    await expect(loadRun(run)).rejects.toThrow(/weights\.safetensors is damaged/);
    // As in runs of earlier versions, which have no checksums.
    await rm(join(run, 'checkpoints', '3', 'SHA256SUMS'));
    for (const pointer of ['best', 'last'] as const) await new RunFolder(run).point(pointer, '3');
    await expect(loadRun(run)).rejects.toThrow(/does not fit .*model\.onnx: inner\.weight is missing/);
    await writeFile(path, whole);
  });
});

it('predicts the same bits as the model that the registry makes', async () => {
  const folder = join(temporary.path, 'unet');
  const unet = tinyCard(3);
  const { model, state } = tinyUNet(unet, 9);
  await writeTinyRun(folder, unet, [state]);
  const probabilitiesOf = async (source: string | Uint8Array) => {
    const segmenter = await Segmenter.load(source, { runtime });
    const { probabilities, mask } = await segmenter.segment(image, { probabilities: true });
    await segmenter.close();
    return { mask: mask.data, probabilities: probabilities!.data };
  };
  const before = await probabilitiesOf(encodeModel(exportGraph(model, state, unet)));
  // A run of before: no graph in its checkpoint.
  expect(await probabilitiesOf(folder)).toEqual(before);

  const trained = new Learner({
    model,
    loss: crossEntropy(),
    optimizer: (parameters) => new Adam(parameters, { lr: 0 }),
    runtime,
    seed: 1,
  });
  trained.state.loadStateDict(state.stateDict());
  const dataset = memoryDataset(unet.classes, [[40, 30]]);
  const train = new Loader({ dataset, batchSize: 1, fit: stretch(32), normalization: unet.normalization });
  const run = new RunFolder(folder);
  const saving = checkpoints({ folder: run, monitor: undefined });
  await fit({ learner: trained, train, classNames: unet.classes, epochs: 1, callbacks: [saving] });
  const now = await probabilitiesOf(encodeModel(exportGraph(model, trained.state, unet)));
  await stat(join(folder, 'checkpoints', '1', 'model.onnx'));
  expect(await probabilitiesOf(folder)).toEqual(now);
  await trained.close();
});
