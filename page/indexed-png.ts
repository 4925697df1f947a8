/** A mask as PNG whose stored values are the class indices (PNG specification, colour type 3). */
import { pngHeaderChunks, pngChunk, unfilteredRows } from '../src/images/png-chunks.js';

/** @param palette red, green and blue by class. */
export async function indexedPng(
  classes: Uint8Array,
  width: number,
  height: number,
  palette: readonly (readonly number[])[],
): Promise<Blob> {
  const rows = new Blob([unfilteredRows(classes, width)]);
  const packed = rows.stream().pipeThrough(new CompressionStream('deflate'));
  return new Blob(
    [
      ...pngHeaderChunks(width, height, 8, Uint8Array.from(palette.flat())),
      pngChunk('IDAT', new Uint8Array(await new Response(packed).arrayBuffer())),
      pngChunk('IEND', new Uint8Array(0)),
    ],
    { type: 'image/png' },
  );
}
