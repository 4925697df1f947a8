/**
 * The film of learning: the same few samples, predicted with the weights of every epoch.
 *
 * ```text
 * RUN/samples/film.json            what is shown, and a line a frame
 * RUN/samples/film/3-image.webp    the third sample, and its true mask
 * RUN/samples/film/3-truth.png
 * RUN/samples/film/12/3.png        its mask as predicted after epoch 12
 * RUN/film.webp                    all of it, moving
 * ```
 *
 * Predictions are those of validation: evaluation mode, at the model's size. They draw no chance and change
 * nothing in the learner, so a run is the same to the bit with a film and without.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { Subset } from '../data/subset.js';
import type { DisplayRange } from '../images/overlay.js';
import { backgroundClass, classColours, hexColour } from '../images/palette.js';
import { type ClassMask } from '../images/raster.js';
import { resizeMask } from '../images/resize.js';
import { writeOutputFile } from '../files/index.js';
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

/** What the model said after one epoch. */
export interface FilmFrame {
  /** From 1. */
  readonly epoch: number;
  /** A transparent mask for each sample. */
  readonly masks: readonly string[];
  /** Of the epoch on the whole part that the samples are of; null where undefined. */
  readonly meanIoU: number | null;
  readonly loss: number | null;
}

/** What `film.json` holds. */
export interface Film {
  readonly version: 1;
  readonly part: 'train' | 'valid';
  readonly classes: readonly ShownClass[];
  /** Index of the class that is no object; null where each is one. */
  readonly background: number | null;
  readonly samples: readonly FilmSample[];
  readonly frames: readonly FilmFrame[];
}

export interface FilmOptions {
  /** The run's folder. */
  readonly run: string;
  /** Where the samples are from: the validation part, or where there is none the training part. */
  readonly dataset: Dataset;
  readonly part: 'train' | 'valid';
  /** Batches of these samples in their order, as the learner takes them. */
  readonly batches: (samples: Dataset) => BatchSource;
  /** The values shown as black and white, where images use a part of them. */
  readonly range?: DisplayRange | undefined;
  /** Samples shown, default 21. */
  readonly samples?: number;
  /** Frames of a long run, about; of more epochs, evenly spaced ones are kept. Default 60. */
  readonly frames?: number;
  /** Told what went wrong. The run goes on without a film. */
  readonly onError: (error: unknown) => void;
}

/** Longer side of a sample's picture, at most. */
export const FILM_SIDE = 144;

/** Makes the film as `fit` goes. Stands before the callback that writes checkpoints. */
export function film(options: FilmOptions): Callback {
  const maker = new FilmMaker(options);
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
    fitStart: (context) => attempt(() => maker.begin(context)),
    epochEnd: (context, record) => attempt(() => maker.epoch(context, record)),
    fitEnd: (context) => attempt(() => maker.end(context)),
  };
}

class FilmMaker {
  private readonly folder: string;
  private batches!: BatchSource;
  private film!: Film;

  constructor(private readonly options: FilmOptions) {
    this.folder = join(options.run, 'samples');
  }

  /** Chooses the samples; takes over the frames of an earlier run up to its checkpoint. */
  async begin(context: FitContext): Promise<void> {
    const { dataset, part, samples = 21, batches } = this.options;
    const { classes } = dataset;
    const shown = new Subset(dataset, await foregroundFirst(dataset, samples));
    this.batches = batches(shown);
    const colours = classColours(classes);
    const earlier = context.epoch > 0 ? await readFilm(this.folder) : undefined;
    const same = earlier?.samples.map(({ id }) => id).join('\n') === shown.ids.join('\n');
    const frames = (same ? earlier!.frames : []).filter(
      ({ epoch }) => epoch <= context.epoch && this.isDue(epoch, context),
    );
    await this.keepFrames(frames);
    this.film = {
      version: 1,
      part,
      classes: classes.map((name, k) => ({ name, color: hexColour(colours[k]!) })),
      background: backgroundClass(classes),
      samples: await this.writeSamples(shown),
      frames,
    };
    await this.writeJson();
  }

  async epoch(context: FitContext, record: EpochRecord): Promise<void> {
    if (this.isDue(record.epoch, context)) await this.shoot(context, record);
  }

  /** The last epoch is always shown, that of a run cut short too. */
  async end(context: FitContext): Promise<void> {
    const last = context.history.at(-1);
    if (!last) return;
    if (context.batch === 0 && this.film.frames.at(-1)?.epoch !== last.epoch) {
      await this.shoot(context, last);
    }
    if (this.film.frames.length > 0) {
      await animateFilm(this.folder, this.film, join(this.options.run, 'film.webp'));
    }
  }

  /** Whether an epoch has a frame. Told by the run's length alone: a resumed run has the same frames. */
  private isDue(epoch: number, { epochs }: FitContext): boolean {
    const stride = Math.ceil(epochs / (this.options.frames ?? 60));
    return epoch === 1 || epoch === epochs || epoch % stride === 0;
  }

  /** Predicts the samples and writes their masks. */
  private async shoot({ learner }: FitContext, { epoch, train, valid }: EpochRecord): Promise<void> {
    const { classes } = this.options.dataset;
    const colours = classColours(classes);
    const masks: string[] = [];
    for await (const batch of this.batches.epoch(0)) {
      const { prediction } = await learner.evaluate(batch);
      const { width, height } = batch;
      for (let i = 0; i < batch.size; i++) {
        const data = prediction.subarray(i * width * height, (i + 1) * width * height);
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
    const { classes } = samples;
    const colours = classColours(classes);
    const written: FilmSample[] = [];
    for (let i = 0; i < samples.length; i++) {
      const { id, image, mask } = await samples.get(i);
      const view = viewSize(image, FILM_SIDE);
      // Never named after the sample: an id may hold what no file name can.
      const paths = { image: `film/${i + 1}-image.webp`, truth: `film/${i + 1}-truth.png` };
      const truth = resizeMask(mask, view.width, view.height);
      await this.write(paths.image, await encodeWebp(viewOfImage(image, view, this.options.range)));
      await this.write(paths.truth, await encodeMaskLayer(truth, colours, backgroundClass(classes)));
      written.push({ id, ...view, ...paths });
    }
    return written;
  }

  /** Deletes every frame but these. */
  private async keepFrames(frames: readonly FilmFrame[]): Promise<void> {
    const folder = join(this.folder, 'film');
    await mkdir(folder, { recursive: true });
    const kept = new Set(frames.map(({ epoch }) => String(epoch)));
    for (const name of await readdir(folder)) {
      if (!kept.has(name)) await rm(join(folder, name), { recursive: true });
    }
  }

  private write(path: string, bytes: Uint8Array): Promise<void> {
    return writeOutputFile(join(this.folder, path), bytes);
  }

  private writeJson(): Promise<void> {
    return writeOutputFile(join(this.folder, 'film.json'), `${JSON.stringify(this.film, null, 1)}\n`);
  }
}

/** The film in a run's folder of samples; undefined where there is none that can be read. */
async function readFilm(folder: string): Promise<Film | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'film.json'), 'utf8')) as Film;
  } catch {
    return undefined; // Frames of a damaged film are made anew from here on.
  }
}
