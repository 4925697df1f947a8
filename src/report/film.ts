/**
 * Records a film of training: predictions for the same few samples after each epoch.
 *
 * ```text
 * RUN/samples/film.json            the samples shown, and one line per frame
 * RUN/samples/film/3-image.webp    the third sample, and its true mask
 * RUN/samples/film/3-truth.png
 * RUN/samples/film/12/3.png        its mask as predicted after epoch 12
 * RUN/film.webp                    all of it, moving
 * ```
 *
 * Predictions are made as in validation: evaluation mode, at the model's size. They use no random numbers and do
 * not change the learner, so a run gives bit-identical results with and without a film.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { Subset } from '../data/subset.js';
import type { DisplayRange } from '../images/paint-mask.js';
import { hexColour, maskLook } from '../images/palette.js';
import { type ClassMask } from '../images/raster.js';
import { resizeMask } from '../images/resize.js';
import { exists, writeFileAtomic, writing } from '../files/index.js';
import type { BatchSource, Callback, EpochRecord, FitContext } from '../training/index.js';
import { animateFilm } from './film-animation.js';
import { foregroundFirst } from './foreground-first.js';
import type { ShownClass } from './gallery.js';
import { encodeMaskLayer, encodeWebp, viewOfImage, viewSize, type ViewSize } from './view.js';

/** One sample of a film. Paths are relative to the folder of `film.json`. */
export interface FilmSample extends ViewSize {
  readonly id: string;
  readonly image: string;
  readonly truth: string;
}

/** Predictions after one epoch. */
export interface FilmFrame {
  /** From 1. */
  readonly epoch: number;
  /** Path of a transparent mask for each sample. */
  readonly masks: readonly string[];
  /** The epoch's score on the whole part, not only these samples; null if undefined. */
  readonly meanIoU: number | null;
  readonly loss: number | null;
}

/** Content of `film.json`. */
export interface Film {
  readonly version: 1;
  readonly part: 'train' | 'valid';
  readonly classes: readonly ShownClass[];
  /** Whether classes overlap: masks show sets of them. */
  readonly multiLabel?: boolean;
  /** The mask value that is not coloured, mostly the background class; null if there is none. */
  readonly background: number | null;
  readonly samples: readonly FilmSample[];
  readonly frames: readonly FilmFrame[];
}

export interface FilmOptions {
  /** The run's folder. */
  readonly run: string;
  /** The data to take samples from: the validation part, or the training part if there is none. */
  readonly dataset: Dataset;
  readonly part: 'train' | 'valid';
  /** Makes batches of these samples, in order, for the learner. */
  readonly batches: (samples: Dataset) => BatchSource;
  /** The class of each of the network's outputs, if these are not the classes. */
  readonly classOf?: readonly number[] | undefined;
  /** The values shown as black and white, if images use only a part of their range. */
  readonly range?: DisplayRange | undefined;
  /** Number of samples, default 21. */
  readonly samples?: number;
  /** Approximate maximum number of frames. With more epochs, evenly spaced epochs are recorded. Default 60. */
  readonly frames?: number;
  /** Receives the error if recording fails. The run continues without a film. */
  readonly onError: (error: unknown) => void;
}

/** Maximum length of the longer side of a sample's picture. */
export const FILM_SIDE = 144;

/** Callback that records the film during `fit`. Must come before the checkpoint callback. */
export function film(options: FilmOptions): Callback {
  const recorder = new FilmRecorder(options);
  let failed = false;
  const attempt = async (work: () => Promise<void>) => {
    if (failed) return;
    try {
      await work();
    } catch (error) {
      failed = true;
      options.onError(error);
    }
  };
  return {
    name: 'film',
    fitStart: (context) => attempt(() => recorder.begin(context)),
    epochEnd: (context, record) => attempt(() => recorder.epoch(context, record)),
    fitEnd: (context) => attempt(() => recorder.end(context)),
  };
}

class FilmRecorder {
  private readonly folder: string;
  private batches!: BatchSource;
  private film!: Film;

  constructor(private readonly options: FilmOptions) {
    this.folder = join(options.run, 'samples');
  }

  /** Chooses the samples. On resume, keeps the earlier frames up to the checkpoint. */
  async begin(context: FitContext): Promise<void> {
    const { dataset, part, samples = 21, batches } = this.options;
    const { classes } = dataset;
    const { ofClasses, clear } = maskLook(dataset);
    const shown = new Subset(dataset, await foregroundFirst(dataset, samples));
    this.batches = batches(shown);
    const earlier = context.epoch > 0 ? await readFilm(this.folder) : undefined;
    const same = earlier?.samples.map(({ id }) => id).join('\n') === shown.ids.join('\n');
    const frames = (same ? earlier!.frames : []).filter(
      ({ epoch }) => epoch <= context.epoch && this.isDue(epoch, context),
    );
    await this.keepFrames(frames);
    this.film = {
      version: 1,
      part,
      classes: classes.map((name, k) => ({ name, color: hexColour(ofClasses[k]!) })),
      ...(dataset.multiLabel === true && { multiLabel: true }),
      background: clear,
      samples: await this.writeSamples(shown),
      frames,
    };
    await this.writeJson();
  }

