/** `POST /segment`: an image in, a mask out. The server mounts it, and so does {@link createHandler}. */
import type { Segmenter } from '../inference/index.js';
import { UsageError } from '../errors/index.js';
import type { AdmissionQueue } from './admission-queue.js';
import { type AnswerFormat, answerFormat, answerSubject } from './answer-format.js';
import { inPieces, lengthOf } from './body-in-pieces.js';
import { HttpError } from './http-error.js';
import type { ImageAnswers } from './image-thread.js';
import { uploadedBody } from './uploaded-image.js';

export interface SegmentRouteParts {
  readonly segmenter: Pick<Segmenter, 'card' | 'thresholdOf'>;
  readonly images: Pick<ImageAnswers, 'answer'>;
  readonly queue: AdmissionQueue;
  readonly maxBytes: number;
  readonly maxPixels: number;
  /** Milliseconds for receiving a body, and for processing it. */
  readonly uploadTimeout: number;
  readonly workTimeout: number;
  /** The format of answers to requests that name none; default: by their Accept header, else `png`. */
  readonly format?: AnswerFormat | undefined;
  /** Called with the seconds from decoded image to mask, and the pixels of the image. */
  readonly onSegmented?: (seconds: number, pixels: number) => void;
}

/** The slowest accepted upload, in bytes a second. A slower one would occupy a place in the queue for too long. */
const SLOWEST_UPLOAD = 16 * 1024;

/** Answers a request. @throws HttpError, or what `httpErrorOf` makes one of. */
export async function answerSegment(request: Request, parts: SegmentRouteParts): Promise<Response> {
  const { segmenter, images, queue, maxBytes, maxPixels } = parts;
  const query = new URL(request.url).searchParams;
  const format = answerFormat(query.get('format') ?? parts.format, request.headers.get('accept'));
  const as = answerSubject(query.get('as') ?? undefined);
  if (as === 'objects' && segmenter.card.multiLabel) {
    throw new HttpError(400, 'as', 'The classes of this model overlap: it has masks, no objects.');
  }
  const threshold = thresholdIn(query.get('threshold') ?? undefined);
  segmenter.thresholdOf(threshold);
  return queue.admit(async () => {
    const bytes = await uploadedBody(request, {
      maxBytes,
      timeout: parts.uploadTimeout,
      slowest: SLOWEST_UPLOAD,
    });
    const late = AbortSignal.timeout(parts.workTimeout);
    const signal = AbortSignal.any([request.signal, late]);
    const contentType = request.headers.get('content-type') ?? '';
    try {
      return await queue.run(async () => {
        const asked = { contentType, format, as, threshold, maxPixels };
        const { type, body, decoding, seconds, pixels } = await images.answer(bytes, asked, signal);
        parts.onSegmented?.(seconds, pixels);
        return new Response(inPieces(body), {
          headers: {
            ...lengthOf(body),
            'content-type': type,
            'cache-control': 'no-store',
            'server-timing': `decode;dur=${decoding.toFixed(1)}, segment;dur=${(seconds * 1000).toFixed(1)}`,
          },
        });
      }, signal);
    } catch (error) {
      if (late.aborted && !request.signal.aborted) {
        throw new HttpError(504, 'time-out', 'Processing the image took too long. Send a smaller one.');
      }
      if (request.signal.aborted) throw new HttpError(400, 'gone', 'The client closed the connection.');
      throw error;
    }
  });
}

function thresholdIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) {
    throw new UsageError(`The threshold is "${text}"; it must be a probability from 0 to 1.`);
  }
  return value;
}

/** The error for a method that the route does not have, and the header that goes with it. */
export const NOT_POST = {
  error: () => new HttpError(405, 'method', 'Send the image with POST.'),
  headers: { allow: 'POST' },
} as const;
