/** Errors that clients get as an HTTP status and a JSON body. */
import { PixelwiseError, UsageError } from '../errors/index.js';

export type HttpErrorStatus = 400 | 403 | 404 | 405 | 406 | 408 | 413 | 415 | 422 | 500 | 503 | 504;

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
  'out-of-memory': 503,
};

/** Converts any error. The message of an unexpected one is not sent to the client. */
export function httpErrorOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof UsageError) return new HttpError(400, error.code, error.message);
  if (error instanceof PixelwiseError) {
    // A shape error here comes from the image's size.
    const status = error.code === 'shape' ? 422 : STATUS_BY_CODE[error.code];
    if (status !== undefined)
      return new HttpError(status, error.code, error.message, undefined, { cause: error });
  }
  return new HttpError(500, 'internal', 'Internal error; see the server log.', undefined, { cause: error });
}
