/** A request that is not answered as asked: its status, and why. */
import { PixelwiseError, UsageError } from '../errors/index.js';

export type RefusalStatus = 400 | 403 | 404 | 405 | 406 | 408 | 413 | 415 | 422 | 500 | 503 | 504;

export class Refusal extends PixelwiseError {
  constructor(
    readonly status: RefusalStatus,
    code: string,
    message: string,
    /** Seconds after which another try makes sense. */
    readonly retryAfter?: number,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.name = 'Refusal';
  }
}

/** What is wrong with an image or with how it is to be segmented is the client's; all else is ours. */
const STATUS_BY_CODE: Readonly<Record<string, RefusalStatus>> = {
  'image-empty': 422,
  'image-format': 415,
  'image-damaged': 422,
  'image-depth': 422,
  'image-channels': 422,
  'image-too-large': 413,
  'out-of-memory': 503,
};

/** Any error as a refusal. One that nobody foresaw keeps its message to itself. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof UsageError) return new Refusal(400, error.code, error.message);
  if (error instanceof PixelwiseError) {
    // Of an image's size: the model's shapes are its own.
    const status = error.code === 'shape' ? 422 : STATUS_BY_CODE[error.code];
    if (status !== undefined)
      return new Refusal(status, error.code, error.message, undefined, { cause: error });
  }
  return new Refusal(500, 'internal', 'The server failed; its log says why.', undefined, { cause: error });
}
