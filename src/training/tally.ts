/** Sums over the batches of an epoch, from which its scores are made. */
import type { Batch } from '../data/dataset.js';
import type { Scores } from '../metrics/index.js';
import { ConfusionMatrix, ScoreAccumulator } from '../metrics/index.js';
import type { TallyState } from './callback.js';
import type { StepOutput } from './learner.js';
import type { Replicas } from './replicas.js';

/**
 * A score of your own: a number for one batch.
 *
 * @param prediction N×H×W class indices. @param target N×H×W class indices, 255 where a pixel is ignored.
 */
export type BatchMetric = (prediction: Uint8Array, target: Uint8Array, batch: Batch) => number;

/** The scores of an epoch, with those of your own. */
export interface EpochScores extends Scores {
  /** By name, the mean over images. */
  readonly metrics?: Readonly<Record<string, number>>;
}

export class Tally {
  private readonly counts: ConfusionMatrix;
  private samples = 0;
  private loss = 0;
  private losses: Record<string, number> = {};
  /** Sums of your own scores, weighted by images. */
  private metricSums: Record<string, number> = {};
  /** Time that the batches took. */
  seconds = 0;
  /** The part of it in which training waited for the loader. */
  waitSeconds = 0;

  constructor(
    private readonly classNames: readonly string[],
    private readonly metrics: Readonly<Record<string, BatchMetric>> = {},
  ) {
    this.counts = new ConfusionMatrix(classNames.length);
  }

  /** Takes in a batch. Losses weigh by samples, so that a short batch counts for what it holds. */
  add(batch: Batch, output: StepOutput): void {
    this.counts.add(output.prediction, batch.masks);
    this.addLoss(output);
    this.addMetrics(this.metricsOf(batch, output));
  }

  /** Takes in a batch that is spread over ranks: the tallies of all of them stay the same. */
  async addShared(batch: Batch, output: StepOutput, replicas: Replicas): Promise<void> {
    const own = new ConfusionMatrix(this.counts.classes).add(output.prediction, batch.masks);
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

  /** The values of one batch, weighted by its images; in the order of the metrics. */
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
    const accumulator = new ScoreAccumulator({ classNames: this.classNames });
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
