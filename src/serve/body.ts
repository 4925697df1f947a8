/** Reads a request's body within limits of size and time. */
import { HttpError } from './http-error.js';

export interface BodyLimits {
  readonly maxBytes: number;
  /** Milliseconds for the whole body. */
  readonly timeout: number;
  /** The slowest accepted average rate in bytes a second, checked once {@link GRACE} is over. */
  readonly slowest: number;
}

/** Milliseconds before the rate is checked. */
const GRACE = 3000;

/**
 * Reads a body completely, into memory of its own.
 *
 * @param length the Content-Length header.
 * @throws HttpError 413 beyond `maxBytes` (immediately if the header says so), 408 if the upload is too slow, 400 if
 *   the connection closes early.
 */
export async function readBody(
  body: ReadableStream<Uint8Array> | null,
  length: string | undefined,
  limits: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  if (length !== undefined && Number(length) > limits.maxBytes) throw tooLarge(limits);
  if (body === null) return new Uint8Array(0);
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  const started = performance.now();
  let size = 0;
  let slow: HttpError | undefined;
  const check = setInterval(() => {
    const passed = performance.now() - started;
    const late = passed > limits.timeout || (passed > GRACE && (size * 1000) / passed < limits.slowest);
    if (!late || slow) return;
    slow = new HttpError(
      408,
      'too-slow',
      `The upload was too slow: ${size} bytes in ${(passed / 1000).toFixed(1)} s. Use a faster connection or a smaller image.`,
    );
    // This makes the pending read fail.
    reader.releaseLock();
  }, 250);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (slow) throw slow;
      if (done) break;
      size += value.length;
      if (size > limits.maxBytes) throw tooLarge(limits);
      chunks.push(value);
    }
  } catch (cause) {
    if (cause instanceof HttpError) throw cause;
    throw (
      slow ??
      new HttpError(400, 'cut-short', 'The connection closed before the body was complete.', undefined, {
        cause,
      })
    );
  } finally {
    clearInterval(check);
    // `drain` reads the rest.
    reader.releaseLock();
  }
  if (length !== undefined && size !== Number(length)) {
    throw new HttpError(400, 'cut-short', `The request ended after ${size} of ${length} bytes.`);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** How many bytes of a refused body are read and discarded, and for how many milliseconds. */
const DRAINED_BYTES = 64 * 2 ** 20;
const DRAIN_TIME = 2000;

/**
 * Reads and discards the rest of a body. If the connection closed, or was reused, while the client is still sending,
 * the client would not get the response.
 *
 * @returns whether the body ended; if not, the connection must be closed.
 */
export async function drain(body: ReadableStream<Uint8Array> | null): Promise<boolean> {
  if (body === null) return true;
  if (body.locked) return false;
  const reader = body.getReader();
  const timer = setTimeout(() => reader.releaseLock(), DRAIN_TIME);
  try {
    for (let size = 0; size <= DRAINED_BYTES;) {
      const { done, value } = await reader.read();
      if (done) return true;
      size += value.length;
    }
    return false;
  } catch {
    // The time is over, or the client has gone.
    return false;
  } finally {
    clearTimeout(timer);
    reader.releaseLock();
  }
}

function tooLarge({ maxBytes }: BodyLimits): HttpError {
  const most = `${(maxBytes / 2 ** 20).toLocaleString('en', { maximumFractionDigits: 1 })} MiB`;
  return new HttpError(413, 'body-too-large', `The body is larger than ${most}. Send a smaller image.`);
}
