/**
 * Trains a model on a folder of images and masks, and writes a run folder. This is what `pixelwise train` does.
 *
 * ```ts
 * const run = await train({ data: './cells', epochs: 20, out: './runs/cells' });
 * ```
 */
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { Claim } from '../files/index.js';
import type { Evaluation } from '../inference/index.js';
import { evaluate, Segmenter } from '../inference/index.js';
import type { ModelValues } from '../models/index.js';
import { DEFAULT_MODEL } from '../models/index.js';
import { counted } from '../report/numbers.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { Runtime } from '../runtime/index.js';
import type {
  BatchSource,
  Callback,
  EpochRecord,
  FinalScores,
  Monitor,
  RunConfig,
  RunScores,
  LrFinderResult,
} from '../training/index.js';
import {
  checkpoints,
  fit,
  Learner,
  median,
  readRunSamples,
  RunFolder,
  timeBudget,
  writeRunSamples,
  writeRunScores,
} from '../training/index.js';
import type { Loaders } from './assemble.js';
import { firstBatch, loadersOf, modelFor, startFrom } from './assemble.js';
import { callbacksOf, logsOf } from './callbacks.js';
import { baseRunNotes, openBaseRun, withBaseRun } from './base-run.js';
import { checkOptions } from './check-options.js';
import { configOf } from './config-of-run.js';
import { lossOf, optimizerOf, scheduleOf } from './learning-settings.js';
import { rangeTestOf, writeLrFind } from './lr-find.js';
import type { Choice, MachineFacts } from './choose.js';
import { machineFacts, pretrainedWeights } from './machine-facts.js';
import { machineDifferences } from './machine.js';
import { maskContents } from './mask-contents.js';
import { claimOutput } from './next-folder.js';
import { allReduceNote, Ranks } from './ranks.js';
import { filledByRecipe, withRecipe } from './recipes/index.js';
import { checkResumable, checkSame, openEarlier } from './resuming.js';
import { RunPictures } from './run-pictures.js';
import { RunReport } from './run-report.js';
import { settleThreshold } from './run-threshold.js';
import { optionsGiven } from './model-settings.js';
import { measureSteps } from './time-budget.js';
import { withNamedParts } from './run-objects.js';
import type { NamedTrainOptions, TrainOptions, TrainSettings } from './train-options.js';
import { defined, settingsOf } from './train-options.js';
import { keepFeatures } from './keep-features.js';
import type { KeptSources } from './keep-features.js';
import { monitoredMetric } from './monitored-metric.js';
import type { Plan } from './train-plan.js';
import { planTraining } from './train-plan.js';

export interface TrainResult extends RunScores {
  /** The format in which the data was read. */
  readonly format: string;
  /** How images and masks were matched, in one line. */
  readonly pairing: string;
  /** What was left open and chosen from the data and the machine, with the reasons; empty if nothing was. */
  readonly chosen: readonly Choice[];
  /** Absolute path of the run folder, which `Segmenter.load` accepts. */
  readonly run: string;
  /** Why the scores could not be written to the run folder, where that failed: a full disk, say. */
  readonly unsaved?: { readonly code: string; readonly message: string };
  /** Path of the report; absent if none was requested or it could not be written. */
  readonly report?: string;
}

/**
 * Trains a model and writes a run folder, which no other process may write meanwhile.
 *
 * @throws PixelwiseError `folder-in-use` if another process writes the folder, or it has files of other origin.
 */
export async function train(given: TrainOptions): Promise<TrainResult> {
  const began = performance.now();
  const options = await withNamedParts(given);
  const ranks = new Ranks(options.communicator);
  const note = (ranks.isFirst && options.onNote) || (() => undefined);
  if (options.resume && options.out === undefined) {
    throw new UsageError('--resume needs --out RUN: the run to resume');
  }
  if (options.epochs !== undefined && options.minutes !== undefined) {
    throw new UsageError('--epochs and --minutes both say how long to train: give one of them');
  }
  const held: { claim?: Claim } = {};
  const path = await ranks.onFirst(async () => {
    held.claim = await claimOutput(options.out, options.recipe ?? options.model ?? DEFAULT_MODEL, 'train');
    return held.claim.folder;
  });
  try {
    return await trainInto(new RunFolder(path), options, ranks, note, began);
  } finally {
    await held.claim?.release();
  }
}

