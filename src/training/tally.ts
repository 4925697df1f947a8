/** Sums over the batches of an epoch, from which its scores are made. */
import type { Batch } from '../data/dataset.js';
import type { Scores } from '../metrics/index.js';
import { ConfusionMatrix, ScoreAccumulator } from '../metrics/index.js';
import type { TallyState } from './callback.js';
import type { StepOutput } from './learner.js';
import type { Replicas } from './replicas.js';

export class Tally {
  private readonly counts: ConfusionMatrix;
  private samples = 0;
  private loss = 0;
  private losses: Record<string, number> = {};
  /** Time that the batches took. */
  seconds = 0;
  /** The part of it in which training waited for the loader. */
  waitSeconds = 0;

  constructor(private readonly classNames: readonly string[]) {
    this.counts = new ConfusionMatrix(classNames.length);
  }

  /** Takes in a batch. Losses weigh by samples, so that a short batch counts for what it holds. */
  add(batch: Batch, output: StepOutput): void {
    this.counts.add(output.prediction, batch.masks);
    this.addLoss(output);
  }

  /** Takes in a batch that is spread over ranks: the tallies of all of them stay the same. */
  async addShared(batch: Batch, output: StepOutput, replicas: Replicas): Promise<void> {
    const own = new ConfusionMatrix(this.counts.classes).add(output.prediction, batch.masks);
    await replicas.communicator.allReduce(own.counts);
    this.counts.merge(own);
    this.addLoss(output);
  }

  private addLoss({ loss, losses, samples }: StepOutput): void {
    this.samples += samples;
    this.loss += loss * samples;
    for (const [name, value] of Object.entries(losses)) {
      this.losses[name] = (this.losses[name] ?? 0) + value * samples;
    }
  }

  get imagesPerSecond(): number {
    return this.seconds > 0 ? this.samples / this.seconds : 0;
  }

  scores(): Scores {
    const accumulator = new ScoreAccumulator({ classNames: this.classNames });
    accumulator.addCounts(this.counts);
    if (this.samples > 0) {
      const mean = (sum: number) => sum / this.samples;
      const losses = Object.fromEntries(Object.entries(this.losses).map(([name, sum]) => [name, mean(sum)]));
      accumulator.addLoss({ loss: mean(this.loss), losses }, this.samples);
    }
    return { ...accumulator.scores(), samples: this.samples };
  }

  state(): TallyState {
    const { samples, loss, losses, seconds, waitSeconds } = this;
    return { samples, loss, losses: { ...losses }, counts: [...this.counts.counts], seconds, waitSeconds };
  }

  loadState(state: TallyState): void {
    this.samples = state.samples;
    this.loss = state.loss;
    this.losses = { ...state.losses };
    this.counts.counts.set(state.counts);
    this.seconds = state.seconds;
    this.waitSeconds = state.waitSeconds;
  }
}
