/** Encodes a mask in the requested format. */
import { encodeMask } from '../images/encode.js';
import type { ClassMask } from '../images/raster.js';
import type { ModelCard } from '../inference/model-card.js';
import { maskToCoco, maskToGeoJson, paletteOf } from '../inference/index.js';
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

/** @param seconds from decoded image to mask. */
export async function maskAnswer(
  mask: ClassMask,
  card: ModelCard,
  format: AnswerFormat,
  seconds: number,
): Promise<MaskBody> {
  if (format === 'png') {
    const body = await encodeMask(mask, { palette: paletteOf(card) });
    return { type: 'image/png', body: body as Uint8Array<ArrayBuffer> };
  }
  if (format === 'json') return json('application/json', summary(mask, card, seconds));
  if (changes(mask) > MOST_CHANGES) {
    throw new HttpError(422, 'mask-scattered', `The mask is too fragmented for ${format}; request png.`);
  }
  if (format === 'polygons') return json('application/geo+json', maskToGeoJson(mask, card.classes, card));
  return json('application/json', maskToCoco(mask, card.classes, '', card));
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
function changes({ width, data }: ClassMask): number {
  let count = 0;
  for (let i = 1; i < data.length; i++) {
    if (data[i] !== data[i - 1]) count++;
    if (i >= width && data[i] !== data[i - width]) count++;
  }
  return count;
}