  async epoch(context: FitContext, record: EpochRecord): Promise<void> {
    if (this.isDue(record.epoch, context)) await this.recordFrame(context, record);
  }

  /** Records the last epoch always, even if the run was cut short. */
  async end(context: FitContext): Promise<void> {
    const last = context.history.at(-1);
    if (!last) return;
    if (context.batch === 0 && this.film.frames.at(-1)?.epoch !== last.epoch) {
      await this.recordFrame(context, last);
    }
    if (this.film.frames.length > 0) {
      await animateFilm(this.folder, this.film, join(this.options.run, 'film.webp'));
    }
  }

  /** Whether to record an epoch. Depends only on the run's length, so a resumed run records the same frames. */
  private isDue(epoch: number, { epochs }: FitContext): boolean {
    const stride = Math.ceil(epochs / (this.options.frames ?? 60));
    return epoch === 1 || epoch === epochs || epoch % stride === 0;
  }

  /** Predicts the samples and writes their masks. */
  private async recordFrame({ learner }: FitContext, { epoch, train, valid }: EpochRecord): Promise<void> {
    const { colours } = maskLook(this.options.dataset);
    const masks: string[] = [];
    // Not its parents: a disk that is gone must not be written beside.
    const frameFolder = join(this.folder, 'film', String(epoch));
    await writing(frameFolder, () => mkdir(frameFolder));
    for await (const batch of this.batches.epoch(0)) {
      const { prediction } = await learner.evaluate(batch);
      const { width, height } = batch;
      for (let i = 0; i < batch.size; i++) {
        const { classOf } = this.options;
        const outputs = prediction.subarray(i * width * height, (i + 1) * width * height);
        const data = classOf ? outputs.map((output) => classOf[output]!) : outputs;
        const mask: ClassMask = { width, height, data };
        const sample = this.film.samples[masks.length]!;
        const path = `film/${epoch}/${masks.length + 1}.png`;
        const layer = resizeMask(mask, sample.width, sample.height);
        await this.write(path, await encodeMaskLayer(layer, colours, this.film.background));
        masks.push(path);
      }
    }
    const { meanIoU, loss = null } = valid ?? train;
    const frame: FilmFrame = { epoch, masks, meanIoU, loss };
    this.film = { ...this.film, frames: [...this.film.frames, frame] };
    await this.writeJson();
  }

  private async writeSamples(samples: Dataset): Promise<FilmSample[]> {
    const { colours, clear } = maskLook(samples);
    const written: FilmSample[] = [];
    for (let i = 0; i < samples.length; i++) {
      const { id, image, mask } = await samples.get(i);
      const view = viewSize(image, FILM_SIDE);
      // The file name is a number: an id may contain characters that file names cannot.
      const paths = { image: `film/${i + 1}-image.webp`, truth: `film/${i + 1}-truth.png` };
      const truth = resizeMask(mask, view.width, view.height);
      await this.write(paths.image, await encodeWebp(viewOfImage(image, view, this.options.range)));
      await this.write(paths.truth, await encodeMaskLayer(truth, colours, clear));
      written.push({ id, ...view, ...paths });
    }
    return written;
  }

  /** Deletes all other frames, and nothing but frames. */
  private async keepFrames(frames: readonly FilmFrame[]): Promise<void> {
    const folder = join(this.folder, 'film');
    await mkdir(folder, { recursive: true });
    const kept = new Set(frames.map(({ epoch }) => String(epoch)));
    for (const name of await readdir(folder)) {
      if (/^\d+$/.test(name) && !kept.has(name)) await rm(join(folder, name), { recursive: true });
    }
  }

  /** Creates the file's own folder, but none above it: where the run's folder is gone, nothing is written. */
  private async write(path: string, bytes: Uint8Array): Promise<void> {
    const file = join(this.folder, path);
    await writing(file, async () => {
      if (!(await exists(dirname(file)))) await mkdir(dirname(file));
    });
    await writeFileAtomic(file, bytes);
  }

  private writeJson(): Promise<void> {
    return writeFileAtomic(join(this.folder, 'film.json'), `${JSON.stringify(this.film, null, 1)}\n`);
  }
}

/** Reads the film in a run's `samples` folder; undefined if there is none or it is damaged. */
async function readFilm(folder: string): Promise<Film | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'film.json'), 'utf8')) as Film;
  } catch {
    return undefined; // Recording starts again from the current epoch.
  }
}
