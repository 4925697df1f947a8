/** Pictures side by side on one sheet. */
import { toDisplay } from '../images/paint-mask.js';
import type { Raster } from '../images/raster.js';

const GAP = 6;
const PAPER = 255;

/**
 * Rows of pictures on white, 8-bit RGB; each column as wide and each row as high as its largest picture.
 * @param scale whole number of times that each pixel is repeated each way.
 */
export function montage(pictures: readonly (readonly Raster[])[], scale = 1): Raster {
  const rows = pictures.map((row) => row.map((picture) => enlarged(picture, scale)));
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, c) =>
    Math.max(...rows.map((row) => row[c]?.width ?? 0)),
  );
  const heights = rows.map((row) => Math.max(...row.map((picture) => picture.height)));
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size + GAP, GAP);
  const width = sum(widths);
  const height = sum(heights);
  const data = new Uint8Array(width * height * 3).fill(PAPER);
  let top = GAP;
  for (const [r, row] of rows.entries()) {
    let left = GAP;
    for (const [c, picture] of row.entries()) {
      const stride = picture.width * 3;
      for (let y = 0; y < picture.height; y++) {
        data.set(picture.data.subarray(y * stride, (y + 1) * stride), ((top + y) * width + left) * 3);
      }
      left += widths[c]! + GAP;
    }
    top += heights[r]! + GAP;
  }
  return { width, height, channels: 3, data };
}

/** 8-bit RGB, each pixel repeated. */
function enlarged(picture: Raster, scale: number): Raster {
  const source = toDisplay(picture);
  const width = picture.width * scale;
  const height = picture.height * scale;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor(y / scale) * picture.width;
    for (let x = 0; x < width; x++, at += 3) {
      const from = (row + Math.floor(x / scale)) * 3;
      data[at] = source[from]!;
      data[at + 1] = source[from + 1]!;
      data[at + 2] = source[from + 2]!;
    }
  }
  return { width, height, channels: 3, data };
}
