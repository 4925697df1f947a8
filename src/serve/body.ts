/** A request's body, read whole within limits of size and time: a slow or endless sender holds nothing for long. */
import { Refusal } from './refusal.js';

export interface BodyLimits {
  readonly maxBytes: number;
  /** Milliseconds for the whole body. */
  readonly timeout: number;
  /** Bytes a second that a sender keeps up on average, once {@link GRACE} is over. */
  readonly slowest: number;
}

/** Milliseconds before which no one counts as slow. */
const GRACE = 3000;

/**
 * Reads a body. @param length as the header has it.
 * @throws Refusal 413 beyond `maxBytes` (at once where the header says so), 408 for a sender that is too slow,
 *   400 for one that goes away.
 */
export async function readBody(
  body: ReadableStream<Uint8Array> | null,
  length: string | undefined,
  limits: BodyLimits,
): Promise<Uint8Array> {
  if (length !== undefined && Number(length) > limits.maxBytes) throw tooLarge(limits);
  if (body === null) return new Uint8Array(0);
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  const started = performance.now();
  let size = 0;
  let slow: Refusal | undefined;
  const check = setInterval(() => {
    const passed = performance.now() - started;
    const late = passed > limits.timeout || (passed > GRACE && (size * 1000) / passed < limits.slowest);
    if (!late || slow) return;
    slow = new Refusal(
      408,
      'too-slow',
      `The image came too slowly: ${size} bytes in ${(passed / 1000).toFixed(1)} s. Send it faster, or make it smaller.`,
    );
    // The read that waits then ends with an error.
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
    if (cause instanceof Refusal) throw cause;
    throw (
      slow ?? new Refusal(400, 'cut-short', 'The request ended before its body did.', undefined, { cause })
    );
  } finally {
    clearInterval(check);
    // What is left is for `drain`.
    reader.releaseLock();
  }
  if (length !== undefined && size !== Number(length)) {
    throw new Refusal(400, 'cut-short', `The request ended after ${size} of ${length} bytes.`);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** How much of a refused body is read and forgotten, and for how many milliseconds. */
const DRAINED_BYTES = 64 * 2 ** 20;
const DRAIN_TIME = 2000;

/**
 * Reads what is left of a body and forgets it. A connection that is closed, or used again, while its sender
 * is still sending would lose the answer on the way.
 *
 * @returns whether the body came to its end; else the connection has to be closed.
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
    // The time is over, or the sender gone.
    return false;
  } finally {
    clearTimeout(timer);
    reader.releaseLock();
  }
}

function tooLarge({ maxBytes }: BodyLimits): Refusal {
  const most = `${(maxBytes / 2 ** 20).toLocaleString('en', { maximumFractionDigits: 1 })} MiB`;
  return new Refusal(413, 'body-too-large', `The body is larger than ${most}. Send a smaller image.`);
}
