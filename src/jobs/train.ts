/**
 * Training, from a folder of images and masks to a run folder: what `pixelwise train` does.
 *
 * ```ts
 * const run = await train({ data: './cells', epochs: 20, out: './runs/cells' });
 * ```
 */
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Dataset } from '../data/index.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { Evaluation } from '../inference/index.js';
import { DEFAULT_THRESHOLD, evaluate, Segmenter } from '../inference/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { Runtime } from '../runtime/index.js';
import type {
  BatchSource,
  Callback,
  FinalScores,
  Monitor,
  RunConfig,
  RunScores,
  LrFinderResult,
} from '../training/index.js';
import {
  checkpoints,
  CONFIG_VERSION,
  fit,
  Learner,
  readRunConfig,
  RunFolder,
  writeRunScores,
} from '../training/index.js';
import { firstBatch, loadersOf, modelFor, startFrom } from './assemble.js';
import { callbacksOf, logsOf } from './callbacks.js';
import { lossOf, optimizerOf, scheduleOf } from './learning-settings.js';
import { rangeTestOf, writeLrFind } from './lr-find.js';
import { describeMachine, machineDifferences } from './machine.js';
import { nextFolder } from './next-folder.js';
import { allReduceNote, Ranks } from './ranks.js';
import { recipeNamed, withRecipe } from './recipes/index.js';
import { RunPictures } from './run-pictures.js';
import { RunReport } from './run-report.js';
import { settleThreshold } from './run-threshold.js';
import { measureSteps } from './time-budget.js';
import type { TrainOptions, TrainSettings } from './train-options.js';
import type { Plan } from './train-plan.js';
import { factsFor, planTraining } from './train-plan.js';

export interface TrainResult extends RunScores {
  /** The run folder's absolute path: what `Segmenter.load` takes. */
  readonly run: string;
  /** Path of the report; absent where none was asked for, or it could not be written. */
  readonly report?: string;
}

/** Trains a model and writes a run folder. */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const ranks = new Ranks(options.communicator);
  const note = (ranks.isFirst && options.onNote) || (() => undefined);
  if (options.resume && options.out === undefined) {
    throw new UsageError('--resume needs --out RUN: the run to go on with');
  }
  if (options.epochs !== undefined && options.minutes !== undefined) {
    throw new UsageError('--epochs and --minutes both say how long to train: give one of them');
  }
  const folder = new RunFolder(
    await ranks.onFirst(() => options.out ?? nextFolder(options.recipe ?? options.model ?? 'unet')),
  );
  const earlier =
    (await ranks.onFirst(async () => (await openEarlier(folder, options, note)) ?? null)) ?? undefined;
  const settings: TrainOptions = earlier
    ? { ...(earlier.options as TrainSettings), ...defined(options), data: options.data }
    : await withRecipe(options);
  if (earlier) checkResumable(options, earlier, folder);
  const machine = await ranks.leastMachine(await factsFor(settings));
  const planned = await ranks.together(() => planTraining(settings, { choosing: !earlier, machine }));
  await ranks.checkAlike(planned, settingsOf(settings));
  // A run that goes on keeps the rate that it found.
  const kept = earlier && planned.findLr ? { ...planned, lr: earlier.training.lr, findLr: false } : planned;
  const plan = ranks.spread(kept, options, earlier, note);
  plan.notes.forEach((text) => note(text));
  const runtime = await createNodeRuntime({
    device: options.device ?? 'cpu',
    ...(options.threads && { threads: options.threads }),
  });
  try {
    return await runTraining(plan, settings, folder, earlier, runtime, ranks, note);
  } finally {
    await runtime.close();
  }
}

/** How long a run goes on. */
type Budget = Pick<RunConfig['training'], 'epochs' | 'maxSteps'>;

