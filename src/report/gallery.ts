/**
 * Writes a gallery of the worst, median and best samples of a part, each with image, truth, prediction and error
 * map. The samples are chosen by the scores of an earlier evaluation and only they are predicted again, so memory
 * use does not grow with the data.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { rangeOf } from '../data/normalization.js';
import type { Dataset } from '../data/dataset.js';
import { backgroundClass, hexColour, maskLook } from '../images/palette.js';
import { resizeMask } from '../images/resize.js';
import { writeOutputFile } from '../files/index.js';
import type { Evaluation, FileSegmentOptions, RasterSegmenter } from '../inference/index.js';
import { segmentOptionsIn } from '../inference/index.js';
import type { SampleScores } from '../metrics/index.js';
import { ConfusionMatrix } from '../metrics/index.js';
import { type FateExample, fateExamples } from './fate-examples.js';
import { encodeErrorMap, ERROR_COLOURS, errorMap, type ErrorKind } from './error-map.js';
import { chooseSamples, type Choice, type Rank } from './gallery-choice.js';
import { FATE_VALUES, fateMap } from './object-fates.js';
import { encodeMaskLayer, encodeWebp, viewOfImage, viewSize, type ViewSize } from './view.js';

/** Name and colour of a class in the pictures. */
export interface ShownClass {
  readonly name: string;
  /** `#rrggbb` */
  readonly color: string;
}

/** One sample of a gallery. Paths are relative to the folder of `gallery.json`. */
export interface GalleryItem extends Omit<SampleScores, 'foreground' | 'areas' | 'labelDoubt'> {
  readonly rank: Rank;
  /** Place in the ranking; 1 is the best. */
  readonly place: number;
  /** Number of ranked samples. */
  readonly of: number;
  /** The score used for ranking; see `gallery-choice.ts`. */
  readonly score: number;
  readonly group?: string;
  /** Width of the original image in pixels. */
  readonly width: number;
  readonly height: number;
  /** Size of the four pictures. */
  readonly view: ViewSize;
  /** Confusion matrix of the pixels in the picture: rows are true classes (or sets of them), columns predicted ones. */
  readonly counts: readonly (readonly number[])[];
  readonly image: string;
  readonly truth: string;
  readonly prediction: string;
  readonly errors: string;
  /** What became of the objects, if the truth and the model tell them apart. */
  readonly fates?: string;
}

/** Content of `gallery.json`. */
export interface Gallery {
  readonly version: 1;
  /** The part of the data: `train`, `valid`, `test` or another name. */
  readonly part: string;
  /** Size at which the scores were computed. */
  readonly scoreAt: 'source' | 'model';
  /** Whether the model was selected by its scores on these samples, which makes them optimistic. */
  readonly chosenOn: boolean;
  readonly classes: readonly ShownClass[];
  /** Whether classes overlap: masks show sets of them. */
  readonly multiLabel?: boolean;
  /** Index of the background class; null if there is none. */
  readonly background: number | null;
  readonly errorColors: Readonly<Record<Exclude<ErrorKind, 'correct'>, string>>;
  readonly items: readonly GalleryItem[];
  /** Errors with objects, if the truth and the model tell objects apart. */
  readonly examples?: readonly FateExample[];
}

/** Segmentation options must be the same as in the call of `evaluate`. */
export interface GalleryOptions extends FileSegmentOptions {
  readonly part: string;
  readonly chosenOn: boolean;
  /** The `indices` that were passed to `evaluate`, if any. */
  readonly indices?: readonly number[];
  /** Default `source`. */
  readonly scoreAt?: 'source' | 'model' | undefined;
  /** Number of samples per rank; default 6. */
  readonly each?: number;
}

/** Maximum length of the pictures' longer side. */
export const GALLERY_SIDE = 480;

/** Folder of the pictures, beside `gallery.json`. */
const PICTURES = 'gallery';
const PICTURE_NAME = /^(fate-)?\d+-(image\.webp|(truth|prediction|errors|fates|found)\.png)$/;

/**
 * Writes `gallery.json` and its pictures to `folder`, replacing an earlier gallery.
 *
 * @param evaluation result of `evaluate` on `dataset`.
 * @throws the data set's error for an unreadable sample; `signal.reason` when aborted.
 */
