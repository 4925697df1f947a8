/** The work of a request: the image in its body is decoded and segmented, and the answer encoded. */
import { decodeImage } from '../images/decode.js';
import type { Segmenter } from '../inference/index.js';
import type { AnswerFormat, AnswerSubject } from './answer-format.js';
import { maskAnswer, objectsAnswer } from './mask-answer.js';
import { imageInBody } from './uploaded-image.js';

/** The request for one image. */
export interface ImageRequest {
  /** The type of the body: an image's, or `multipart/form-data`. */
  readonly contentType: string;
  readonly format: AnswerFormat;
  readonly as: AnswerSubject;
  readonly threshold: number | undefined;
  /** The largest image in pixels. */
  readonly maxPixels: number;
}

export interface ImageAnswer {
  /** The body's type, and the body. */
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Milliseconds of decoding. */
  readonly decoding: number;
  /** Seconds from the decoded image to the mask, and the pixels of the image. */
  readonly seconds: number;
  readonly pixels: number;
}

/** Answers a request with the bytes of its body. @throws HttpError, PixelwiseError; `signal.reason` when aborted. */
export async function answerImage(
  segmenter: Segmenter,
  bytes: Uint8Array,
  { contentType, format, as, threshold, maxPixels }: ImageRequest,
  signal: AbortSignal,
): Promise<ImageAnswer> {
  const started = performance.now();
  const file = await imageInBody(bytes, contentType);
  const { card } = segmenter;
  const image = await decodeImage(file, { maxPixels, channels: card.channels });
  const decoding = performance.now() - started;
  // The image and the confidence are the same for both subjects.
  const ofObjects = as === 'objects' && format !== 'image' && format !== 'confidence';
  const segmented = await segmenter.segment(
    image,
    {
      ...(threshold !== undefined && { threshold }),
      probabilities: ofObjects,
      confidence: format === 'confidence',
      signal,
    },
    'the image',
  );
  const { mask, seconds } = segmented;
  const { type, body } = await (ofObjects
    ? objectsAnswer(segmented, card, format)
    : maskAnswer(segmented, card, format));
  const encoded = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return { type, body: encoded, decoding, seconds, pixels: mask.data.length };
}
