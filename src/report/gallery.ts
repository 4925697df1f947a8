/**
 * The gallery of a model on a part of the data: the worst, the median and the best samples, each as image,
 * truth, prediction and error map. Scoring gave the figures of all samples; only those shown are predicted
 * once more, so the memory taken does not grow with the data.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { rangeOf } from '../data/normalization.js';
import type { Dataset } from '../data/dataset.js';
import { backgroundClass, hexColour } from '../images/palette.js';
import { resizeMask } from '../images/resize.js';
import { writeOutputFile } from '../files/index.js';
import type { CleanOptions, Evaluation, RasterSegmenter, SegmentOptions } from '../inference/index.js';
import { cleanMask } from '../inference/index.js';
import type { SampleScores } from '../metrics/index.js';
import { ConfusionMatrix } from '../metrics/index.js';
import { encodeErrorMap, ERROR_COLOURS, errorMap, type ErrorKind } from './error-map.js';
import { chooseSamples, type Choice, type Rank } from './gallery-choice.js';
import { encodeMaskLayer, encodeWebp, viewOfImage, viewSize, type ViewSize } from './view.js';

/** A class as the pictures show it. */
export interface ShownClass {
  readonly name: string;
  /** `#rrggbb` */
  readonly color: string;
}

/** One sample of a gallery. Paths are relative to the folder of `gallery.json`. */
export interface GalleryItem extends Omit<SampleScores, 'foreground'> {
  readonly rank: Rank;
  /** Place in the ranking, from 1, the best. */
  readonly place: number;
  /** Samples ranked. */
  readonly of: number;
  /** The number that they were ranked by; see `gallery-choice.ts`. */
  readonly score: number;
  readonly group?: string;
  /** Of the source, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Size of the four pictures. */
  readonly view: ViewSize;
  /** Pixels of the view by true class (rows) and predicted class (columns): what the error map shows. */
  readonly counts: readonly (readonly number[])[];
  readonly image: string;
  readonly truth: string;
  readonly prediction: string;
  readonly errors: string;
}

/** What `gallery.json` holds. */
export interface Gallery {
  readonly version: 1;
  /** Whose samples these are: `train`, `valid`, `test`, or what the part is called. */
  readonly part: string;
  /** Size at which the scores were counted. */
  readonly scoreAt: 'source' | 'model';
  /** Whether the model was chosen by scores on these samples, which flatters it. */
  readonly chosenOn: boolean;
  readonly classes: readonly ShownClass[];
  /** Index of the class that is no object; null where each is one. */
  readonly background: number | null;
  readonly errorColors: Readonly<Record<Exclude<ErrorKind, 'correct'>, string>>;
  readonly items: readonly GalleryItem[];
}

/** How samples are looked at must be as it was in `evaluate`. */
export interface GalleryOptions extends SegmentOptions, CleanOptions {
  readonly part: string;
  readonly chosenOn: boolean;
  /** Samples of the evaluation, where it was of some only: as they were given to `evaluate`. */
  readonly indices?: readonly number[];
  /** Default `source`. */
  readonly scoreAt?: 'source' | 'model' | undefined;
  /** Samples of each rank; default 6. */
  readonly each?: number;
}

/** Longer side of the pictures, at most. */
export const GALLERY_SIDE = 320;

/** Where the pictures lie, in the folder of `gallery.json`. */
const PICTURES = 'gallery';

/**
 * Writes `gallery.json` and its pictures into `folder`, in place of an earlier gallery.
 *
 * @param evaluation what `evaluate` gave for `dataset`. @throws what the data set throws for a sample that
 *   cannot be read, and `signal.reason` once aborted.
 */
export async function writeGallery(
  folder: string,
  segmenter: RasterSegmenter,
  dataset: Dataset,
  evaluation: Pick<Evaluation, 'perSample'>,
  options: GalleryOptions,
): Promise<Gallery> {
  const { part, chosenOn, indices, scoreAt = 'source', each, ...view } = options;
  const { classes, palette } = segmenter.card;
  const choices = chooseSamples(evaluation.perSample, each);
  // Those of an earlier gallery must not be taken for these.
  await rm(join(folder, 'gallery.json'), { force: true });
  await rm(join(folder, PICTURES), { recursive: true, force: true });
  const items: GalleryItem[] = [];
  for (const [i, choice] of choices.entries()) {
    const index = indices?.[choice.index] ?? choice.index;
    const scores = evaluation.perSample[choice.index]!;
    items.push(await writeItem(folder, i + 1, segmenter, dataset, index, scores, choice, view));
  }
  const { falsePositive, falseNegative, wrongClass } = ERROR_COLOURS;
  const gallery: Gallery = {
    version: 1,
    part,
    scoreAt,
    chosenOn,
    classes: classes.map((name, k) => ({ name, color: hexColour(palette[k]!) })),
    background: backgroundClass(classes),
    errorColors: {
      falsePositive: hexColour(falsePositive),
      falseNegative: hexColour(falseNegative),
      wrongClass: hexColour(wrongClass),
    },
    items,
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
  { foreground: _foreground, ...scores }: SampleScores,
  { rank, place, of, score }: Choice,
  options: SegmentOptions & CleanOptions,
): Promise<GalleryItem> {
  const { classes, palette } = segmenter.card;
  const background = backgroundClass(classes);
  const { image, mask } = await dataset.get(index);
  const segmented = await segmenter.segment(image, options, scores.id);
  const predicted = cleanMask(segmented.mask, { background, ...options });
  const view = viewSize(image, GALLERY_SIDE);
  const truth = resizeMask(mask, view.width, view.height);
  const prediction = resizeMask(predicted, view.width, view.height);
  // Never named after the sample: an id may hold what no file name can.
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
  await write(pictures.truth, await encodeMaskLayer(truth, palette, background));
  await write(pictures.prediction, await encodeMaskLayer(prediction, palette, background));
  await write(pictures.errors, await encodeErrorMap(errorMap(prediction, truth, background)));
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
    counts: new ConfusionMatrix(classes.length).add(prediction.data, truth.data).rows(),
    ...pictures,
  };
}
