/** The formats in which a mask is returned. */
import { HttpError } from './http-error.js';

export const ANSWER_FORMATS = ['png', 'overlay', 'rle', 'polygons', 'json', 'image', 'confidence'] as const;

/**
 * - `png`: a PNG whose values are the class indices, with a palette;
 * - `overlay`: a PNG of the image with its mask, or its objects, drawn over it;
 * - `rle`: COCO's run lengths of each class;
 * - `polygons`: GeoJSON, in pixels;
 * - `json`: the pixel count of each class, without the mask;
 * - `image`: a PNG of the image itself as it is displayed: 8 bits, the values that it uses stretched over them;
 * - `confidence`: a grey PNG, the probability of each pixel's class: 0 to 255 for 0 to 1.
 */
export type AnswerFormat = (typeof ANSWER_FORMATS)[number];

/** What an answer is about: the classes of pixels, or the objects. */
export type AnswerSubject = 'mask' | 'objects';

/** @throws HttpError 400 for another word. */
export function answerSubject(query: string | undefined): AnswerSubject {
  if (query === undefined || query === 'mask') return 'mask';
  if (query === 'objects') return query;
  throw new HttpError(400, 'as', `The answer is asked for as "${query}"; it must be mask or objects.`);
}

const BY_TYPE: Readonly<Record<string, AnswerFormat>> = {
  'image/png': 'png',
  'image/*': 'png',
  '*/*': 'png',
  'application/geo+json': 'polygons',
  'application/json': 'json',
};

/**
 * The format that a request asks for: `query`, or else the preferred type of its Accept header.
 *
 * @throws HttpError 400 or 406.
 */
export function answerFormat(query: string | undefined, accept: string | null): AnswerFormat {
  if (query !== undefined) {
    const found = ANSWER_FORMATS.find((format) => format === query);
    if (found) return found;
    throw new HttpError(
      400,
      'format',
      `The format is "${query}"; it must be one of ${ANSWER_FORMATS.join(', ')}.`,
    );
  }
  if (accept === null || accept.trim() === '') return 'png';
  const preferred = accept
    .split(',')
    .map((entry) => {
      const [type = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='));
      return { format: BY_TYPE[type], quality: quality === undefined ? 1 : Number(quality.slice(2)) };
    })
    .filter(({ format, quality }) => format !== undefined && quality > 0)
    .sort((a, b) => b.quality - a.quality);
  if (preferred[0]?.format) return preferred[0].format;
  throw new HttpError(
    406,
    'format',
    `None of "${accept}" is available. Accept image/png, application/geo+json or application/json, or set ?format=.`,
  );
}
