/** Scoring on several ranks: samples dealt out, what each came to gathered in order, so that sums have the same bits. */
import { stat } from 'node:fs/promises';
import type { Dataset } from '../data/dataset.js';
import type { Communicator } from '../distributed/index.js';
import { dealBySize, fromFirst, toFirst } from '../distributed/index.js';
import type { LossValues, SampleScores, ScoreAccumulator } from '../metrics/index.js';
import { ConfusionMatrix } from '../metrics/index.js';

/** What one sample came to, as ranks tell it. */
interface Told {
  readonly position: number;
  readonly counts: readonly number[];
  readonly losses?: LossValues | undefined;
  readonly scores: SampleScores;
}

export class SharedScoring {
  private readonly told: Told[] = [];
  private readonly softDice: { readonly batch: number; readonly value: number }[] = [];

  private constructor(
    private readonly communicator: Communicator,
    /** Places in the list of samples that are this rank's, ascending. */
    readonly positions: readonly number[],
    private readonly batch: number,
  ) {}

  /** Deals the samples out by the sizes of their files, `batch` in a row always to one rank. */
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
    const owners = dealBySize(batches, communicator.size);
    const positions = sizes.flatMap((_, i) =>
      owners[Math.floor(i / batch)] === communicator.rank ? [i] : [],
    );
    return new SharedScoring(communicator, positions, batch);
  }

  /** Keeps what the next of this rank's samples came to. */
  keep(counts: ConfusionMatrix, losses: LossValues | undefined, scores: SampleScores): void {
    const position = this.positions[this.told.length]!;
    this.told.push({ position, counts: [...counts.counts], losses, scores });
  }

  /** Keeps the value of the batch that ends with the sample kept last, or is about to be kept. */
  keepSoftDice(value: number): void {
    const first = this.positions[this.softDice.length * this.batch]!;
    this.softDice.push({ batch: first, value });
  }

  /** On rank 0: everything, taken in in order, as one process would. Undefined on the others. */
  async gather(
    accumulator: ScoreAccumulator,
    groupOf: (position: number) => string | undefined,
  ): Promise<{ accumulator: ScoreAccumulator; perSample: SampleScores[] } | undefined> {
    const all = await toFirst(this.communicator, { told: this.told, softDice: this.softDice });
    if (!all) return undefined;
    const perSample: SampleScores[] = [];
    const samples = all.flatMap(({ told }) => told).sort((a, b) => a.position - b.position);
    for (const { position, counts, losses, scores } of samples) {
      const matrix = new ConfusionMatrix(accumulator.counts.classes);
      matrix.counts.set(counts);
      accumulator.addCounts(matrix, groupOf(position));
      if (losses) accumulator.addLoss(losses, 1);
      perSample.push(scores);
    }
    const values = all.flatMap(({ softDice }) => softDice).sort((a, b) => a.batch - b.batch);
    for (const { value } of values) accumulator.addSoftDice(value);
    return { accumulator, perSample };
  }
}

/** Bytes of files; 0 for what cannot be asked, whose reading will say why. */
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
