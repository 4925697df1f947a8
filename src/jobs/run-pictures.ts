/**
 * Makes the pictures of a run, in `RUN/samples`: the data sheet, the film (predictions after each epoch) and the
 * gallery (the best and the worst predictions at the end). A failure here does not end the run; a note reports it.
 */
import { join } from 'node:path';
import type { Dataset } from '../data/index.js';
import { parseAugmentation, randomCrop, rangeOf, stretch } from '../data/index.js';
import { spread } from '../data/spread.js';
import type { Evaluation, RasterSegmenter, ScoredSample } from '../inference/index.js';
import { evaluate } from '../inference/index.js';
import { classOfOutputs } from '../objects/index.js';
import { film, ImageScores, writeDataSheet, writeGallery } from '../report/index.js';
import type { Callback, RunFolder } from '../training/index.js';
import type { Loaders } from './assemble.js';
import { lossOf } from './learning-settings.js';
import type { Plan } from './train-plan.js';

/** Training samples that are evaluated for the gallery if a run has no validation or test part. */
const TRAIN_SCORED = 60;

/** The evaluations at the end of a run, by part. */
export interface ScoredParts {
  readonly valid?: Evaluation | undefined;
  readonly test?: Evaluation | undefined;
}

export class RunPictures {
  private readonly samples: string;
  /** The images of the part that the gallery shows. */
  private images: ImageScores | undefined;

  constructor(
    private readonly folder: RunFolder,
    private readonly plan: Plan,
    private readonly note: (message: string) => void,
  ) {
    this.samples = join(folder.path, 'samples');
  }

  /** Writes the data sheet. */
  async showData(): Promise<void> {
    const { parts, report, augment, objects, size, patch, seed } = this.plan;
    // A data set given as an object is not examined, so it has no report.
    if (!report) return;
    const range = rangeOf(this.plan.normalization);
    const transforms = objects.augment ?? parseAugmentation(augment);
    const fit = patch ? randomCrop(size, { foreground: 1 }) : stretch(size);
    await this.attempt('The data sheet', async () => {
      const stretches = patch === undefined;
      await writeDataSheet(this.samples, { parts, report, transforms, fit, stretches, seed, range });
    });
  }

  /** The callback that makes the film. */
  film({ shown, batches }: Pick<Loaders, 'shown' | 'batches'>): Callback {
    return film({
      run: this.folder.path,
      dataset: shown,
      part: this.plan.parts.valid ? 'valid' : 'train',
      batches,
      range: rangeOf(this.plan.normalization),
      ...(this.plan.task === 'objects' && { classOf: classOfOutputs(this.plan.classes.length) }),
      onError: (error) => this.noteFailure('The film', error),
    });
  }

  /** What keeps the images of the part that the gallery shows while they are scored; undefined for another part. */
  recorderOf(part: 'valid' | 'test'): ((scored: ScoredSample) => Promise<void>) | undefined {
    const { valid, test } = this.plan.parts;
    if (part !== (valid ? 'valid' : 'test')) return undefined;
    const dataset = part === 'valid' ? valid : test;
    return dataset && this.recorder(part, dataset, dataset.length);
  }

  private recorder(part: string, dataset: Dataset, count: number): (scored: ScoredSample) => Promise<void> {
    const { classes, normalization } = this.plan;
    const images = new ImageScores({
      part,
      chosenOn: part === 'valid',
      classes,
      multiLabel: dataset.multiLabel,
      normalization,
      count,
      groupOf: (index) => dataset.groups?.[index],
    });
    this.images = images;
    return async (scored) => {
      // After a failure there are no such pictures; the scores are not affected.
      if (this.images !== images) return;
      try {
        await images.add(scored);
      } catch (error) {
        this.images = undefined;
        this.noteFailure('The pictures of single images', error);
      }
    };
  }

  /** Writes the gallery, of the validation part, else of the test part, else of some training samples. */
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
          const onSample = this.recorder('train', parts.train, indices.length);
          const evaluation = await evaluate(segmenter, parts.train, { indices, losses, signal, onSample });
          await write(parts.train, evaluation, 'train', indices);
        }
        await this.images?.write(this.samples);
      },
      signal,
    );
  }

  private async attempt(what: string, work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!signal?.aborted) this.noteFailure(what, error);
    }
  }

  private noteFailure(what: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.note(`${what} could not be made: ${why} The run itself is not affected.`);
  }
}
