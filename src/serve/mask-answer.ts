/** Encodes a mask in the requested format. */
import { encodeImage, encodeMask } from '../images/encode.js';
import { objectOverlay } from '../images/object-overlay.js';
import { MOST_IN_16_BITS } from '../images/encode-labels.js';
import { backgroundClass } from '../images/palette.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { toDisplay } from '../images/paint-mask.js';
import type { ClassMask, Raster } from '../images/raster.js';
import type { ModelCard } from '../inference/model-card.js';
import { drawOverlay, maskToCoco, maskToGeoJson, paletteOf } from '../inference/index.js';
import { overlayOptions } from '../inference/pictures.js';
import { measureSegmented, objectsToCoco, objectsToGeoJson } from '../inference/object-outlines.js';
import { objectsOfSegmentation } from '../inference/segmented-objects.js';
import type { Segmentation } from '../inference/index.js';
import { objectRows, type ValueMask } from '../objects/index.js';
import { pixelsByClass } from '../labels/label-set.js';
import type { AnswerFormat } from './answer-format.js';
import { HttpError } from './http-error.js';

/**
 * The most class changes along rows and columns for which outlines or run lengths are made. Beyond that they would
 * take more memory than the image.
 */
const MOST_CHANGES = 4_000_000;

export interface MaskBody {
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer> | string;
}

/** The mask of an image in the requested format. */
export async function maskAnswer(
  { mask, image, seconds, confidence }: Segmentation,
  card: ModelCard,
  format: AnswerFormat,
): Promise<MaskBody> {
  if (format === 'image') return displayed(image, card);
  if (format === 'confidence') return greyConfidence(mask, confidence!);
  if (format === 'overlay') return png(await encodeImage(await drawOverlay(image, mask, { card })));
  if (format === 'png') {
    return png(await encodeMask(mask, { palette: paletteOf(card) }));
  }
  if (format === 'json') return json('application/json', summary(mask, card, seconds));
  if (changes(mask) > MOST_CHANGES) {
    throw new HttpError(422, 'mask-scattered', `The mask is too fragmented for ${format}; request png.`);
  }
  if (format === 'polygons') return json('application/geo+json', maskToGeoJson(mask, card.classes, card));
  return json('application/json', maskToCoco(mask, card.classes, '', card));
}

/** The objects of an image in the requested format; `json` is their number by class and their measurements. */
export async function objectsAnswer(
  segmented: Segmentation,
  card: ModelCard,
  format: AnswerFormat,
): Promise<MaskBody> {
  const { image, seconds, width, height } = segmented;
  const objects = objectsOfSegmentation(segmented, card);
  if (format === 'overlay')
    return png(await encodeImage(await objectOverlay(image, objects, overlayOptions(card))));
  if (format === 'png') {
    if (objects.classes.length > MOST_IN_16_BITS) {
      throw new HttpError(
        422,
        'mask-scattered',
        `${objects.classes.length} objects do not fit into a PNG; request json.`,
      );
    }
    const data = Uint16Array.from(objects.labels);
    return png(await encodeIndexedPng({ width, height, data }));
  }
  if (format === 'json') {
    const rows = objectRows('', measureSegmented(objects, card.classes, image));
    const counts = Object.fromEntries(
      card.classes.flatMap((name, value) => {
        const count = objects.classes.filter((own) => own === value).length;
        return value === backgroundClass(card.classes) ? [] : [[name, count]];
      }),
    );
    return json('application/json', { width, height, seconds, counts, objects: rows });
  }
  if (changes({ width, height, data: objects.labels }) > MOST_CHANGES) {
    throw new HttpError(422, 'mask-scattered', `The objects are too fragmented for ${format}; request png.`);
  }
  if (format === 'polygons') {
    return json('application/geo+json', objectsToGeoJson(objects, card.classes, '', image));
  }
  return json('application/json', objectsToCoco(objects, card.classes, ''));
}

/** The image as it is shown: 8-bit RGB, stretched if the model's images use a part of their range. */
async function displayed(image: Raster, card: ModelCard): Promise<MaskBody> {
  const { width, height } = image;
  const data = toDisplay(image, overlayOptions(card).range);
  return png(await encodeImage({ width, height, channels: 3, data }));
}

async function greyConfidence({ width, height }: ClassMask, confidence: Float32Array): Promise<MaskBody> {
  const data = Uint8Array.from(confidence, (share) => Math.round(255 * share));
  return png(await encodeImage({ width, height, channels: 1, data }));
}

function png(body: Uint8Array): MaskBody {
  return { type: 'image/png', body: body as Uint8Array<ArrayBuffer> };
}

function json(type: string, value: object): MaskBody {
  return { type, body: JSON.stringify(value) };
}

function summary({ width, height, data }: ClassMask, card: ModelCard, seconds: number): object {
  const { classes } = card;
  const pixels = pixelsByClass(data, card);
  return {
    width,
    height,
    seconds,
    classes: classes.map((name, index) => ({
      index,
      name,
      pixels: pixels[index],
      share: pixels[index]! / data.length,
    })),
  };
}

/** How many neighbouring pixels differ in class. */
function changes({ width, data }: ValueMask): number {
  let count = 0;
  for (let i = 1; i < data.length; i++) {
    if (data[i] !== data[i - 1]) count++;
    if (i >= width && data[i] !== data[i - width]) count++;
  }
  return count;
}
