/** NumPy's file format for one array (NEP 1, version 1.0): what `numpy.load` reads. */

/** An array of float32 in C order as the bytes of a `.npy` file. */
export function encodeNpy(data: Float32Array, shape: readonly number[]): Uint8Array {
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  // Magic, version and length take 10 bytes; data begin at a multiple of 64 after a line feed.
  const headerLength = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + headerLength + data.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, headerLength & 0xff, headerLength >> 8]);
  bytes.set(new TextEncoder().encode(`${dict.padEnd(headerLength - 1)}\n`), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + headerLength);
  return bytes;
}