/** The machine that settings are chosen for. Only rank 0 reads pretrained weights, so only it looks for them. */
async function machineOf(
  settings: NamedTrainOptions,
  ranks: Ranks,
  note: (message: string) => void,
): Promise<MachineFacts> {
  const { onDownload } = settings;
  const pretrained = await ranks.onFirst(
    async () => (await pretrainedWeights(settings, { note, onDownload })) ?? null,
  );
  return ranks.leastMachine(await machineFacts(settings, pretrained ?? undefined));
}

async function trainInto(
  folder: RunFolder,
  options: NamedTrainOptions,
  ranks: Ranks,
  note: (message: string) => void,
  began: number,
): Promise<TrainResult> {
  const earlier =
    (await ranks.onFirst(async () => (await openEarlier(folder, options, note)) ?? null)) ?? undefined;
  if (!earlier) await ranks.together(() => checkOptions(filledByRecipe(options)));
  const base = earlier
    ? undefined
    : ((await ranks.onFirst(async () => (await openBaseRun(options)) ?? null)) ?? undefined);
  const settings: NamedTrainOptions = earlier
    ? { ...(earlier.options as TrainSettings), ...defined(options), data: options.data }
    : withBaseRun(base, options, await withRecipe(options));
  if (earlier) checkResumable(options, earlier, folder);
  const machine = earlier ? undefined : await machineOf(settings, ranks, note);
  const known = await ranks.onFirst(
    async () => (earlier ? await readRunSamples(folder) : base?.samples) ?? null,
  );
  const planned = await ranks.together(() =>
    planTraining(settings, {
      choosing: !earlier,
      machine,
      known: known ?? undefined,
      layout: earlier ?? base?.before,
      normalization: base?.normalization,
    }),
  );
  await ranks.checkAlike(planned, settingsOf(settings));
  const kept = earlier ? resumed(planned, earlier, options) : planned;
  const plan = ranks.spread(kept, options, earlier, note);
  plan.notes.forEach((text) => note(text));
  if (base) baseRunNotes(base, plan).forEach((text) => note(text));
  const runtime = await createNodeRuntime({
    device: options.device ?? 'cpu',
    ...(options.threads && { threads: options.threads }),
  });
  try {
    return await runTraining(plan, settings, folder, earlier, runtime, ranks, note, began);
  } finally {
    await runtime.close();
  }
}

/** The length of a run. */
type Budget = Pick<RunConfig['training'], 'epochs' | 'maxSteps'>;

