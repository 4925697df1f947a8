/** A web-standard handler that segments the image in a request, to be mounted in any server that speaks `Request`. */
import { getRequestListener } from '@hono/node-server';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Segmenter } from '../inference/index.js';
import { checkOptions, choice, whole } from '../settings/index.js';
import { AdmissionQueue } from './admission-queue.js';
import { ANSWER_FORMATS, type AnswerFormat } from './answer-format.js';
import { errorResponse, type HttpError, httpErrorOf } from './http-error.js';
import { answerImage } from './image-answer.js';
import { answerSegment, NOT_POST } from './segment-route.js';

export interface HandlerOptions {
  /** The format of answers to requests without `?format=`; default by their Accept header, else `png`. */
  readonly format?: AnswerFormat | undefined;
  /** Largest request body in bytes; default 32 MiB. */
  readonly maxBytes?: number | undefined;
  /** Largest image in pixels, checked before decoding; default 2²⁵ (33.5 million). */
  readonly maxPixels?: number | undefined;
  /** Most requests admitted at once: being received, waiting or running. Others get 503. Default 32. */
  readonly places?: number | undefined;
  /** Milliseconds that a body may take to arrive; default 30,000. */
  readonly uploadTimeout?: number | undefined;
  /** Milliseconds from the complete body to the mask, including the wait; default 60,000. */
  readonly workTimeout?: number | undefined;
  /** Called with the error of a request that was refused or failed; its `cause` is not told to the client. */
  readonly onError?: ((error: HttpError, request: Request) => void) | undefined;
}

/** The limits of the server and of handlers. */
export const DEFAULT_LIMITS = {
  maxBytes: 32 * 2 ** 20,
  maxPixels: 2 ** 25,
  places: 32,
  uploadTimeout: 30_000,
  workTimeout: 60_000,
} as const;

/** Requests processed at the same time: two, so that one image is decoded or encoded while another is in the model. */
export const CONCURRENCY = 2;

const OPTIONS = {
  format: choice([...ANSWER_FORMATS]),
  maxBytes: whole(1),
  maxPixels: whole(1),
  places: whole(1),
  uploadTimeout: whole(1),
  workTimeout: whole(1),
  onError: null,
};

/**
 * Makes a function that segments the image in a POST request: its body, or a file in a form. It answers as `POST /segment` of
 * `pixelwise serve` does, also with errors: status and JSON. It has neither authentication nor a check of the sender; the
 * server that it is mounted in has.
 *
 * ```ts
 * const handler = createHandler(await Segmenter.load('cells.onnx'), { format: 'overlay' });
 * export { handler as POST }; // a route of Next.js; in Hono: app.post('/segment', (c) => handler(c.req.raw))
 * ```
 *
 * @throws UsageError for wrong options.
 */
export function createHandler(
  segmenter: Segmenter,
  options: HandlerOptions = {},
): (request: Request) => Promise<Response> {
  checkOptions<HandlerOptions>('createHandler', OPTIONS, options);
  const { format, onError } = options;
  const limit = (name: keyof typeof DEFAULT_LIMITS) => options[name] ?? DEFAULT_LIMITS[name];
  const parts = {
    segmenter,
    images: {
      answer: (...[bytes, asked, signal]: ImageCall) => answerImage(segmenter, bytes, asked, signal),
    },
    queue: new AdmissionQueue({
      capacity: limit('places'),
      concurrency: CONCURRENCY,
      timeout: limit('workTimeout'),
    }),
    maxBytes: limit('maxBytes'),
    maxPixels: limit('maxPixels'),
    uploadTimeout: limit('uploadTimeout'),
    workTimeout: limit('workTimeout'),
    format,
  };
  return async (request) => {
    try {
      if (request.method !== 'POST') throw NOT_POST.error();
      return await answerSegment(request, parts);
    } catch (cause) {
      const error = httpErrorOf(cause);
      onError?.(error, request);
      const id = request.headers.get('x-request-id') ?? crypto.randomUUID();
      return errorResponse(error, id, error.status === 405 ? NOT_POST.headers : {});
    }
  };
}

type ImageCall = [bytes: Uint8Array, asked: Parameters<typeof answerImage>[2], signal: AbortSignal];

/** A handler as a listener of Node's `http`, and of Express: `app.post('/segment', toNodeListener(handler))`. */
export function toNodeListener(
  handler: (request: Request) => Promise<Response>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const listener = getRequestListener(handler, { overrideGlobalObjects: false });
  return async (request, response) => {
    await listener(request, response);
  };
}