async function runTraining(
  plan: Plan,
  options: TrainOptions,
  folder: RunFolder,
  earlier: RunConfig | undefined,
  runtime: Runtime,
  ranks: Ranks,
  note: (message: string) => void,
): Promise<TrainResult> {
  const { parts, classes } = plan;
  const first = firstBatch(plan, ranks.share);
  const made = await ranks.together(() => modelFor(plan, runtime, earlier && { folder, config: earlier }));
  const learner = new Learner({
    model: made.model,
    loss: lossOf(plan),
    optimizer: optimizerOf(plan),
    runtime,
    seed: plan.seed,
    replicas: ranks.replicas(options),
  });
  try {
    if (!earlier) {
      await ranks.together(() => (ranks.isFirst ? startFrom(plan, options.init, learner, note) : undefined));
      await ranks.shareWeights(learner);
    }
    const loaders = await loadersOf(plan, ranks.share);
    const began = performance.now();
    const found = plan.findLr ? await lookForLr(learner, loaders.train, plan, options, note) : undefined;
    const lr = found?.suggestion ?? plan.lr;
    const config = configOf({ ...plan, lr }, options, made.config, runtime, ranks);
    let budget: Budget = { epochs: plan.epochs, maxSteps: null };
    if (earlier) {
      checkSame(earlier, config, folder);
      for (const difference of machineDifferences(earlier.machine, config.machine)) {
        note(`The resumed run may differ in its last bits from one never stopped: ${difference}.`);
      }
      budget = earlier.training;
    } else if (plan.minutes !== undefined) {
      const measured = await measureSteps(learner, loaders, plan.minutes, began, plan.accumulate);
      budget = await ranks.onFirst(() => measured);
      note(`${plan.minutes} minutes are time for ${budget.maxSteps} steps (${budget.epochs} epochs).`);
    }
    const { epochs: wanted, maxSteps } = budget;
    const stepsPerEpoch = Math.ceil(loaders.train.length / plan.accumulate);
    const schedule = scheduleOf(plan, {
      totalSteps: maxSteps ?? wanted * stepsPerEpoch,
      epochs: wanted,
      stepsPerEpoch,
    });
    // A loss that does not fit, or a batch too large, must show before there is a folder.
    if (!earlier) await ranks.together(() => (first.size > 0 ? learner.prepare(first) : undefined));
    if (ranks.isFirst) await folder.create();
    if (!earlier && ranks.isFirst) {
      await made.encoder?.save(folder);
      await folder.writeConfig({ ...config, training: { ...config.training, epochs: wanted, maxSteps } });
      if (found) await writeLrFind(folder.path, found);
    }
    const draws = options.pictures !== false && ranks.isFirst;
    const pictures = draws ? new RunPictures(folder, plan, note) : undefined;
    const report = draws ? new RunReport(folder, note) : undefined;
    await pictures?.showData();
    const monitor: Monitor = { metric: plan.monitor, part: parts.valid ? 'valid' : 'train' };
    const saving = checkpoints({ folder, monitor: parts.valid && monitor, every: plan.keepEvery });
    const callbacks: Callback[] = [
      ...callbacksOf({ ...plan, lr }, { model: made.model, schedule, monitor }),
      ...(ranks.isFirst ? logsOf(plan, folder) : []),
      ...(options.callbacks ?? []),
      ...(pictures ? [pictures.film(loaders.batches)] : []),
      // After those that remember something of an epoch: it is saved with it.
      ...(ranks.isFirst ? [saving] : []),
      ...(report ? [report.callback()] : []),
    ];
    const resume =
      earlier && (await ranks.loadCheckpoint(() => folder.checkpointFolder('last'), learner, callbacks));
    const result = await fit({
      learner,
      train: loaders.train,
      valid: loaders.valid,
      classNames: classes,
      epochs: wanted,
      maxSteps: maxSteps ?? undefined,
      accumulate: plan.accumulate,
      callbacks,
      signal: options.signal,
      resume,
    });
    const { history, stopped, epochs } = result;
    const took = allReduceNote(history);
    if (took !== undefined) note(took);
    const ended = stopped !== 'interrupted' && ranks.isFirst;
    const threshold = ended ? await settleThreshold(folder, plan, runtime, options.signal) : undefined;
    const scored = ended ? await scoreParts(folder, plan, runtime, pictures, options.signal) : {};
    const outcome: RunScores = {
      epochs,
      stopped,
      ...(saving.best && { best: saving.best }),
      ...scored,
      ...(threshold && { threshold }),
      secondsPerEpoch: median(history.map((record) => record.seconds)),
      imagesPerSecond: median(history.map((record) => record.imagesPerSecond)),
    };
    if (ranks.isFirst) await writeRunScores(folder, outcome);
    const written = await report?.write();
    return { run: folder.path, ...(written !== undefined && { report: written }), ...outcome };
  } finally {
    await learner.close();
  }
}

