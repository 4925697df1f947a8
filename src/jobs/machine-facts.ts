/** Finds the facts about the machine from which settings are chosen: threads, memory, speed, pretrained weights. */
import { availableParallelism, totalmem } from 'node:os';
import { PixelwiseError } from '../errors/index.js';
import type { DownloadProgress } from '../files/index.js';
import { architectureOf, createModel, estimateStepCost, hasModel, modelEntry } from '../models/index.js';
import { parseLosses } from '../nn/index.js';
import { Adam } from '../optim/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { drawBatch, Learner } from '../training/index.js';
import { cachedWeights, fetchWeights, findWeights } from '../weights/index.js';
import type { MachineFacts } from './choose.js';
import { featureMemory } from './keep-features.js';
import { modelOptions, modelToTake, optionsGiven } from './model-settings.js';
import type { NamedTrainOptions } from './train-options.js';

/** The batch of the timed steps: enough for convolutions to run at their usual speed. */
const TIMED = { size: 4, channels: 3, height: 128, width: 128 };
const TIMED_STEPS = 3;

/** The name of the weights that `train` starts from by default. */
const DEFAULT_WEIGHTS = 'imagenet';

/** Timeout in seconds without a byte, for a download that nobody asked for. */
const PATIENCE = 10;

export interface DownloadOptions {
  /** Told once if weights would help but cannot be downloaded. */
  readonly note?: (message: string) => void;
  readonly onDownload?: ((file: string, progress: DownloadProgress) => void) | undefined;
}

/**
 * The machine as settings are chosen for it.
 *
 * @param pretrained the result of {@link pretrainedWeights}.
 */
export async function machineFacts(
  settings: NamedTrainOptions,
  pretrained: string | undefined,
): Promise<MachineFacts> {
  const { threads = availableParallelism() } = settings;
  return {
    threads,
    memory: totalmem(),
    featureMemory: canKeepFeatures(settings) ? featureMemory(settings) : undefined,
    pretrained,
    slowness: await slownessOf(settings, threads, pretrained),
  };
}

/** Whether features can be kept if a part of the model is frozen and memory suffices. */
function canKeepFeatures({ device = 'cpu', communicator, unfreezeAfter }: NamedTrainOptions): boolean {
  return device === 'cpu' && communicator === undefined && unfreezeAfter === undefined;
}

/**
 * The name of pretrained weights for the model that would be trained; undefined if there are none. Downloads them if
 * they are not in the cache, unless the settings say otherwise; `PIXELWISE_OFFLINE=1` in the environment forbids
 * downloads, too.
 */
export async function pretrainedWeights(
  settings: NamedTrainOptions,
  { note, onDownload }: DownloadOptions = {},
): Promise<string | undefined> {
  const { encoderWeights, download = true, signal, recipe, init } = settings;
  const name = settings.model ?? modelToTake(settings, true);
  // Weights of `--init` replace those of an encoder.
  const settled = encoderWeights !== undefined || recipe !== undefined || init !== undefined;
  if (settled || !hasModel(name)) return undefined;
  const { pretrained } = modelEntry(name);
  if (!pretrained) return undefined;
  const architecture = architectureOf(pretrained, optionsGiven(settings));
  const cached = await cachedWeights(architecture);
  if (cached !== undefined || !download || process.env['PIXELWISE_OFFLINE'] === '1') return cached;
  const weights = await findWeights(architecture, DEFAULT_WEIGHTS);
  if (typeof weights === 'string') return weights;
  try {
    await fetchWeights(weights, {
      patience: PATIENCE,
      ...(signal && { signal }),
      ...(onDownload && { onProgress: (progress) => onDownload(weights.fileName, progress) }),
    });
    return DEFAULT_WEIGHTS;
  } catch (error) {
    if (signal?.aborted || !(error instanceof PixelwiseError)) throw error;
    note?.(
      `${error.message} Training starts without pretrained weights, which gives worse results. --no-download does not try.`,
    );
    return undefined;
  }
}

/**
 * The measured time of a training step on this machine divided by the estimate of `estimateStepCost`, from a few steps of
 * the model. 1, without measuring, if the epochs are given.
 */
async function slownessOf(
  settings: NamedTrainOptions,
  threads: number,
  pretrained: string | undefined,
): Promise<number> {
  const { epochs, device, recipe, encoderWeights = pretrained } = settings;
  if (epochs !== undefined || recipe !== undefined || settings.objects?.model) return 1;
  const given = { ...settings, encoderWeights };
  const name = settings.model ?? modelToTake(given, pretrained !== undefined);
  const { cost, file, widths } = modelEntry(name);
  if (cost || file) return 1;
  const options = modelOptions(name, widths ? { ...given, width: settings.width ?? widths.at(-1) } : given);
  const model = createModel(name, { ...options, channels: TIMED.channels, classes: 2 });
  const runtime = await createNodeRuntime({ device: device ?? 'cpu', threads });
  try {
    const learner = new Learner({
      model,
      loss: parseLosses('bce+dice'),
      optimizer: (parameters) => new Adam(parameters),
      runtime,
      seed: 0,
    });
    const batch = drawBatch(TIMED, 2);
    const times: number[] = [];
    for (let i = 0; i <= TIMED_STEPS; i++) {
      const start = performance.now();
      await learner.backward(batch);
      await learner.step();
      // The first step compiles the graph.
      if (i > 0) times.push(performance.now() - start);
    }
    await learner.close();
    const pixels = TIMED.size * TIMED.height * TIMED.width;
    const measured = (1000 * threads * Math.min(...times)) / pixels;
    return measured / estimateStepCost(model, TIMED.channels).microseconds;
  } finally {
    await runtime.close();
  }
}
