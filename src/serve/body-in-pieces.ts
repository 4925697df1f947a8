/** Bodies of responses that are written piece by piece, so that the speed of their readers is visible. */

/** The usual size of a piece in bytes: a reader at the slowest accepted rate takes a few seconds for it. */
const PIECE = 2 ** 14;

/**
 * A response's body in pieces. Node counts the bytes of a write only when all of them are sent: in one piece, a
 * slow reader of a large body would look like one who does not read.
 */
export function inPieces(body: Uint8Array | string, piece = PIECE): ReadableStream<Uint8Array> {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.subarray(at, (at += piece)));
      if (at >= bytes.length) controller.close();
    },
  });
}

/** The header that says how long such a body is. */
export function lengthOf(body: Uint8Array | string): Readonly<Record<string, string>> {
  return { 'content-length': String(Buffer.byteLength(body)) };
}