async function runTraining(
  plan: Plan,
  options: NamedTrainOptions,
  folder: RunFolder,
  earlier: RunConfig | undefined,
  runtime: Runtime,
  ranks: Ranks,
  note: (message: string) => void,
  began: number,
): Promise<TrainResult> {
  const { parts, outputs } = plan;
  const first = firstBatch(plan, ranks.share);
  const made = await ranks.together(() => modelFor(plan, runtime, earlier && { folder, config: earlier }));
  const learner = new Learner({
    model: made.model,
    loss: lossOf(plan),
    optimizer: optimizerOf(plan),
    runtime,
    seed: plan.seed,
    recompute: options.recompute,
    multiLabel: plan.parts.train.multiLabel,
    replicas: ranks.replicas(options),
  });
  let loaders: Loaders | undefined;
  let kept: KeptSources | undefined;
  let begun = false;
  try {
    if (!earlier) {
      await ranks.together(() => (ranks.isFirst ? startFrom(plan, options.init, learner, note) : undefined));
      await ranks.shareWeights(learner);
    }
    loaders = await loadersOf(plan, ranks.share);
    kept = keepFeatures({
      plan,
      learner,
      loaders,
      runtime,
      ranks: ranks.size,
      callbacks: options.callbacks,
      metrics: options.metrics,
      recipe: options.recipe !== undefined,
      earlier: earlier && (earlier.training.featureEpochs ?? 0),
      note,
    });
    const found = plan.findLr
      ? await findInitialLr(learner, (kept ?? loaders).train, plan, options, note)
      : undefined;
    const lr = found?.suggestion ?? plan.lr;
    const contents = await ranks.onFirst(async () => (await maskContents(parts)) ?? null);
    const config = configOf(
      { ...plan, lr },
      options,
      { name: plan.model.name, options: { ...made.options } },
      runtime,
      ranks.size,
      contents ?? undefined,
    );
    let pacing: readonly Callback[] = [];
    let budget: Budget = { epochs: plan.epochs, maxSteps: null };
    if (earlier) {
      checkSame(earlier, config, folder);
      for (const difference of machineDifferences(earlier.machine, config.machine)) {
        note(`The results may not be bit-identical to those of an uninterrupted run: ${difference}.`);
      }
      budget = earlier.training;
    } else if (plan.minutes !== undefined) {
      const { minutes, accumulate } = plan;
      const scored = (parts.valid?.length ?? 0) + (parts.test?.length ?? 0);
      const { tiles } = loaders;
      const measured = await measureSteps(learner, kept ?? loaders, {
        minutes,
        began,
        accumulate,
        scored,
        tiles,
        kept,
      });
      const time = await ranks.onFirst(() => measured);
      if (kept && time.epochs === 1) {
        // Nothing would be used twice.
        kept.close();
        kept = undefined;
      }
      budget = time;
      pacing = [timeBudget({ ...measured, once: kept?.once })];
      note(`There is time for about ${counted(time.maxSteps, 'step')} (${counted(time.epochs, 'epoch')}).`);
    }
    if (kept) note(kept.description);
    const { epochs: wanted, maxSteps } = budget;
    const featureEpochs = kept?.epochs;
    const stepsPerEpoch = Math.ceil(loaders.train.length / plan.accumulate);
    const schedule = scheduleOf(plan, {
      totalSteps: maxSteps ?? wanted * stepsPerEpoch,
      epochs: wanted,
      stepsPerEpoch,
    });
    // Fail on an unsuitable loss or a batch that is too large before the run folder is created.
    if (!earlier) {
      const features = kept !== undefined;
      await ranks.together(() => (first.size > 0 ? learner.prepare(first, { features }) : undefined));
    }
    if (ranks.isFirst) await folder.create();
    if (!earlier && ranks.isFirst) {
      // The configuration first: by it, the folder is known to be a run's.
      await folder.writeConfig({
        ...config,
        training: { ...config.training, epochs: wanted, maxSteps, featureEpochs },
      });
      await made.save(folder);
      await writeRunSamples(folder, parts);
      if (found) await writeLrFind(folder.path, found);
    }
    // From here on config.json is there, unless the disk is gone.
    begun = ranks.isFirst;
    const draws = options.pictures !== false && ranks.isFirst;
    const pictures = draws ? new RunPictures(folder, plan, note) : undefined;
    const report = draws ? new RunReport(folder, note) : undefined;
    await pictures?.showData();
    const monitor: Monitor = { metric: plan.monitor, part: parts.valid ? 'valid' : 'train' };
    const saving = checkpoints({ folder, monitor: parts.valid && monitor, every: plan.keepEvery });
    const callbacks: Callback[] = [
      // Before anything is written: where a disk was mounted, an empty folder stays when it is gone.
      ...(ranks.isFirst ? [{ name: 'runFolder', epochEnd: () => folder.requirePresent() }] : []),
      ...pacing,
      ...callbacksOf({ ...plan, lr }, { model: made.model, schedule, monitor }),
      ...(ranks.isFirst ? logsOf(plan, folder, config, note) : []),
      ...(options.callbacks ?? []),
      ...(pictures ? [pictures.film(loaders)] : []),
      // After the callbacks that have state, so that their state of this epoch is saved.
      ...(ranks.isFirst ? [saving] : []),
      ...(report ? [report.callback()] : []),
    ];
    const resume =
      earlier && (await ranks.loadCheckpoint(() => folder.checkpointFolder('last'), learner, callbacks));
    const result = await fit({
      learner,
      train: (kept ?? loaders).train,
      valid: kept?.valid ?? loaders.valid,
      classNames: outputs,
      epochs: wanted,
      maxSteps: maxSteps ?? undefined,
      accumulate: plan.accumulate,
      metrics: {
        ...monitoredMetric(plan.monitor, { classes: outputs, multiLabel: parts.train.multiLabel }),
        ...options.metrics,
      },
      callbacks,
      signal: options.signal,
      resume,
      scoreFirst: options.init !== undefined,
    });
    kept?.close();
    const { history, stopped, epochs } = result;
    const took = allReduceNote(history);
    if (took !== undefined) note(took);
    const ended = stopped !== 'interrupted' && ranks.isFirst;
    if (ended && stopped === 'minutes') {
      const training = { ...config.training, epochs, maxSteps: result.steps, featureEpochs };
      await folder.writeConfig({ ...config, training });
    }
    const threshold = ended ? await settleThreshold(folder, plan, runtime, options.signal, note) : undefined;
    const scored = ended ? await scoreParts(folder, plan, runtime, pictures, options.signal) : {};
    const outcome: RunScores = {
      epochs,
      stopped,
      ...(saving.best && { best: saving.best }),
      ...scored,
      ...(threshold && { threshold }),
      secondsPerEpoch: medianOf(history, 'seconds'),
      imagesPerSecond: medianOf(history, 'imagesPerSecond'),
    };
    const unsaved = ranks.isFirst ? await failureOf(() => writeRunScores(folder, outcome)) : undefined;
    const written = await report?.write();
    const { format } = parts.train;
    const read = { format: plan.report?.format ?? format, pairing: plan.report?.pairing ?? '' };
    return {
      ...read,
      chosen: earlier?.chosen ?? plan.chosen.choices,
      run: folder.path,
      ...(written !== undefined && { report: written }),
      ...outcome,
      ...(unsaved && { unsaved }),
    };
  } catch (error) {
    // If the disk is gone, this is the cause of whatever failed.
    if (begun) await folder.requirePresent();
    throw error;
  } finally {
    kept?.close();
    loaders?.close();
    await learner.close();
  }
}

