/** Writes NumPy's file format for one array (NEP 1, version 1.0), which `numpy.load` reads. */
import type { FileHandle } from 'node:fs/promises';
import type { Planes } from '../images/resize.js';

/** Encodes a float32 array in C order as a `.npy` file. */
export function encodeNpy(data: Float32Array, shape: readonly number[]): Uint8Array {
  const header = npyHeader(shape);
  const bytes = new Uint8Array(header.length + data.byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return bytes;
}

/** The header of a float32 array in C order. */
export function npyHeader(shape: readonly number[]): Uint8Array {
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  // Magic, version and length take 10 bytes. The header ends with a line feed; data start at a multiple of 64.
  const headerLength = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + headerLength);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, headerLength & 0xff, headerLength >> 8]);
  bytes.set(new TextEncoder().encode(`${dict.padEnd(headerLength - 1)}\n`), 10);
  return bytes;
}

/** Writes a float32 array of K×H×W strip by strip. */
export class NpyPlanesWriter {
  private readonly header: Uint8Array;

  /** @param file an empty file. */
  constructor(
    private readonly file: FileHandle,
    private readonly shape: readonly [classes: number, height: number, width: number],
  ) {
    this.header = npyHeader(shape);
  }

  /** Writes rows of all planes, starting at `top`. For K = 2, a single plane p of class 1 implies 1 − p of class 0. */
  async write(top: number, strip: Planes): Promise<void> {
    const [classes, height, width] = this.shape;
    if (top === 0) await writeAt(this.file, this.header, 0);
    const size = strip.height * width;
    for (let k = 0; k < classes; k++) {
      const channel = k - (classes - strip.channels);
      const values =
        channel < 0
          ? strip.data.subarray(0, size).map((p) => 1 - p)
          : strip.data.subarray(channel * size, (channel + 1) * size);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      await writeAt(this.file, bytes, this.header.length + 4 * (k * height + top) * width);
    }
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}
