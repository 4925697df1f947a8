/**
 * The learning-rate range test, for `pixelwise lr-find` and for the start of `train --lr auto`.
 *
 * ```ts
 * const { suggestion } = await findLearningRate({ data: './cells', model: 'mobilenet-unet' });
 * ```
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lrCurvePng, lrCurveSvg } from '../report/lr-curve.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { BatchSource, LrFinderResult, LrPoint, LrSuggestions } from '../training/index.js';
import { findLr, Learner, RANGE_TEST_FILES, RunFolder } from '../training/index.js';
import { WrittenFiles, writeFileAtomic } from '../files/index.js';
import { firstBatch, loadersOf, modelFor, startFrom } from './assemble.js';
import { openBaseRun, withBaseRun } from './base-run.js';
import { checkOptions } from './check-options.js';
import { lossOf, optimizerOf } from './learning-settings.js';
import { claimOutput } from './next-folder.js';
import { filledByRecipe, withRecipe } from './recipes/index.js';
import { withNamedParts } from './run-objects.js';
import type { NamedTrainOptions, TrainOptions } from './train-options.js';
import type { Plan } from './train-plan.js';
import { planTraining } from './train-plan.js';

export interface LrFindOptions extends Omit<TrainOptions, 'resume' | 'callbacks'> {
  /** Output folder; default `runs/lr-find-<n>`. */
  readonly out?: string | undefined;
  /** Called after every step. The test has at most `steps` steps. */
  readonly onPoint?: ((point: LrPoint, steps: number) => void) | undefined;
}

export interface LrFindResult {
  /** The learning rate to use. */
  readonly suggestion: number;
  readonly suggestions: LrSuggestions;
  readonly points: readonly LrPoint[];
  /** Absolute path of the curve as SVG. `lr-find.png` and `lr-find.json` are in the same folder. */
  readonly plot: string;
}

/**
 * Runs the test with the model, data and settings that `train` would use. Writes `lr-find.svg`, `lr-find.png` and
 * `lr-find.json` (suggestion, suggestions, points). No trained model is kept.
 */
export async function findLearningRate(options: LrFindOptions): Promise<LrFindResult> {
  const note = options.onNote ?? (() => undefined);
  // With `auto`, no learning rate is chosen from the data.
  const given = await withNamedParts(options);
  await checkOptions(filledByRecipe(given));
  const claim = await claimOutput(options.out, 'lr-find', 'lr-find');
  try {
    return await findInto(claim.folder, options, given, note);
  } finally {
    await claim.release();
  }
}

async function findInto(
  folder: string,
  options: LrFindOptions,
  given: NamedTrainOptions,
  note: (message: string) => void,
): Promise<LrFindResult> {
  const written = new WrittenFiles(folder);
  const paths = RANGE_TEST_FILES.map((name) => join(folder, name));
  await written.refuseOthers(paths);
  const base = await openBaseRun(given);
  const named = withBaseRun(base, given, await withRecipe(given));
  const plan = await planTraining(
    { ...named, lr: 'auto' },
    { known: base?.samples, layout: base?.before, normalization: base?.normalization },
  );
  plan.notes.forEach((text) => note(text));
  const runtime = await createNodeRuntime({
    device: options.device ?? 'cpu',
    ...(options.threads && { threads: options.threads }),
  });
  try {
    const { model } = await modelFor(plan, runtime);
    const { seed } = plan;
    const learner = new Learner({
      model,
      loss: lossOf(plan),
      optimizer: optimizerOf(plan),
      runtime,
      seed,
      recompute: options.recompute,
      multiLabel: plan.parts.train.multiLabel,
    });
    try {
      await startFrom(plan, options.init, learner, note);
      await learner.prepare(firstBatch(plan));
      const loaders = await loadersOf(plan);
      const found = await rangeTestOf(learner, loaders.train, plan, options).finally(() => loaders.close());
      const { suggestion, suggestions, points } = found;
      try {
        const plot = await writeLrFind(folder, found);
        await written.record(paths);
        return { suggestion, suggestions, points, plot };
      } catch (error) {
        // What took the time is told, even if it cannot be kept.
        note(`The suggested learning rate is ${Number(suggestion.toPrecision(2))}.`);
        throw error;
      }
    } finally {
      await learner.close();
    }
  } finally {
    await runtime.close();
  }
}

/** Number of steps of a test. */
const STEPS = 100;

/** Runs the test, for both commands. Afterwards weights, optimizer and random state are exactly as before. */
export function rangeTestOf(
  learner: Learner,
  train: BatchSource,
  { classes, accumulate }: Pick<Plan, 'classes' | 'accumulate'>,
  { signal, onPoint }: Pick<LrFindOptions, 'signal' | 'onPoint'>,
): Promise<LrFinderResult> {
  return findLr({
    learner,
    train,
    classNames: classes,
    steps: STEPS,
    accumulate,
    signal,
    onPoint: onPoint && ((point) => onPoint(point, STEPS)),
  });
}

/** Writes the three files of a test into a folder. Returns the path of the SVG. */
export async function writeLrFind(folder: string, found: LrFinderResult): Promise<string> {
  const { suggestion, suggestions, points } = found;
  await mkdir(folder, { recursive: true });
  const plot = join(folder, 'lr-find.svg');
  await writeFileAtomic(plot, lrCurveSvg(found));
  await writeFileAtomic(join(folder, 'lr-find.png'), await lrCurvePng(found));
  await writeFileAtomic(
    new RunFolder(folder).lrFindPath,
    `${JSON.stringify({ suggestion, suggestions, points }, null, 2)}\n`,
  );
  return plot;
}
