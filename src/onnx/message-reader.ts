/**
 * Reads one protobuf message. It has only its own bytes, so that nothing inside can be read beyond its end. Errors
 * contain the path of the message (`graph.node[3].attribute[0]`).
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { PixelwiseError } from '../errors/index.js';

/** Protobuf's usual limit. Deeper nesting is an attack, not a model. */
const MAX_DEPTH = 100;

export class MessageReader {
  /** The number of the field that `next` moved to. */
  field = 0;

  private wireType: WireType = WireType.Varint;
  private readonly reader: BinaryReader;

  /**
   * @param source what error messages call the model, e.g. its file.
   * @param path of this message in the model; '' for the model itself.
   */
  constructor(
    bytes: Uint8Array,
    private readonly source: string,
    readonly path = '',
    private readonly depth = 0,
  ) {
    if (depth > MAX_DEPTH) this.fail(`messages are nested more than ${MAX_DEPTH} deep`);
    this.reader = new BinaryReader(bytes);
  }

  /** Moves to the next field, whose value must then be read or skipped. Returns false at the end of the message. */
  next(): boolean {
    if (this.reader.pos === this.reader.len) return false;
    [this.field, this.wireType] = this.guard(() => this.reader.tag());
    return true;
  }

  skip(): void {
    this.guard(() => this.reader.skip(this.wireType, this.field));
  }

  string(): string {
    this.expect(WireType.LengthDelimited);
    return this.guard(() => this.reader.string(true));
  }

  /** A view of the model's bytes, not a copy. */
  bytes(): Uint8Array {
    this.expect(WireType.LengthDelimited);
    return this.guard(() => this.reader.bytes());
  }

  float(): number {
    this.expect(WireType.Bit32);
    return this.guard(() => this.reader.float());
  }

  int(): number {
    this.expect(WireType.Varint);
    return this.safeInteger();
  }

  /** Appends one value or several packed ones. */
  ints(into: number[]): void {
    this.repeated(WireType.Varint, (reader) => into.push(reader.safeInteger()));
  }

  /** Appends one value or several packed ones, as 64-bit integers. */
  bigInts(add: (value: bigint) => void): void {
    this.repeated(WireType.Varint, (reader) => add(reader.guard(() => BigInt(reader.reader.int64()))));
  }

  floats(into: number[]): void {
    this.repeated(WireType.Bit32, (reader) => into.push(reader.guard(() => reader.reader.float())));
  }

  /** The little-endian bytes of one `float` or `double`, or of several packed ones. */
  fixedWidth(bytesEach: 4 | 8): Uint8Array {
    if (this.wireType === WireType.LengthDelimited) {
      const packed = this.bytes();
      if (packed.length % bytesEach !== 0) {
        this.fail(`field ${this.field} holds ${packed.length} bytes, not a multiple of ${bytesEach}`);
      }
      return packed;
    }
    const wireType = bytesEach === 4 ? WireType.Bit32 : WireType.Bit64;
    this.expect(wireType);
    return this.guard(() => this.reader.skip(wireType));
  }

  /** A nested message; `name` is its field in this one. */
  message(name: string): MessageReader {
    const path = this.path === '' ? name : `${this.path}.${name}`;
    return new MessageReader(this.bytes(), this.source, path, this.depth + 1);
  }

  fail(problem: string): never {
    throw this.error(problem);
  }

  private error(problem: string, cause?: unknown): PixelwiseError {
    const place = this.path === '' ? '' : ` (in ${this.path})`;
    return new PixelwiseError('onnx', `${this.source} cannot be read: ${problem}${place}.`, { cause });
  }

  private repeated(single: WireType, read: (from: MessageReader) => void): void {
    if (this.wireType !== WireType.LengthDelimited) {
      this.expect(single);
      read(this);
      return;
    }
    const packed = new MessageReader(this.bytes(), this.source, this.path, this.depth);
    while (packed.reader.pos < packed.reader.len) read(packed);
  }

  private safeInteger(): number {
    const value = this.guard(() => BigInt(this.reader.int64()));
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      this.fail(`the integer ${value} in field ${this.field} is beyond 2^53`);
    return number;
  }

  private expect(wireType: WireType): void {
    if (this.wireType !== wireType) {
      this.fail(`the bytes are corrupt: field ${this.field} has wire type ${this.wireType}, not ${wireType}`);
    }
  }

  private guard<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw this.error('the bytes are truncated or corrupt', cause);
    }
  }
}
