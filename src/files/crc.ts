/** Cyclic redundancy checks of 32 bits. Imports nothing of Node: pages write PNGs too. */

/** CRC-32 (ISO 3309), the checksum of PNG, gzip and zip. */
export const crc32 = crcOf(0xedb88320);
/** CRC-32C (Castagnoli), the checksum of TFRecord files. */
export const crc32c = crcOf(0x82f63b78);

/**
 * A function that returns the checksum of `bytes`, or of a longer message whose earlier bytes have the checksum
 * `previous`.
 *
 * @param polynomial with its bits reversed.
 */
function crcOf(polynomial: number): (bytes: Uint8Array, previous?: number) => number {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? polynomial : 0);
    return remainder;
  });
  return (bytes, previous = 0) => {
    let crc = ~previous;
    for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
    return ~crc >>> 0;
  };
}
