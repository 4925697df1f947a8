/** Several runs side by side: their names and colours, and what can be compared. */
import { basename, dirname, resolve } from 'node:path';
import { UsageError } from '../../errors/index.js';
import type { Judged, Run } from '../read-run.js';
import { readRun } from '../read-run.js';

/** The most runs: more lines in one chart cannot be told apart. */
export const MOST_RUNS = 8;

/** One run of a comparison. */
export interface Column {
  readonly run: Run;
  /** The shortest unique name: the folder's name, with parent folders where needed. */
  readonly name: string;
  /** A CSS colour, and the dashes of its lines. Each of them alone identifies the run. */
  readonly colour: string;
  readonly dash?: string;
}

export interface Compared {
  readonly columns: readonly Column[];
  /** The most meaningful part that all runs were scored on; undefined if there is none. */
  readonly part: Judged['part'] | undefined;
  readonly sameClasses: boolean;
  /** Whether they were trained on the same data set. */
  readonly sameData: boolean;
  /** Whether they held out the same images. */
  readonly sameParts: boolean;
  /** Whether they minimised the same loss; values of different losses cannot be compared. */
  readonly sameLoss: boolean;
  /** Whether a best run can be marked: the same task, data set and evaluation. */
  readonly ranked: boolean;
}

const DASHES = [undefined, '6,3', '2,2.5', '9,3,2,3', '12,4', '4,2,1,2', '1,3', '9,2,2,2,2,2'];

/**
 * Reads the runs, in the order given.
 *
 * @throws UsageError for fewer than two, more than {@link MOST_RUNS}, or one named twice. @throws PixelwiseError
 *   where a path is no run folder.
 */
export async function readCompared(paths: readonly string[]): Promise<Compared> {
  const whole = paths.map((path) => resolve(path));
  if (whole.length < 2 || whole.length > MOST_RUNS) {
    throw new UsageError(`2 to ${MOST_RUNS} runs can be compared, got ${whole.length}.`);
  }
  const twice = whole.find((path, index) => whole.indexOf(path) !== index);
  if (twice !== undefined) throw new UsageError(`${twice} is given twice. Name each run once.`);
  const runs: Run[] = [];
  for (const path of whole) runs.push(await readRun(path));
  return compared(runs, distinctNames(whole));
}

/** @param names of the runs, in their order. */
export function compared(runs: readonly Run[], names: readonly string[]): Compared {
  const alike = (of: (run: Run) => string) => new Set(runs.map(of)).size === 1;
  const part = (['test', 'valid', 'train'] as const).find((each) =>
    runs.every(({ judged }) => judged.some((one) => one.part === each)),
  );
  const sameIds = alike(({ config }) => config.data.fingerprint);
  const sameData = sameIds || alike(({ config }) => config.data.path);
  const sameClasses = alike(({ config }) => JSON.stringify(config.classes));
  const sameSize =
    part !== undefined && alike(({ judged }) => judged.find((each) => each.part === part)!.scoreAt);
  return {
    columns: runs.map((run, index) => ({
      run,
      name: names[index]!,
      colour: `var(--series-${index + 1})`,
      ...(DASHES[index] !== undefined && { dash: DASHES[index] }),
    })),
    part,
    sameClasses,
    sameData,
    sameParts: sameIds,
    sameLoss: alike(({ config: { training } }) => JSON.stringify([training.loss, training.lossSettings])),
    ranked: sameClasses && sameData && sameSize,
  };
}

/** The scores of a run on the shared part, or else on its own most meaningful part. */
export function judgedOf({ run }: Column, part: Compared['part']): Judged | undefined {
  return part === undefined ? run.judged[0] : run.judged.find((each) => each.part === part);
}

/** The shortest path suffixes that are unique. */
export function distinctNames(paths: readonly string[]): string[] {
  const ends = (path: string, levels: number): string => {
    const above = dirname(path);
    return levels === 1 || above === path ? basename(path) : `${ends(above, levels - 1)}/${basename(path)}`;
  };
  const deepest = Math.max(...paths.map((path) => path.split(/[\\/]/).length));
  for (let levels = 1; levels < deepest; levels++) {
    const names = paths.map((path) => ends(path, levels));
    if (new Set(names).size === names.length) return names;
  }
  return [...paths];
}
