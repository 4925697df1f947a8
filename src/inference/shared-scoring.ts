/**
 * Scoring on several ranks. Samples are distributed, and their results are gathered and summed in the original order,
 * so that the scores are bitwise equal to those of one process.
 */
import { stat } from 'node:fs/promises';
import type { Dataset } from '../data/dataset.js';
import type { Communicator } from '../distributed/index.js';
import { assignBySize, fromFirst, toFirst } from '../distributed/index.js';
import type {
  ConfusionMatrix,
  LossValues,
  SampleScores,
  ScoreAccumulator,
  ScoreBootstrap,
} from '../metrics/index.js';
import type { ProbabilityScorer } from './probability-scorer.js';
import { type ImageMatches, ObjectScorer, type ObjectScores } from '../objects/index.js';

/** The results of one sample, as sent between ranks. */
interface SampleResult {
  readonly position: number;
  readonly counts: readonly number[];
  readonly losses?: LossValues | undefined;
  readonly scores: SampleScores;
  readonly objects?: ImageMatches | undefined;
  /** For the calibration of probabilities. */
  readonly calibration?: readonly (readonly number[])[] | undefined;
}

/** What collects the scores of all samples. */
export interface Collectors {
  readonly accumulator: ScoreAccumulator;
  readonly chance: ScoreBootstrap;
  readonly probabilities: ProbabilityScorer;
}

export class SharedScoring {
  private readonly results: SampleResult[] = [];
  private readonly softDice: { readonly batch: number; readonly value: number }[] = [];

  private constructor(
    private readonly communicator: Communicator,
    /** Positions of this rank's samples in the list of samples, ascending. */
    readonly positions: readonly number[],
    private readonly batch: number,
  ) {}

  /** Distributes the samples by file size. The samples of a batch always go to the same rank. */
  static async deal(
    communicator: Communicator,
    dataset: Dataset,
    indices: readonly number[],
    batch: number,
  ): Promise<SharedScoring> {
    const own = await sizesOf(indices.map((index) => dataset.files(index).image));
    const sizes = await fromFirst(communicator, own);
    const batches = Array.from({ length: Math.ceil(sizes.length / batch) }, (_, b) =>
      sizes.slice(b * batch, (b + 1) * batch).reduce((sum, size) => sum + size, 0),
    );
    const owners = assignBySize(batches, communicator.size);
    const positions = sizes.flatMap((_, i) =>
      owners[Math.floor(i / batch)] === communicator.rank ? [i] : [],
    );
    return new SharedScoring(communicator, positions, batch);
  }

  /** Stores the results of this rank's next sample. */
  keep({ counts, ...result }: Omit<SampleResult, 'position' | 'counts'> & { counts: ConfusionMatrix }): void {
    const position = this.positions[this.results.length]!;
    this.results.push({ position, counts: [...counts.counts], ...result });
  }

  /** Stores the soft Dice of this rank's next batch. */
  keepSoftDice(value: number): void {
    const first = this.positions[this.softDice.length * this.batch]!;
    this.softDice.push({ batch: first, value });
  }

  /** On rank 0, adds the results of all ranks in order, like a single process would. Undefined on the others. */
  async gather(
    collectors: Collectors,
    groupOf: (position: number) => string | undefined,
  ): Promise<(Collectors & { perSample: SampleScores[]; objects: { objects?: ObjectScores } }) | undefined> {
    const all = await toFirst(this.communicator, { results: this.results, softDice: this.softDice });
    if (!all) return undefined;
    const { accumulator, chance, probabilities } = collectors;
    const perSample: SampleScores[] = [];
    const samples = all.flatMap(({ results }) => results).sort((a, b) => a.position - b.position);
    const scorer = new ObjectScorer();
    for (const { position, counts, losses, scores, objects, calibration } of samples) {
      if (objects) scorer.addMatches(objects);
      const matrix = accumulator.counts.likewise();
      matrix.counts.set(counts);
      accumulator.addCounts(matrix, groupOf(position));
      chance.add(matrix, groupOf(position));
      if (calibration) probabilities.merge(calibration);
      if (losses) accumulator.addLoss(losses, 1);
      perSample.push(scores);
    }
    const values = all.flatMap(({ softDice }) => softDice).sort((a, b) => a.batch - b.batch);
    for (const { value } of values) accumulator.addSoftDice(value);
    return {
      ...collectors,
      perSample,
      objects: scorer.matches.length > 0 ? { objects: scorer.scores() } : {},
    };
  }
}

/** File sizes in bytes; 0 for inaccessible files, whose error is reported when they are read. */
export function sizesOf(paths: readonly string[]): Promise<number[]> {
  return Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
}
