/** Sums over the batches of an epoch, for its scores. */
import type { Batch } from '../data/dataset.js';
import type { Scores } from '../metrics/index.js';
import { ConfusionMatrix, ScoreAccumulator } from '../metrics/index.js';
import type { TallyState } from './callback.js';
import type { StepOutput } from './learner.js';
import type { Replicas } from './replicas.js';

/**
 * A custom score of one batch.
 *
 * @param prediction N×H×W class indices, or sets of overlapping classes. @param target the same; pixels of 255 are
 *   ignored.
 */
export type BatchMetric = (prediction: Uint8Array, target: Uint8Array, batch: Batch) => number;

/** The scores of an epoch, including custom ones. */
export interface EpochScores extends Scores {
  /** Custom scores by name, averaged over images. */
  readonly metrics?: Readonly<Record<string, number>>;
}

export class Tally {
  private readonly counts: ConfusionMatrix;
  private samples = 0;
  private loss = 0;
  private losses: Record<string, number> = {};
  /** Sums of custom scores, weighted by the number of images. */
  private metricSums: Record<string, number> = {};
  /** Total time of the batches. */
  seconds = 0;
  /** The part of `seconds` spent waiting for the loader. */
  waitSeconds = 0;

  constructor(
    private readonly classNames: readonly string[],
    private readonly metrics: Readonly<Record<string, BatchMetric>> = {},
    multiLabel = false,
  ) {
    this.counts = new ConfusionMatrix(classNames.length, { multiLabel });
  }

  /** Adds a batch. Losses are weighted by the number of samples, because the last batch may be smaller. */
  add(batch: Batch, output: StepOutput): void {
    this.counts.add(output.prediction, batch.masks);
    this.addLoss(output);
    this.addMetrics(this.metricsOf(batch, output));
  }

  /** Adds a batch that is distributed over ranks. All ranks get the same sums. */
  async addShared(batch: Batch, output: StepOutput, replicas: Replicas): Promise<void> {
    const own = this.counts.likewise().add(output.prediction, batch.masks);
    await replicas.communicator.allReduce(own.counts);
    this.counts.merge(own);
    this.addLoss(output);
    this.addMetrics(await replicas.sum(this.metricsOf(batch, output)));
  }

  private addLoss({ loss, losses, samples }: StepOutput): void {
    this.samples += samples;
    this.loss += loss * samples;
    for (const [name, value] of Object.entries(losses)) {
      this.losses[name] = (this.losses[name] ?? 0) + value * samples;
    }
  }

  /** Custom scores of one batch times its number of images, in the order of `metrics`. */
  private metricsOf(batch: Batch, { prediction }: StepOutput): number[] {
    return Object.values(this.metrics).map((metric) =>
      batch.size === 0 ? 0 : batch.size * metric(prediction, batch.masks, batch),
    );
  }

  private addMetrics(values: readonly number[]): void {
    Object.keys(this.metrics).forEach((name, i) => {
      this.metricSums[name] = (this.metricSums[name] ?? 0) + values[i]!;
    });
  }

  get imagesPerSecond(): number {
    return this.seconds > 0 ? this.samples / this.seconds : 0;
  }

  scores(): EpochScores {
    const accumulator = new ScoreAccumulator({
      classNames: this.classNames,
      multiLabel: this.counts.multiLabel,
    });
    accumulator.addCounts(this.counts);
    if (this.samples > 0) {
      const mean = (sum: number) => sum / this.samples;
      const losses = Object.fromEntries(Object.entries(this.losses).map(([name, sum]) => [name, mean(sum)]));
      accumulator.addLoss({ loss: mean(this.loss), losses }, this.samples);
    }
    const metrics = Object.entries(this.metricSums).map(([name, sum]) => [name, sum / this.samples]);
    return {
      ...accumulator.scores(),
      samples: this.samples,
      ...(metrics.length > 0 && { metrics: Object.fromEntries(metrics) as Record<string, number> }),
    };
  }

  state(): TallyState {
    const { samples, loss, losses, metricSums, seconds, waitSeconds } = this;
    const counts = [...this.counts.counts];
    return { samples, loss, losses: { ...losses }, metrics: { ...metricSums }, counts, seconds, waitSeconds };
  }

  loadState(state: TallyState): void {
    this.samples = state.samples;
    this.loss = state.loss;
    this.losses = { ...state.losses };
    this.metricSums = { ...state.metrics };
    this.counts.counts.set(state.counts);
    this.seconds = state.seconds;
    this.waitSeconds = state.waitSeconds;
  }
}
