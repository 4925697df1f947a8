/** In which form a mask is given back. */
import { Refusal } from './refusal.js';

export const ANSWER_FORMATS = ['png', 'rle', 'polygons', 'json'] as const;

/**
 * - `png`: a PNG whose values are the class indices, with a palette;
 * - `rle`: COCO's run lengths of each class;
 * - `polygons`: GeoJSON, in pixels;
 * - `json`: how many pixels each class has, without the mask.
 */
export type AnswerFormat = (typeof ANSWER_FORMATS)[number];

const BY_TYPE: Readonly<Record<string, AnswerFormat>> = {
  'image/png': 'png',
  'image/*': 'png',
  '*/*': 'png',
  'application/geo+json': 'polygons',
  'application/json': 'json',
};

/**
 * The form that a request asks for: `?format=`, or else the type of its Accept header that it likes best.
 * @throws Refusal 400 or 406.
 */
export function answerFormat(query: string | undefined, accept: string | null): AnswerFormat {
  if (query !== undefined) {
    const found = ANSWER_FORMATS.find((format) => format === query);
    if (found) return found;
    throw new Refusal(400, 'format', `The format is "${query}"; it is ${ANSWER_FORMATS.join(', ')}.`);
  }
  if (accept === null || accept.trim() === '') return 'png';
  const liked = accept
    .split(',')
    .map((entry) => {
      const [type = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='));
      return { format: BY_TYPE[type], quality: quality === undefined ? 1 : Number(quality.slice(2)) };
    })
    .filter(({ format, quality }) => format !== undefined && quality > 0)
    .sort((a, b) => b.quality - a.quality);
  if (liked[0]?.format) return liked[0].format;
  throw new Refusal(
    406,
    'format',
    `None of "${accept}" can be given. Accept image/png, application/geo+json or application/json, or say ?format=.`,
  );
}
