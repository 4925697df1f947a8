/**
 * The pictures of a run, under `RUN/samples`: the data that it learns from, the film of learning, and the best
 * and worst of what it then predicts. Nothing that goes wrong here ends a run: a note says what is missing.
 */
import { join } from 'node:path';
import type { Dataset } from '../data/index.js';
import { parseAugmentation, rangeOf } from '../data/index.js';
import { spread } from '../data/spread.js';
import type { Evaluation, RasterSegmenter } from '../inference/index.js';
import { evaluate } from '../inference/index.js';
import { film, writeDataSheet, writeGallery } from '../report/index.js';
import type { BatchSource, Callback, RunFolder } from '../training/index.js';
import { lossOf } from './learning-settings.js';
import type { Plan } from './train-plan.js';

/** Training samples that are scored for the gallery of a run without held-out data. */
const TRAIN_SCORED = 60;

/** What a run was scored on at its end, part by part. */
export interface ScoredParts {
  readonly valid?: Evaluation | undefined;
  readonly test?: Evaluation | undefined;
}

export class RunPictures {
  private readonly samples: string;

  constructor(
    private readonly folder: RunFolder,
    private readonly plan: Plan,
    private readonly note: (message: string) => void,
  ) {
    this.samples = join(folder.path, 'samples');
  }

  /** Shows the data. */
  async showData(): Promise<void> {
    const { parts, report, augment, objects, size, seed } = this.plan;
    // A data set that is an object was not examined.
    if (!report) return;
    const range = rangeOf(this.plan.normalization);
    const transforms = objects.augment ?? parseAugmentation(augment);
    await this.attempt('The data sheet', async () => {
      await writeDataSheet(this.samples, { parts, report, transforms, size, seed, range });
    });
  }

  /** The callback that makes the film. @param batches of some samples, as the learner takes them. */
  film(batches: (samples: Dataset) => BatchSource): Callback {
    const { train, valid } = this.plan.parts;
    return film({
      run: this.folder.path,
      dataset: valid ?? train,
      part: valid ? 'valid' : 'train',
      batches,
      range: rangeOf(this.plan.normalization),
      onError: (error) => this.tell('The film of learning', error),
    });
  }

  /** Shows the best and the worst: of the validation part, else of the test part, else of what was trained on. */
  async showPredictions(
    segmenter: RasterSegmenter,
    { valid, test }: ScoredParts,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { parts } = this.plan;
    await this.attempt(
      'The gallery',
      async () => {
        const write = (dataset: Dataset, evaluation: Evaluation, part: string, indices?: readonly number[]) =>
          writeGallery(this.samples, segmenter, dataset, evaluation, {
            part,
            chosenOn: part === 'valid',
            ...(indices && { indices }),
            ...(signal && { signal }),
          });
        if (valid) await write(parts.valid!, valid, 'valid');
        else if (test) await write(parts.test!, test, 'test');
        else {
          const indices = spread(parts.train.length, TRAIN_SCORED);
          const losses = lossOf(this.plan);
          const evaluation = await evaluate(segmenter, parts.train, { indices, losses, signal });
          await write(parts.train, evaluation, 'train', indices);
        }
      },
      signal,
    );
  }

  private async attempt(what: string, work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!signal?.aborted) this.tell(what, error);
    }
  }

  private tell(what: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.note(`${what} could not be made: ${why} The run itself is whole.`);
  }
}
