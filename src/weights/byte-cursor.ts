/** Sequential little-endian reads, checked against the end of the bytes. */
import { PixelwiseError } from '../errors/index.js';

export class ByteCursor {
  private readonly view: DataView;

  /**
   * @param source what error messages call the file.
   * @param position the first byte to read.
   */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly source: string,
    public position = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.position >= this.bytes.length;
  }

  uint8(): number {
    return this.view.getUint8(this.advance(1));
  }

  uint16(): number {
    return this.view.getUint16(this.advance(2), true);
  }

  uint32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  int32(): number {
    return this.view.getInt32(this.advance(4), true);
  }

  /** An unsigned 64-bit number, which as a length or an offset must be below 2^53. */
  uint64(): number {
    const value = Number(this.view.getBigUint64(this.advance(8), true));
    if (!Number.isSafeInteger(value)) this.fail(`the length or offset ${value} is larger than any file`);
    return value;
  }

  /** A big-endian double: the only big-endian number in a pickle. */
  float64BigEndian(): number {
    return this.view.getFloat64(this.advance(8), false);
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** UTF-8 text of `length` bytes. */
  text(length: number): string {
    const bytes = this.take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      return this.fail(`the text at byte ${this.position - length} is not UTF-8`);
    }
  }

  /** UTF-8 text up to the next newline, which is skipped. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end < 0) this.fail(`it ends inside a line that starts at byte ${this.position}`);
    const line = this.text(end - this.position);
    this.position++;
    return line;
  }

  fail(problem: string): never {
    throw new PixelwiseError('weights', `${this.source} cannot be read: ${problem}.`);
  }

  private advance(length: number): number {
    const start = this.position;
    if (length > this.bytes.length - start) {
      this.fail(
        `it is truncated or corrupt: ${length} bytes are expected at byte ${start} of ${this.bytes.length}`,
      );
    }
    this.position = start + length;
    return start;
  }
}