/** The range test before a run; the optimizer goes on with what it suggests. */
async function lookForLr(
  learner: Learner,
  batches: BatchSource,
  { classes }: Plan,
  { signal }: TrainOptions,
  note: (message: string) => void,
): Promise<LrFinderResult> {
  const found = await rangeTestOf(learner, batches, classes, { signal });
  for (const group of learner.optimizer.groups) group.initialLr = found.suggestion;
  note(`The range test suggests a learning rate of ${Number(found.suggestion.toPrecision(2))}.`);
  return found;
}

/** What is kept of a recipe beside the settings that it gave: with what its figures are to be compared. */
function recipeOf(name: string, asPublished: boolean): RunConfig['recipe'] {
  const { source, published } = recipeNamed(name);
  return { name, asPublished, source, published: [...published] };
}

/** What `config.json` says of a run. */
function configOf(
  plan: Plan,
  options: TrainOptions,
  model: RunConfig['model'],
  runtime: Runtime,
  { size }: Ranks,
): RunConfig {
  const { parts, classes } = plan;
  const { channels, maxValue } = parts.train;
  return {
    version: CONFIG_VERSION,
    ...(options.recipe !== undefined && {
      recipe: recipeOf(options.recipe, options.asPublished ?? false),
    }),
    model: model,
    classes: [...classes],
    channels,
    maxValue,
    size: plan.size,
    normalization: plan.normalization,
    threshold: plan.threshold === 'auto' ? DEFAULT_THRESHOLD : plan.threshold,
    data: {
      path: resolve(options.data),
      format: parts.train.format,
      train: parts.train.length,
      valid: parts.valid?.length ?? 0,
      test: parts.test?.length ?? 0,
      fingerprint: plan.fingerprint,
      options: { ...plan.dataOptions },
    },
    training: {
      batch: plan.batch,
      dropLast: plan.dropLast,
      epochs: plan.epochs,
      maxSteps: null,
      optimizer: plan.optimizer,
      lr: plan.lr,
      schedule: plan.schedule,
      stepEpochs: plan.stepEpochs ?? null,
      stepFactor: plan.stepFactor ?? null,
      milestones: plan.milestones && [...plan.milestones],
      warmupEpochs: plan.warmupEpochs,
      restarts: plan.restarts,
      momentum: plan.momentum,
      weightDecay: plan.weightDecay,
      alpha: plan.alpha,
      eps: plan.eps,
      loss: plan.loss,
      lossSettings: plan.lossSettings,
      augment: plan.augment,
      maskResize: plan.maskResize,
      sampler: plan.sampler,
      clipNorm: plan.clipNorm,
      clipValue: plan.clipValue,
      accumulate: plan.accumulate,
      ema: plan.ema,
      unfreezing: plan.unfreezing,
      patience: plan.patience ?? null,
      monitor: plan.monitor,
      minDelta: plan.minDelta,
      seed: plan.seed,
    },
    options: { ...settingsOf(options), ...plan.chosen.settings, ...plan.partOptions },
    chosen: [...plan.chosen.choices],
    machine: { ...describeMachine(runtime), ...(size > 1 && { ranks: size }) },
  };
}

/** Scores of the best epoch at source size: what `evaluate` on this run says too. */
async function scoreParts(
  folder: RunFolder,
  plan: Plan,
  runtime: Runtime,
  pictures: RunPictures | undefined,
  signal: AbortSignal | undefined,
): Promise<{ valid?: FinalScores; test?: FinalScores }> {
  const { parts } = plan;
  if (!parts.valid && !parts.test && !pictures) return {};
  const segmenter = await Segmenter.load(folder.path, { runtime });
  try {
    const score = async (part: Dataset | undefined) =>
      part && evaluate(segmenter, part, { losses: lossOf(plan), signal });
    const [valid, test] = [await score(parts.valid), await score(parts.test)];
    await pictures?.showPredictions(segmenter, { valid, test }, signal);
    return { ...(valid && { valid: summaryOf(valid) }), ...(test && { test: summaryOf(test) }) };
  } finally {
    await segmenter.close();
  }
}

