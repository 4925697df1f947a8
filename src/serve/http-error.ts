/** Errors that clients get as an HTTP status and a JSON body. */
import { PixelwiseError, UsageError } from '../errors/index.js';

export type HttpErrorStatus =
  400 | 401 | 403 | 404 | 405 | 406 | 408 | 409 | 412 | 413 | 415 | 422 | 500 | 503 | 504;

export class HttpError extends PixelwiseError {
  constructor(
    readonly status: HttpErrorStatus,
    code: string,
    message: string,
    /** Seconds after which the client may try again. */
    readonly retryAfter?: number,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.name = 'HttpError';
  }
}

/** Errors in the image or the request are the client's. All other errors become 500. */
const STATUS_BY_CODE: Readonly<Record<string, HttpErrorStatus>> = {
  'image-empty': 422,
  'image-format': 415,
  'image-damaged': 422,
  'image-depth': 422,
  'image-channels': 422,
  'image-too-large': 413,
  memory: 503,
};

/** Converts any error. The message of an unexpected one is not sent to the client. */
export function httpErrorOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof UsageError) return new HttpError(400, error.code, error.message);
  if (error instanceof PixelwiseError) {
    // A shape error here comes from the image's size.
    const status = error.code === 'shape' ? 422 : STATUS_BY_CODE[error.code];
    if (status === 503) return outOfMemory(error);
    if (status !== undefined)
      return new HttpError(status, error.code, error.message, undefined, { cause: error });
  }
  // Node throws a RangeError where it cannot allocate an array, and libvips says so in its message.
  if (
    error instanceof Error &&
    /allocation failed|out of memory|unable to (?:m)?alloc/i.test(error.message)
  ) {
    return outOfMemory(error);
  }
  return new HttpError(500, 'internal', 'Internal error; see the server log.', undefined, { cause: error });
}

/** Seconds after which memory may be free again: other requests have ended by then. */
const RETRY_MEMORY = 5;

function outOfMemory(cause: Error): HttpError {
  const message = 'The server is short of memory for this image. Try again later, or send a smaller one.';
  return new HttpError(503, 'memory', message, RETRY_MEMORY, { cause });
}

/** An error as JSON, with the id of its request. */
export function errorResponse(
  error: HttpError,
  requestId: string,
  more: Record<string, string> = {},
): Response {
  const { status, code, message, retryAfter } = error;
  return new Response(JSON.stringify({ error: { code, message }, requestId }), {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
      ...more,
    },
  });
}
