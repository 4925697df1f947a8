/** Sizes of image files as they are shown, from their headers. */
import sharp from 'sharp';
import { describeImage } from '../images/decode.js';
import { imageSize } from '../images/pixel-file.js';

/** The most pixels of an image in the studio; larger ones are listed and refused. */
export const MOST_PIXELS = 100e6;

export interface ShownSize {
  readonly width: number;
  readonly height: number;
}

/** Formats whose orientation is in the header that sharp reads; their endings. */
const ORIENTED = /\.(jpe?g|jpe|jfif|jif|webp)$/i;

/** Width and height after the orientation is applied. Throws as `decodeImage` for files that cannot be read. */
export async function shownSize(path: string): Promise<ShownSize> {
  if (ORIENTED.test(path)) {
    const found = await sharp(path, { limitInputPixels: false })
      .metadata()
      .catch(() => undefined);
    // What sharp cannot read is explained below.
    if (found) return { width: found.autoOrient.width, height: found.autoOrient.height };
  }
  return (await imageSize(path)) ?? (await describeImage(path));
}
