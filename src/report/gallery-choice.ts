/**
 * Chooses the samples of a gallery.
 *
 * Samples are ranked by one score: the foreground Dice with two classes, else the mean Dice. (If neither mask has
 * foreground, the mean Dice is used, which is then the background's.) Equal scores are ordered by loss, then by
 * index. Samples without foreground in the truth are ranked only if the others are too few to fill the gallery:
 * most slices of a scan are empty and would show nothing. A sample without a score (every pixel ignored) is not
 * ranked.
 */
import type { SampleScores } from '../metrics/index.js';

export type Rank = 'worst' | 'median' | 'best';

/** The order in which a gallery shows its ranks. */
export const RANKS = ['worst', 'median', 'best'] as const satisfies readonly Rank[];

export interface Choice {
  /** Index in the list of all samples. */
  readonly index: number;
  readonly rank: Rank;
  /** Place in the ranking; 1 is the best. */
  readonly place: number;
  /** Number of ranked samples. */
  readonly of: number;
  /** The score used for ranking. */
  readonly score: number;
}

/** The score by which a sample is ranked; undefined if it has none. */
export function rankingScore({ dice, meanDice }: SampleScores): number | undefined {
  const score = dice ?? meanDice;
  return score !== null && Number.isFinite(score) ? score : undefined;
}

/**
 * Chooses the `each` worst, median and best samples, all different, or all samples if there are fewer than 3 ×
 * `each`. Ordered from the worst to the best.
 */
export function chooseSamples(perSample: readonly SampleScores[], each = 6): Choice[] {
  const ranking = rank(perSample, 3 * each);
  const of = ranking.length;
  const shown = Math.min(of, 3 * each);
  const worst = Math.ceil(shown / 3);
  const best = Math.ceil((shown - worst) / 2);
  const median = shown - worst - best;
  // As near to the middle of the ranking as possible without overlap with the worst and the best.
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

/** Ranks the samples from the worst to the best. */
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
  // Fill up with the worst samples without foreground: they show false positives.
  const empty = scored.filter(({ index }) => perSample[index]!.foreground === 0);
  const chosen = new Set([...full, ...empty.slice(0, wanted - full.length)]);
  return scored.filter((one) => chosen.has(one));
}

function range(from: number, length: number): number[] {
  return Array.from({ length }, (_, i) => from + i);
}
