/**
 * Cross-validation: K runs, each with another fold of the data held out for validation. This is what
 * `pixelwise train --folds K` does.
 *
 * ```text
 * RUN/
 *   folds/1.txt …    the ids that each fold holds out; test.txt: those that all of them set aside
 *   fold-1/ …        an ordinary run for each fold
 *   folds.json       paths and scores of the runs, their means and standard deviations
 *   report.html      the runs side by side
 * ```
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { foldsOf } from '../data/index.js';
import { UsageError } from '../errors/index.js';
import { writeFileAtomic } from '../files/index.js';
import type { Evaluation } from '../inference/index.js';
import { evaluate, FOLDS_FILE, Segmenter } from '../inference/index.js';
import { DEFAULT_MODEL } from '../models/index.js';
import { parseLosses } from '../nn/index.js';
import type { Spread } from '../report/index.js';
import { MOST_RUNS, readCompared, spreadOf, writeComparison } from '../report/index.js';
import type { RunScores } from '../training/index.js';
import { parseRunScores, readRunConfig, RunFolder } from '../training/index.js';
import type { BaseRun } from './base-run.js';
import { openBaseRun, withBaseRun } from './base-run.js';
import { checkOptions } from './check-options.js';
import { claimOutput } from './next-folder.js';
import { partOfRun } from './part-of-run.js';
import { filledByRecipe, withRecipe } from './recipes/index.js';
import { withNamedParts } from './run-objects.js';
import { train } from './train.js';
import type { NamedTrainOptions, TrainOptions, TrainSettings } from './train-options.js';
import { defined } from './train-options.js';
import { openTrainingData } from './training-data.js';

export interface FoldsOptions extends TrainOptions {
  /** Number of folds. */
  readonly folds: number;
}

export interface FoldResult extends RunScores {
  /** Absolute path of the fold's run folder. */
  readonly run: string;
}

/** Scores of the folds: mean, standard deviation and range by name, for each part that was scored. */
export type FoldSpreads = Readonly<Partial<Record<'valid' | 'test', Readonly<Record<string, Spread>>>>>;

export interface FoldsResult {
  /** Absolute path of the folder, which `Segmenter.load` accepts as an ensemble of the folds. */
  readonly run: string;
  readonly folds: readonly FoldResult[];
  /** `interrupted` if not all folds were trained. */
  readonly stopped: 'finished' | 'interrupted';
  readonly scores: FoldSpreads;
  /** Scores of the ensemble on the test part; absent without a test part. */
  readonly ensemble?: Omit<Evaluation, 'perSample'>;
  /** Path of the report; absent for an interrupted cross-validation. */
  readonly report?: string;
}

/**
 * Trains a model for each fold. The settings that the first fold chooses are those of the others. With `minutes`, each
 * fold has that time. With `resume`, folds that have ended are kept.
 *
 * @throws UsageError for options that a cross-validation cannot have; else what `train` throws.
 */
export async function trainFolds({ folds: count, ...given }: FoldsOptions): Promise<FoldsResult> {
  const options = await withNamedParts(given);
  if (options.val !== undefined) {
    throw new UsageError('--folds chooses the validation part of each run itself: leave --val out');
  }
  if (given.communicator && given.communicator.size > 1) {
    throw new UsageError('--folds trains in one process: start it without mpirun');
  }
  if (options.objects?.model || options.objects?.data) {
    throw new UsageError(
      'A cross-validation opens its data and makes its model several times: give both by name, not as objects',
    );
  }
  await checkOptions(filledByRecipe(options));
  const base = await openBaseRun(options);
  const settings = withBaseRun(base, options, await withRecipe(options));
  const name = `${settings.recipe ?? settings.model ?? DEFAULT_MODEL}-folds`;
  const claim = await claimOutput(given.out, name, 'train --folds');
  try {
    return await trainInto(claim.folder, count, options, settings, base, given);
  } finally {
    await claim.release();
  }
}

