/** Examples of errors: parts of images around objects that were missed, invented, split or merged. */
import { rasterWindow } from '../data/padded-window.js';
import type { Dataset } from '../data/dataset.js';
import type { DisplayRange } from '../images/paint-mask.js';
import type { Raster } from '../images/raster.js';
import type { Box } from '../images/resize.js';
import type { RasterSegmenter, SegmentOptions } from '../inference/index.js';
import type { SampleScores } from '../metrics/index.js';
import { measureObjects } from '../objects/index.js';
import { FATE_VALUES, type FatedObjects, fateOutlines, fatesOf } from './object-fates.js';
import { encodeMaskLayer, encodeWebp, viewOfImage, type ViewSize } from './view.js';

/** Fates that are errors, in the order in which a report shows them. */
export const ERROR_FATES = ['missed', 'invented', 'split', 'merged'] as const;
export type ErrorFate = (typeof ERROR_FATES)[number];

/** One example. Paths are relative to the folder of `gallery.json`. */
export interface FateExample {
  readonly fate: ErrorFate;
  /** The image, and the object's area in pixels. */
  readonly id: string;
  readonly area: number;
  /** The part of the image, and the size of the pictures. */
  readonly box: Box;
  readonly view: ViewSize;
  readonly image: string;
  /** Outlines of the true objects and of those that were found, in the colours of their fates. */
  readonly truth: string;
  readonly found: string;
}

/** Examples of a kind of error come from this many images, those with the most errors of the kind. */
const IMAGES = 3;
/** At most this many examples from each image. */
const EACH = 2;
/** The margin shown around an object: this share of its longer side, and at least {@link MARGIN} pixels. */
const MARGIN_SHARE = 0.5;
const MARGIN = 12;
/** The longer side of the pictures in pixels. */
const SIDE = 160;

/** The images with the most errors of each kind, by index in the list of samples. */
export function imagesWithErrors(perSample: readonly SampleScores[]): Map<number, ErrorFate[]> {
  const chosen = new Map<number, ErrorFate[]>();
  for (const fate of ERROR_FATES) {
    const most = perSample
      .map(({ objects }, index) => ({ index, errors: objects?.[fate] ?? 0 }))
      .filter(({ errors }) => errors > 0)
      .sort((a, b) => b.errors - a.errors)
      .slice(0, IMAGES);
    for (const { index } of most) chosen.set(index, [...(chosen.get(index) ?? []), fate]);
  }
  return chosen;
}

export interface FateExampleOptions extends SegmentOptions {
  /** The `indices` that were passed to `evaluate`, if any. */
  readonly indices?: readonly number[] | undefined;
  readonly range?: DisplayRange | undefined;
  /** Writes a picture and returns its path. */
  readonly write: (name: string, bytes: Uint8Array) => Promise<string>;
}

/**
 * Predicts the images with the most errors of each kind again, and writes pictures of the largest objects with such an
 * error. Sorted by kind.
 */
export async function fateExamples(
  segmenter: RasterSegmenter,
  dataset: Dataset,
  perSample: readonly SampleScores[],
  { indices, range, write, ...options }: FateExampleOptions,
): Promise<FateExample[]> {
  const examples: FateExample[] = [];
  for (const [place, fates] of imagesWithErrors(perSample)) {
    const { id } = perSample[place]!;
    const { image, objects } = await dataset.get(indices?.[place] ?? place);
    const { objects: found } = await segmenter.segment(image, options, id);
    if (!objects || !found) continue;
    const fated = fatesOf(objects, found);
    for (const fate of fates) {
      for (const { area, box } of largestWith(fate, fated)) {
        const name = `fate-${examples.length + 1}`;
        examples.push({
          fate,
          id,
          area,
          box,
          ...(await writeExample(name, image, box, fated, range, write)),
        });
      }
    }
  }
  return examples.sort((a, b) => ERROR_FATES.indexOf(a.fate) - ERROR_FATES.indexOf(b.fate));
}

/** The largest objects of a fate, and the parts of the image around them. */
function largestWith(
  fate: ErrorFate,
  { trues, found }: ReturnType<typeof fatesOf>,
): { area: number; box: Box }[] {
  const { map, fates } = fate === 'missed' || fate === 'split' ? trues : found;
  const { width, height, labels } = map;
  return measureObjects({
    width,
    height,
    data: labels.map((label) => (fates[label - 1] === fate ? label : 0)),
  })
    .sort((a, b) => b.area - a.area)
    .slice(0, EACH)
    .map(({ area, bbox: [top, left, bottom, right] }) => {
      const longer = Math.max(bottom - top, right - left);
      const side = longer + 2 * Math.max(MARGIN, Math.round(MARGIN_SHARE * longer));
      const [x, shownWidth] = around(left, right, side, width);
      const [y, shownHeight] = around(top, bottom, side, height);
      const box = { x, y, width: shownWidth, height: shownHeight };
      return { area, box };
    });
}

/** Where a stretch of `length` pixels begins that has `from` to `to` in its middle, if the image allows; and its length. */
function around(from: number, to: number, length: number, most: number): [start: number, length: number] {
  const shown = Math.min(length, most);
  const start = Math.round((from + to - shown) / 2);
  return [Math.max(0, Math.min(most - shown, start)), shown];
}

type ExamplePictures = Pick<FateExample, 'view' | 'image' | 'truth' | 'found'>;

/** Writes the pictures of an example. */
async function writeExample(
  name: string,
  image: Raster,
  box: Box,
  { trues, found }: ReturnType<typeof fatesOf>,
  range: DisplayRange | undefined,
  write: FateExampleOptions['write'],
): Promise<ExamplePictures> {
  const scale = SIDE / Math.max(box.width, box.height);
  const view = { width: Math.round(box.width * scale), height: Math.round(box.height * scale) };
  const layer = (objects: FatedObjects) => encodeMaskLayer(fateOutlines(objects, view, box), FATE_VALUES, 0);
  return {
    view,
    image: await write(
      `${name}-image.webp`,
      await encodeWebp(viewOfImage(rasterWindow(image, box), view, range)),
    ),
    truth: await write(`${name}-truth.png`, await layer(trues)),
    found: await write(`${name}-found.png`, await layer(found)),
  };
}
