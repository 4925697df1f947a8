/** Where tiles of an image begin: for prediction in tiles and for patches that cover an image. */

/** The start of each tile of `tile` pixels on an axis of `size`: evenly spaced, the last one at the edge. */
export function tileStarts(size: number, tile: number, overlap: number): number[] {
  if (size <= tile) return [0];
  const count = Math.ceil((size - tile) / (tile * (1 - overlap))) + 1;
  return Array.from({ length: count }, (_, i) => Math.round((i * (size - tile)) / (count - 1)));
}
