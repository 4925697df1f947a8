/** A stream that keeps what is written to it, and may pose as a terminal. */
import { Writable } from 'node:stream';

export class CapturedStream extends Writable {
  text = '';

  constructor(
    readonly isTTY = false,
    readonly columns = 80,
  ) {
    super();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