/** Runs the range test before training and sets the optimizer to the suggested learning rate. */
async function findInitialLr(
  learner: Learner,
  batches: BatchSource,
  plan: Plan,
  { signal }: NamedTrainOptions,
  note: (message: string) => void,
): Promise<LrFinderResult> {
  const found = await rangeTestOf(learner, batches, plan, { signal });
  for (const group of learner.optimizer.groups) group.initialLr = found.suggestion;
  note(`The range test suggests a learning rate of ${Number(found.suggestion.toPrecision(2))}.`);
  return found;
}

/** Evaluates the best epoch at the original size of the images. `evaluate` on this run gives the same scores. */
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
    const score = async (part: 'valid' | 'test') => {
      const onSample = pictures?.recorderOf(part);
      return parts[part] && evaluate(segmenter, parts[part], { losses: lossOf(plan), signal, onSample });
    };
    const [valid, test] = [await score('valid'), await score('test')];
    await pictures?.showPredictions(segmenter, { valid, test }, signal);
    return { ...(valid && { valid: summaryOf(valid) }), ...(test && { test: summaryOf(test) }) };
  } finally {
    await segmenter.close();
  }
}

/** The error of work whose failure must not lose what was computed before. */
async function failureOf(work: () => Promise<void>): Promise<TrainResult['unsaved']> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof PixelwiseError)) throw error;
    return { code: error.code, message: error.message };
  }
}

function summaryOf({ perSample, ...scores }: Evaluation): FinalScores {
  if (!scores.objects) return scores;
  const objectCounts = perSample.flatMap(({ id, objects }) =>
    objects ? [{ id, counted: objects.counted, true: objects.true }] : [],
  );
  return { ...scores, objectCounts };
}

/** Median over epochs; null if no epoch was completed. */
function medianOf(history: readonly EpochRecord[], key: 'seconds' | 'imagesPerSecond'): number | null {
  return history.length === 0 ? null : median(history.map((record) => record[key]));
}

/** The plan of a resumed run, with the learning rate and the normalisation that the earlier run determined. */
function resumed(planned: Plan, earlier: RunConfig, given: NamedTrainOptions): Plan {
  const { normalize } = given;
  const { name, options } = planned.model;
  // An earlier version may have trained with other defaults: it stored the options that it knew.
  const stored = { ...earlier.model.options, ...optionsGiven(given) };
  const known = Object.entries(options).filter(([key]) => Object.hasOwn(stored, key));
  return {
    ...planned,
    model: { name, options: Object.fromEntries(known) as ModelValues },
    ...(planned.findLr && { lr: earlier.training.lr, findLr: false }),
    ...(normalize === undefined && { normalization: earlier.normalization }),
  };
}
