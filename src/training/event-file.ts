/**
 * TensorBoard's event files: TFRecords (length and contents, each with a checksum) that hold protobuf
 * messages `Event` (tensorflow/core/util/event.proto) with scalars.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { crc32c } from '../files/crc.js';

export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars: readonly (readonly [tag: string, value: number])[];
}

/** What every event file begins with. */
export function eventFileHeader(wallTime: number): Uint8Array {
  return record(event(wallTime).tag(3, WireType.LengthDelimited).string('brain.Event:2').finish());
}

/** One step's scalars, to be appended to an event file. */
export function encodeScalars({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const summary = new BinaryWriter();
  for (const [tag, value] of scalars) {
    summary.tag(1, WireType.LengthDelimited).fork();
    summary.tag(1, WireType.LengthDelimited).string(tag);
    // A float beyond float32's range is written as infinity: the writer itself would refuse it.
    summary.tag(2, WireType.Bit32).float(Math.fround(value));
    summary.join();
  }
  const written = event(wallTime).tag(2, WireType.Varint).int64(step);
  return record(written.tag(5, WireType.LengthDelimited).bytes(summary.finish()).finish());
}

function event(wallTime: number): BinaryWriter {
  return new BinaryWriter().tag(1, WireType.Bit64).double(wallTime);
}

function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedChecksum(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedChecksum(data), true);
  return bytes;
}

/** Masked, as the format asks, since the checksum of data that holds checksums is weak. */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
