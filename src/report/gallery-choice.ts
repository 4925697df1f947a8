/**
 * Which samples a gallery shows.
 *
 * Samples are ranked by one number: with two classes the Dice of the foreground (where it is in neither mask,
 * and so rightly nowhere, the mean Dice, which is then the background's), with more the mean Dice. Equal
 * scores stand in the order of their losses, then of the data. Samples without any true foreground are ranked
 * only where those with some are too few to fill the gallery: most slices of a scan are empty, and a gallery
 * of them would show nothing. A sample without a score (every pixel ignored) is not ranked.
 */
import type { SampleScores } from '../metrics/index.js';

export type Rank = 'worst' | 'median' | 'best';

/** The order in which a gallery shows its ranks. */
export const RANKS = ['worst', 'median', 'best'] as const satisfies readonly Rank[];

export interface Choice {
  /** Position in the list that was chosen from. */
  readonly index: number;
  readonly rank: Rank;
  /** Place in the ranking, from 1, the best. */
  readonly place: number;
  /** Samples ranked. */
  readonly of: number;
  /** The number that they were ranked by. */
  readonly score: number;
}

/** The number that a sample is ranked by; undefined where it has none. */
export function rankingScore({ dice, meanDice }: SampleScores): number | undefined {
  const score = dice ?? meanDice;
  return score !== null && Number.isFinite(score) ? score : undefined;
}

/**
 * The worst, the middle and the best samples, `each` of them, all different; of fewer than three times that
 * many, all. The worst come first, and within the three the worse before the better.
 */
export function chooseSamples(perSample: readonly SampleScores[], each = 6): Choice[] {
  const ranking = rank(perSample, 3 * each);
  const of = ranking.length;
  const shown = Math.min(of, 3 * each);
  const worst = Math.ceil(shown / 3);
  const best = Math.ceil((shown - worst) / 2);
  const median = shown - worst - best;
  // As near to the middle of the ranking as the worst and the best leave room for.
  const middle = Math.min(Math.max(worst, Math.round((of - median) / 2)), of - best - median);
  const positions: Record<Rank, readonly number[]> = {
    worst: range(0, worst),
    median: range(middle, median),
    best: range(of - best, best),
  };
  return RANKS.flatMap((name) =>
    positions[name].map((position) => ({ ...ranking[position]!, rank: name, place: of - position, of })),
  );
}

/** From the worst to the best. */
function rank(perSample: readonly SampleScores[], wanted: number): { index: number; score: number }[] {
  const scored = perSample.flatMap((sample, index) => {
    const score = rankingScore(sample);
    return score === undefined ? [] : [{ index, score }];
  });
  const loss = (index: number) => {
    const value = perSample[index]!.loss;
    return typeof value === 'number' && Number.isFinite(value) ? value : -Infinity;
  };
  const descending = (a: number, b: number) => (a === b ? 0 : b - a);
  scored.sort((a, b) => a.score - b.score || descending(loss(a.index), loss(b.index)) || a.index - b.index);
  const full = scored.filter(({ index }) => perSample[index]!.foreground > 0);
  if (full.length >= wanted) return full;
  // The worst of the empty ones, where objects were seen that are not there, fill up.
  const empty = scored.filter(({ index }) => perSample[index]!.foreground === 0);
  const chosen = new Set([...full, ...empty.slice(0, wanted - full.length)]);
  return scored.filter((one) => chosen.has(one));
}

function range(from: number, length: number): number[] {
  return Array.from({ length }, (_, i) => from + i);
}
