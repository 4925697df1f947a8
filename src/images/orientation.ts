/** Turning pixels upright by the orientation that EXIF and TIFF number from 1 to 8. */

/** Pixels, row by row, `channels` values each. */
interface Pixels<Data> {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Data;
}

/** True where width and height change places. */
export const isTurned = (orientation: number): boolean => orientation >= 5 && orientation <= 8;

/** The upright picture; 1 and unknown numbers leave it as it is. */
export function upright<Data extends { readonly length: number; [i: number]: number; slice(): Data }>(
  image: Pixels<Data>,
  orientation: number,
): Pixels<Data> {
  if (!(orientation >= 2 && orientation <= 8)) return image;
  const { channels, data } = image;
  const turned = isTurned(orientation);
  const width = turned ? image.height : image.width;
  const height = turned ? image.width : image.height;
  // Of the upright picture's axes, after the turn: 2 and 3, 6 and 7 mirror across; 3 and 4, 7 and 8 down.
  const across = [2, 3, 6, 7].includes(orientation);
  const down = [3, 4, 7, 8].includes(orientation);
  const out = data.slice();
  for (let y = 0, to = 0; y < height; y++) {
    const v = down ? height - 1 - y : y;
    for (let x = 0; x < width; x++) {
      const u = across ? width - 1 - x : x;
      let from = (turned ? u * image.width + v : v * image.width + u) * channels;
      for (let c = 0; c < channels; c++) out[to++] = data[from++]!;
    }
  }
  return { width, height, channels, data: out };
}
