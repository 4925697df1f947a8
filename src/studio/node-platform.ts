/** The learner's platform in Node: the project's files, weights on this machine, and `train` for exports. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RUNS_FOLDER } from '../data/index.js';
import { exists } from '../files/index.js';
import { decodeImage } from '../images/decode.js';
import { exportRun } from '../inference/index.js';
import { pretrainedWeights } from '../jobs/machine-facts.js';
import { train } from '../jobs/train.js';
import { encoderEntry } from '../models/index.js';
import type { Device } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { readCheckpointWeights, readRunConfig, RunFolder } from '../training/index.js';
import { loadEncoderWeights, writeWeights } from '../weights/index.js';
import type { LearnerPlatform, ShownModel } from './learner-engine.js';
import type { Exported } from './learning.js';

export interface EngineOptions {
  /** The project's folder. */
  readonly root: string;
  readonly classes: readonly string[];
  readonly device?: Exclude<Device, 'wasm'> | undefined;
  readonly threads?: number | undefined;
  /** A run to start from. */
  readonly init?: string | undefined;
  /** Weights of the encoder: a file, a name, or `none`; default: those on this machine, or downloaded. */
  readonly encoderWeights?: string | undefined;
}

/** The rate of the epoch with which a run is written. */
const EXPORT_RATE = 1e-5;

export function nodePlatform(options: EngineOptions): LearnerPlatform {
  const { device = 'cpu', threads, init } = options;
  return {
    eager: true,
    openRuntime: () => createNodeRuntime({ device, ...(threads && { threads }) }),
    decode: (file, channels) => decodeImage(file, channels === undefined ? {} : { channels }),
    async encoder(channels) {
      const name =
        options.encoderWeights ?? (await pretrainedWeights({ data: '', model: 'mobilenet-unet' }, {}));
      if (name === undefined || name === 'none') return undefined;
      const encoder = encoderEntry('mobilenet_v2').create({ channels });
      const wanted = encoder.stateDict().map(({ name: own, shape }) => ({ name: own, shape }));
      const { tensors } = await loadEncoderWeights('mobilenet_v2', name, wanted);
      return tensors.map((tensor, i) => ({ ...tensor, name: wanted[i]!.name }));
    },
    async start() {
      if (init === undefined) return undefined;
      const folder = new RunFolder(init);
      const { model, classes, channels, size, normalization } = await readRunConfig(folder);
      const weights = await readCheckpointWeights(await folder.checkpointFolder('best'));
      return { source: init, model, classes, input: { channels, normalization, ...size }, weights };
    },
    export: (shown, to) => exportShown(options, shown, to),
  };
}

/**
 * Writes a run folder with the weights of the learner that is shown: a run of `train` on the project's labels that
 * starts from them and lasts one epoch at a low rate, with its scores and report. For `onnx`, its exported file.
 */
async function exportShown(
  { root, device, threads }: EngineOptions,
  { model, input, weights }: ShownModel,
  to: 'run' | 'onnx',
): Promise<Exported> {
  const path = await freeFolder(root);
  const stored = join(root, '.pixelwise-studio.safetensors');
  await writeWeights(stored, weights);
  const { height, width, normalization } = input;
  const training = train({
    ...model.options,
    data: root,
    model: model.name,
    init: stored,
    size: { height, width },
    normalize: normalization.kind === 'per-image' ? 'min-max' : nameOf(normalization.name),
    epochs: 1,
    lr: EXPORT_RATE,
    schedule: 'constant',
    augment: 'none',
    batch: 4,
    out: path,
    ...(device && { device }),
    ...(threads && { threads }),
  });
  const run = await training.finally(() => rm(stored, { force: true }));
  if (to === 'run') return { to, path: run.run };
  const out = `${path}.onnx`;
  await exportRun(run.run, { out });
  return { to, path: out };
}

async function freeFolder(root: string): Promise<string> {
  for (let n = 1; ; n++) {
    const path = join(root, RUNS_FOLDER, `studio-${n}`);
    if (!(await exists(path)) && !(await exists(`${path}.onnx`))) return path;
  }
}

/** The name by which `train` computes the same normalisation. */
function nameOf(name: string) {
  return name === 'percentiles' || name === 'dataset' || name === 'none' ? name : 'imagenet';
}
