/**
 * Errors that the user can act on. A message says what was wrong, where (file, sample, layer, shape) and what to
 * do about it. The CLI prints the message without a stack.
 */
export class PixelwiseError extends Error {
  /** A short stable name for programs: `mask-missing`, `shape`, `checkpoint`… */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PixelwiseError';
    this.code = code;
  }
}

/** A wrong option or argument: an unknown name, a value out of range. The CLI exits with code 2. */
export class UsageError extends PixelwiseError {
  constructor(message: string, options?: ErrorOptions) {
    super('usage', message, options);
    this.name = 'UsageError';
  }
}

/** Two shapes do not fit together. */
export class ShapeError extends PixelwiseError {
  constructor(message: string, options?: ErrorOptions) {
    super('shape', message, options);
    this.name = 'ShapeError';
  }
}
