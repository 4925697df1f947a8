/** Scores of several runs as mean and spread. */
import type { EpochScores } from '../training/index.js';
import { scoreNames, scoreOf } from './scores-table.js';

export interface Spread {
  readonly mean: number;
  /** Standard deviation over the runs (n − 1); 0 for one run. */
  readonly deviation: number;
  readonly least: number;
  readonly greatest: number;
  /** Number of runs in which the score is defined. */
  readonly runs: number;
}

/** The spread of every score that all runs or some have: `meanIoU`, `loss/dice`, `iou/cell` for classes. */
export function spreadOf(scores: readonly EpochScores[]): Record<string, Spread> {
  const [first] = scores as [EpochScores];
  const overall = scoreNames(first).map(
    ({ key }) => [key, scores.map((each) => scoreOf(each, key))] as const,
  );
  const classes = first.classes.map(
    ({ name }) =>
      [`iou/${name}`, scores.map((each) => each.classes.find((one) => one.name === name)?.iou)] as const,
  );
  return Object.fromEntries(
    [...overall, ...classes].flatMap(([key, found]) => {
      const values = found.filter((value): value is number => value !== null && value !== undefined);
      return values.length === 0 ? [] : [[key, spread(values)]];
    }),
  );
}

function spread(values: readonly number[]): Spread {
  const runs = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / runs;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    deviation: runs > 1 ? Math.sqrt(squares / (runs - 1)) : 0,
    least: Math.min(...values),
    greatest: Math.max(...values),
    runs,
  };
}
