/** Rotates and mirrors pixels according to the EXIF or TIFF orientation, 1 to 8. */

/** Rows of interleaved pixels, H×W×C. */
interface Pixels<Data> {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Data;
}

/** Whether the orientation swaps width and height. */
export const isTurned = (orientation: number): boolean => orientation >= 5 && orientation <= 8;

/** Returns the upright image. Orientation 1 and unknown values change nothing. */
export function upright<Data extends { readonly length: number; [i: number]: number; slice(): Data }>(
  image: Pixels<Data>,
  orientation: number,
): Pixels<Data> {
  if (!(orientation >= 2 && orientation <= 8)) return image;
  const { channels, data } = image;
  const turned = isTurned(orientation);
  const width = turned ? image.height : image.width;
  const height = turned ? image.width : image.height;
  // After the rotation, orientations 2, 3, 6 and 7 mirror horizontally; 3, 4, 7 and 8 vertically.
  const mirrorX = [2, 3, 6, 7].includes(orientation);
  const mirrorY = [3, 4, 7, 8].includes(orientation);
  const out = data.slice();
  for (let y = 0, to = 0; y < height; y++) {
    const v = mirrorY ? height - 1 - y : y;
    for (let x = 0; x < width; x++) {
      const u = mirrorX ? width - 1 - x : x;
      let from = (turned ? u * image.width + v : v * image.width + u) * channels;
      for (let c = 0; c < channels; c++) out[to++] = data[from++]!;
    }
  }
  return { width, height, channels, data: out };
}