/** @param given the options as the caller gave them, which each fold is trained with. */
async function trainInto(
  root: string,
  count: number,
  { resume = false }: NamedTrainOptions,
  settings: NamedTrainOptions,
  base: BaseRun | undefined,
  given: TrainOptions,
): Promise<FoldsResult> {
  const note = given.onNote ?? (() => undefined);
  const { parts, dataset } = await openTrainingData(
    { ...settings, val: 0 },
    { layout: base?.before, known: base?.samples },
  );
  const folds = foldsOf(parts.train, count, settings.seed ?? 0);
  await mkdir(join(root, 'folds'), { recursive: true });
  const list = async (name: string, ids: readonly string[]) => {
    const path = join(root, 'folds', `${name}.txt`);
    await writeFileAtomic(path, ids.map((id) => `${id}\n`).join(''));
    return path;
  };
  // A test part that is drawn would differ from fold to fold.
  const drawn = typeof settings.test === 'number' && settings.test > 0 && parts.test !== undefined;
  const test = drawn ? await list('test', parts.test.ids) : settings.test;
  note(
    `${count} folds of ${folds.map((fold) => fold.length).join(', ')} samples${dataset.groups ? ', no group in two of them' : ''}.`,
  );
  const results: FoldResult[] = [];
  let chosen: TrainSettings = {};
  const unfinished = (): FoldsResult => ({
    run: root,
    folds: results,
    stopped: 'interrupted',
    scores: spreadsOf(results),
  });
  for (const [k, ids] of folds.entries()) {
    if (given.signal?.aborted) return unfinished();
    const folder = new RunFolder(join(root, `fold-${k + 1}`));
    note(`Fold ${k + 1} of ${count}:`);
    const val = await list(String(k + 1), ids);
    const ended = resume ? await scoresIfEnded(folder) : undefined;
    const resumes = resume && (await folder.pointed('last')) !== undefined;
    const result =
      ended ??
      (await train({
        ...(resumes ? {} : chosen),
        ...(defined(given) as TrainOptions),
        ...(test !== undefined && !resumes && { test }),
        ...(!resumes && { val }),
        out: folder.path,
      }));
    results.push({ ...scoresOnly(result), run: folder.path });
    if (result.stopped === 'interrupted') return unfinished();
    if (k === 0) chosen = await settingsChosen(folder);
  }
  const scores = spreadsOf(results);
  const runs = results.map(({ run }) => run);
  const ensemble = await scoreEnsemble(runs, given);
  const summary = { scores, ...(ensemble && { ensemble }) };
  const kept = results.map((result, k) => ({ ...result, run: undefined, folder: `fold-${k + 1}` }));
  await writeFileAtomic(
    join(root, FOLDS_FILE),
    `${JSON.stringify({ version: 1, folds: kept, ...summary }, null, 1)}\n`,
  );
  const compared = await readCompared(runs.slice(0, MOST_RUNS));
  const report = await writeComparison(compared, {
    out: join(root, 'report.html'),
    folds: { count, ...summary },
  });
  return { run: root, folds: results, stopped: 'finished', ...summary, report };
}

/** The settings that the first fold chose from the data, for the others. */
async function settingsChosen(folder: RunFolder): Promise<TrainSettings> {
  const { options, chosen = [] } = await readRunConfig(folder);
  const names = new Set(
    chosen.flatMap(({ setting }) =>
      setting
        .split(', ')
        .map((flag) => flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())),
    ),
  );
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.has(name))) as TrainSettings;
}

async function scoresIfEnded(folder: RunFolder): Promise<RunScores | undefined> {
  const text = await readFile(folder.scoresPath, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseRunScores(text, folder.scoresPath);
}

function scoresOnly({
  epochs,
  stopped,
  best,
  valid,
  test,
  threshold,
  secondsPerEpoch,
  imagesPerSecond,
}: RunScores): RunScores {
  return {
    epochs,
    stopped,
    ...(best && { best }),
    ...(valid && { valid }),
    ...(test && { test }),
    ...(threshold && { threshold }),
    secondsPerEpoch,
    imagesPerSecond,
  };
}

function spreadsOf(results: readonly RunScores[]): FoldSpreads {
  const of = (part: 'valid' | 'test') => {
    const scored = results.flatMap((result) => result[part] ?? []);
    return scored.length > 0 ? { [part]: spreadOf(scored) } : {};
  };
  return { ...of('valid'), ...of('test') };
}

/** Scores of all folds together on the test part, which none of them was trained or chosen on. */
async function scoreEnsemble(
  runs: readonly string[],
  { device, threads, signal }: TrainOptions,
): Promise<FoldsResult['ensemble']> {
  const folder = new RunFolder(runs[0]!);
  const config = await readRunConfig(folder);
  if (config.data.test === 0) return undefined;
  const part = await partOfRun(folder.path, config, config.data.path, 'test');
  const segmenter = await Segmenter.load(runs, { ...(device && { device }), ...(threads && { threads }) });
  try {
    const { loss, lossSettings } = segmenter.card;
    const losses = loss === undefined ? undefined : parseLosses(loss, lossSettings);
    const { perSample: _perSample, ...scores } = await evaluate(segmenter, part, { losses, signal });
    return scores;
  } finally {
    await segmenter.close();
  }
}
