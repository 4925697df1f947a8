/**
 * Writes one protobuf message. Small fields are written at once; large byte strings (weights) are kept by reference
 * until `finish` copies each of them once into the final buffer.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { PixelwiseError } from '../errors/index.js';

/** Byte strings of this size or more are kept by reference instead of being copied at every nesting level. */
const LARGE = 4096;

/** Protobuf's limit for a message: readers refuse files of 2 GiB and more. */
const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

export class MessageWriter {
  private readonly scalars = new BinaryWriter();
  private readonly chunks: Uint8Array[] = [];
  private chunkBytes = 0;

  int(field: number, value: number): this {
    if (!Number.isSafeInteger(value)) {
      throw new PixelwiseError(
        'onnx',
        `${value} cannot be an ONNX integer: it is not a whole number below 2^53.`,
      );
    }
    this.scalars.tag(field, WireType.Varint).int64(value);
    return this;
  }

  float(field: number, value: number): this {
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw new PixelwiseError(
        'onnx',
        `${value} cannot be an ONNX float: it is beyond the range of float32.`,
      );
    }
    this.scalars.tag(field, WireType.Bit32).float(value);
    return this;
  }

  string(field: number, value: string): this {
    this.scalars.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  /** A string that is left out if empty. */
  optionalString(field: number, value: string): this {
    return value === '' ? this : this.string(field, value);
  }

  bytes(field: number, data: Uint8Array): this {
    this.scalars.tag(field, WireType.LengthDelimited).uint32(data.length);
    if (data.length < LARGE) {
      this.scalars.raw(data);
    } else {
      this.flush();
      this.append(data);
    }
    return this;
  }

  message(field: number, child: MessageWriter): this {
    child.flush();
    if (child.chunkBytes > MAX_MESSAGE_BYTES) throw tooLarge(child.chunkBytes);
    this.scalars.tag(field, WireType.LengthDelimited).uint32(child.chunkBytes);
    if (child.chunkBytes < LARGE) {
      for (const chunk of child.chunks) this.scalars.raw(chunk);
    } else {
      this.flush();
      for (const chunk of child.chunks) this.append(chunk);
    }
    return this;
  }

  finish(): Uint8Array {
    this.flush();
    if (this.chunkBytes > MAX_MESSAGE_BYTES) throw tooLarge(this.chunkBytes);
    const whole = new Uint8Array(this.chunkBytes);
    let at = 0;
    for (const chunk of this.chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  private flush(): void {
    const written = this.scalars.finish();
    if (written.length > 0) this.append(written);
  }

  private append(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.chunkBytes += chunk.length;
  }
}

function tooLarge(bytes: number): PixelwiseError {
  return new PixelwiseError(
    'onnx',
    `The ONNX model would take ${(bytes / 2 ** 30).toFixed(2)} GiB; the format holds less than 2 GiB.`,
  );
}
