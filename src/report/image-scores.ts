/**
 * `images.json` of a run: the scores and areas of every image of the scored part, doubts about its labels, and small
 * pictures of a limited number of them. It is filled while the part is scored, so nothing is predicted again.
 */
import { join } from 'node:path';
import { rangeOf, type Normalization } from '../data/normalization.js';
import { writeOutputFile } from '../files/index.js';
import { backgroundClass, maskLook } from '../images/palette.js';
import type { Raster } from '../images/raster.js';
import { resizeMask } from '../images/resize.js';
import type { ScoredSample } from '../inference/index.js';
import type { MaskClasses } from '../labels/label-set.js';
import type { LabelDoubt, SampleScores } from '../metrics/index.js';
import { dataUri } from './embed.js';
import { rankingScore } from './gallery-choice.js';
import { encodeMaskLayer, encodeWebp, viewOfImage, viewSize } from './view.js';

/** Small pictures as `data:` URIs. */
export interface SmallPicture {
  readonly width: number;
  readonly height: number;
  readonly image: string;
  readonly truth: string;
  readonly prediction: string;
}

export interface ImageEntry {
  readonly id: string;
  readonly group?: string;
  /** The score that images are ranked by, as in the gallery; null if it is undefined. */
  readonly score: number | null;
  readonly meanIoU: number | null;
  readonly loss?: number | null;
  readonly foreground: number;
  readonly areas: SampleScores['areas'];
  readonly labelDoubt?: LabelDoubt;
  /** Of the displayed image, 0 … 255: mean and standard deviation of its grey values. With a picture only. */
  readonly brightness?: number;
  readonly contrast?: number;
  readonly picture?: SmallPicture;
}

/** Content of `images.json`. */
export interface ImageScoresFile {
  readonly version: 1;
  readonly part: string;
  readonly chosenOn: boolean;
  readonly classes: readonly string[];
  /** Index of the background class; null if there is none. */
  readonly background: number | null;
  readonly items: readonly ImageEntry[];
}

/** The longer side of a small picture. */
const SIDE = 256;
/** The most images with a picture, and the most bytes of all pictures. */
export const PICTURED = 240;
const PICTURE_BYTES = 4 * 2 ** 20;

export interface ImageScoresOptions extends MaskClasses {
  readonly part: string;
  readonly chosenOn: boolean;
  readonly normalization: Normalization;
  /** Number of images that will be scored. */
  readonly count: number;
  readonly groupOf: (index: number) => string | undefined;
}

export class ImageScores {
  private readonly items: ImageEntry[] = [];
  private bytes = 0;

  constructor(private readonly options: ImageScoresOptions) {}

  /** Adds an image that was scored. */
  async add({ index, sample: { image, mask }, prediction, scores }: ScoredSample): Promise<void> {
    const { count, groupOf } = this.options;
    // Evenly spaced over the part.
    const place = this.items.length;
    const wanted = Math.floor((place * PICTURED) / count) !== Math.floor(((place - 1) * PICTURED) / count);
    const group = groupOf(index);
    const { id, meanIoU, loss, foreground, areas, labelDoubt } = scores;
    this.items.push({
      id,
      ...(group !== undefined && { group }),
      score: rankingScore(scores) ?? null,
      meanIoU,
      ...(loss !== undefined && { loss }),
      foreground,
      areas,
      ...(labelDoubt && { labelDoubt }),
      ...((count <= PICTURED || wanted) && (await this.pictured(image, mask, prediction))),
    });
  }

  private async pictured(
    image: Raster,
    mask: ScoredSample['sample']['mask'],
    prediction: ScoredSample['prediction'],
  ): Promise<Pick<ImageEntry, 'brightness' | 'contrast' | 'picture'>> {
    const view = viewSize(image, SIDE);
    const { width, height } = view;
    const shown = viewOfImage(image, view, rangeOf(this.options.normalization));
    const light = lightOf(shown);
    if (this.bytes > PICTURE_BYTES) return light;
    const { colours, clear } = maskLook(this.options);
    const layer = async (of: typeof mask) =>
      dataUri('image/png', await encodeMaskLayer(resizeMask(of, width, height), colours, clear));
    const picture = {
      ...view,
      image: dataUri('image/webp', await encodeWebp(shown, 70)),
      truth: await layer(mask),
      prediction: await layer(prediction),
    };
    this.bytes += picture.image.length + picture.truth.length + picture.prediction.length;
    return { ...light, picture };
  }

  /** Writes `images.json` into `folder`. */
  async write(folder: string): Promise<void> {
    const { part, chosenOn, classes, multiLabel } = this.options;
    const file: ImageScoresFile = {
      version: 1,
      part,
      chosenOn,
      classes,
      background: multiLabel === true ? null : backgroundClass(classes),
      items: this.items,
    };
    await writeOutputFile(join(folder, 'images.json'), `${JSON.stringify(file)}\n`);
  }
}

/** Mean and standard deviation of the grey values of an RGB image, to a tenth. */
function lightOf({ data }: Raster): { brightness: number; contrast: number } {
  const n = data.length / 3;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < data.length; i += 3) {
    const grey = (data[i]! + data[i + 1]! + data[i + 2]!) / 3;
    sum += grey;
    squares += grey * grey;
  }
  const brightness = sum / n;
  const round = (value: number) => Math.round(10 * value) / 10;
  return {
    brightness: round(brightness),
    contrast: round(Math.sqrt(Math.max(0, squares / n - brightness ** 2))),
  };
}
