/** What every PNG is put together from (PNG specification, sections 5 and 11). It needs nothing of Node. */

const GREY = 0;
const PALETTE = 3;

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Signature, header and, where there is one, the palette of RGB triples. */
export function pngBeginning(
  width: number,
  height: number,
  bits: 8 | 16,
  palette: Uint8Array | undefined,
): Uint8Array<ArrayBuffer>[] {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = bits;
  header[9] = palette === undefined ? GREY : PALETTE;
  return [SIGNATURE, pngChunk('IHDR', header), ...(palette === undefined ? [] : [pngChunk('PLTE', palette)])];
}

/** Rows of one byte a pixel, each behind a zero: no filter, which suits runs of equal indices best. */
export function unfilteredRows(indices: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const height = indices.length / width;
  const rows = new Uint8Array(height * (width + 1));
  for (let y = 0; y < height; y++)
    rows.set(indices.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return rows;
}

export function pngChunk(type: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(12 + body.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) whole[4 + i] = type.charCodeAt(i);
  whole.set(body, 8);
  view.setUint32(8 + body.length, crc32(whole.subarray(4, 8 + body.length)));
  return whole;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** The checksum of PNG, gzip and zip (ISO 3309). */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