export async function writeGallery(
  folder: string,
  segmenter: RasterSegmenter,
  dataset: Dataset,
  evaluation: Pick<Evaluation, 'perSample'>,
  options: GalleryOptions,
): Promise<Gallery> {
  const { part, chosenOn, indices, scoreAt = 'source', each, ...view } = options;
  const { classes, palette, multiLabel } = segmenter.card;
  const choices = chooseSamples(evaluation.perSample, each);
  // Delete an earlier gallery first, so that old and new files are never mixed.
  await rm(join(folder, 'gallery.json'), { force: true });
  for (const name of await readdir(join(folder, PICTURES)).catch(() => [])) {
    if (PICTURE_NAME.test(name)) await rm(join(folder, PICTURES, name));
  }
  const items: GalleryItem[] = [];
  for (const [i, choice] of choices.entries()) {
    const index = indices?.[choice.index] ?? choice.index;
    const scores = evaluation.perSample[choice.index]!;
    items.push(await writeItem(folder, i + 1, segmenter, dataset, index, scores, choice, view));
  }
  const examples = await fateExamples(segmenter, dataset, evaluation.perSample, {
    ...segmentOptionsIn(view),
    indices,
    range: rangeOf(segmenter.card.normalization),
    write: async (name, bytes) => {
      await writeOutputFile(join(folder, PICTURES, name), bytes);
      return `${PICTURES}/${name}`;
    },
  });
  const { falsePositive, falseNegative, wrongClass } = ERROR_COLOURS;
  const gallery: Gallery = {
    version: 1,
    part,
    scoreAt,
    chosenOn,
    classes: classes.map((name, k) => ({ name, color: hexColour(palette[k]!) })),
    ...(multiLabel && { multiLabel }),
    background: multiLabel ? null : backgroundClass(classes),
    errorColors: {
      falsePositive: hexColour(falsePositive),
      falseNegative: hexColour(falseNegative),
      wrongClass: hexColour(wrongClass),
    },
    items,
    ...(examples.length > 0 && { examples }),
  };
  await writeOutputFile(join(folder, 'gallery.json'), `${JSON.stringify(gallery, null, 1)}\n`);
  return gallery;
}

async function writeItem(
  folder: string,
  number: number,
  segmenter: RasterSegmenter,
  dataset: Dataset,
  index: number,
  { foreground: _foreground, areas: _areas, labelDoubt: _labelDoubt, ...scores }: SampleScores,
  { rank, place, of, score }: Choice,
  options: FileSegmentOptions,
): Promise<GalleryItem> {
  const { card } = segmenter;
  const { colours, clear: background } = maskLook(card, card.palette);
  const { image, mask, objects } = await dataset.get(index);
  const { mask: predicted, objects: found } = await segmenter.segment(
    image,
    segmentOptionsIn(options),
    scores.id,
  );
  const view = viewSize(image, GALLERY_SIDE);
  const truth = resizeMask(mask, view.width, view.height);
  const prediction = resizeMask(predicted, view.width, view.height);
  // The file name is a number: an id may contain characters that file names cannot.
  const at = (what: string) => `${PICTURES}/${number}-${what}`;
  const pictures = {
    image: at('image.webp'),
    truth: at('truth.png'),
    prediction: at('prediction.png'),
    errors: at('errors.png'),
  };
  const write = (path: string, bytes: Uint8Array) => writeOutputFile(join(folder, path), bytes);
  await write(
    pictures.image,
    await encodeWebp(viewOfImage(image, view, rangeOf(segmenter.card.normalization))),
  );
  await write(pictures.truth, await encodeMaskLayer(truth, colours, background));
  await write(pictures.prediction, await encodeMaskLayer(prediction, colours, background));
  await write(pictures.errors, await encodeErrorMap(errorMap(prediction, truth, background)));
  const fates = objects && found ? at('fates.png') : undefined;
  if (fates !== undefined) {
    await write(fates, await encodeMaskLayer(fateMap(objects!, found!, view), FATE_VALUES, 0));
  }
  const group = dataset.groups?.[index];
  return {
    ...scores,
    rank,
    place,
    of,
    score,
    ...(group !== undefined && { group }),
    width: image.width,
    height: image.height,
    view,
    counts: new ConfusionMatrix(card.classes.length, card).add(prediction.data, truth.data).rows(),
    ...pictures,
    ...(fates !== undefined && { fates }),
  };
}