function summaryOf({ perSample: _perSample, ...scores }: Evaluation): FinalScores {
  return scores;
}

/** What an earlier run in the folder was made with, if this one goes on from it. */
async function openEarlier(
  folder: RunFolder,
  { resume = false }: TrainOptions,
  note: (message: string) => void,
): Promise<RunConfig | undefined> {
  if (!(await folder.exists())) {
    if (resume) note(`There is no run in ${folder.path} to go on with: this one starts afresh.`);
    return undefined;
  }
  if ((await folder.pointed('last')) === undefined) {
    note(`The run in ${folder.path} ended before its first checkpoint: this one starts afresh.`);
    return undefined;
  }
  if (!resume) {
    throw new UsageError(
      `${folder.path} holds a run already: go on with it by --resume, or choose another --out`,
    );
  }
  return readRunConfig(folder);
}

/** Refuses what a resumed run cannot change: its length, which its schedule was made for, and where it began. */
function checkResumable(options: TrainOptions, { options: before, training }: RunConfig, folder: RunFolder) {
  const refuse = (flag: string, value: unknown, was: string): never => {
    throw new UsageError(
      `${folder.path} cannot be resumed with --${flag} ${String(value)}: ${was}. Leave it out, or start a new run with --init ${folder.path}`,
    );
  };
  const { epochs, minutes, init, encoderWeights, recipe, asPublished } = options;
  if (epochs !== undefined && epochs !== training.epochs) {
    refuse('epochs', epochs, `a resumed run keeps its length, ${training.epochs} epochs`);
  }
  if (minutes !== undefined && minutes !== before.minutes) {
    const { maxSteps } = training;
    const length = maxSteps === null ? `${training.epochs} epochs` : `${maxSteps} steps`;
    refuse('minutes', minutes, `a resumed run keeps its length, ${length}`);
  }
  if (asPublished !== undefined && asPublished !== (before.asPublished ?? false)) {
    refuse('as-published', asPublished, `it began ${asPublished ? 'without' : 'with'} it`);
  }
  const began = {
    recipe: [recipe, before.recipe],
    init: [init, before.init],
    'encoder-weights': [encoderWeights, before.encoderWeights],
  };
  for (const [flag, [now, then = 'none']] of Object.entries(began)) {
    if (now === undefined || now === then) continue;
    refuse(flag, now, then === 'none' ? 'it began without' : `it began with ${String(then)}`);
  }
}

/** A run is only resumed with what it began with: anything else would be another run under its name. */
function checkSame(earlier: RunConfig, now: RunConfig, folder: RunFolder): void {
  // As it would be read back: what is undefined is absent.
  const [before, after] = [whatItIs(earlier), whatItIs(JSON.parse(JSON.stringify(now)) as RunConfig)];
  for (const what of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[what], after[what]];
    if (isDeepStrictEqual(was, is)) continue;
    throw new PixelwiseError(
      'resume',
      `${folder.path} cannot be resumed: ${what} changed from ${JSON.stringify(was) ?? 'none'} to ${JSON.stringify(is) ?? 'none'}. Resume with what it began with, or start a new run with --init ${folder.path}.`,
    );
  }
}

/** What must stay in a run, by how messages call it. */
function whatItIs({
  model,
  classes,
  size,
  normalization,
  data,
  training,
}: RunConfig): Record<string, unknown> {
  const { epochs: _epochs, maxSteps: _maxSteps, ...settings } = training;
  return {
    'the model': model,
    'the classes': classes,
    'the size': size,
    'the normalisation': normalization,
    'the samples': data.fingerprint,
    ...Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [`the training setting ${name}`, value]),
    ),
  };
}

const NOT_SETTINGS = new Set([
  'data',
  'out',
  'resume',
  'device',
  'threads',
  'communicator',
  'callbacks',
  'onNote',
  'signal',
]);

function settingsOf(options: TrainOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(defined(options)).filter(([name]) => !NOT_SETTINGS.has(name)));
}

function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
