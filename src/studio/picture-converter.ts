/** Converts images that browsers do not show as they are into 8-bit pictures. */
import type { Sharp } from 'sharp';
import { decodeImage } from '../images/decode.js';
import { maxValueOf, type Raster } from '../images/raster.js';
import { loadSharp } from '../images/sharp.js';
import { asView, reduced, type ShownImage, type WindowLevel } from './shown-image.js';

/** An image, and how it is to be shown. */
export interface PictureRequest {
  readonly file: string;
  /** Another one when the file has changed. */
  readonly version: string | undefined;
  /** For more than 8 bits. */
  readonly window: WindowLevel;
  /** Above 0: a JPEG of 2^−level of the size, rounded up, which takes a fraction of the time for large images. */
  readonly level: number;
}

/** Milliseconds for which the pixels of an image are kept. After its reduced picture, all of it is asked for. */
const KEPT_FOR = 15_000;

/** The most bytes of pixels that are kept. */
const MOST_KEPT = 2 ** 29;

/** Share of the pixels that may be darker than black, and brighter than white. */
const CUT_OFF = 0.001;
/** Values that the choice of black and white looks at. */
const LOOKED_AT = 200_000;

export class PictureConverter {
  private kept: { readonly key: string; readonly raster: Promise<Raster> } | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** Throws as `decodeImage`. */
  async picture({ file, version, window, level }: PictureRequest): Promise<ShownImage> {
    const raster = await this.raster(file, `${file} ${version}`);
    const chosen = maxValueOf(raster.data) === 255 ? undefined : { ...windowOf(raster), ...given(window) };
    const picture = await eightBits(raster, chosen);
    const { width, height } = raster;
    const encoded = await (level > 0
      ? reduced(picture, width, height, level)
      : picture.png({ compressionLevel: 1 }).toBuffer());
    return {
      type: level > 0 ? 'image/jpeg' : 'image/png',
      bytes: asView(encoded),
      ...(chosen && { window: chosen }),
    };
  }

  close(): void {
    clearTimeout(this.timer);
    this.kept = undefined;
  }

  private async raster(file: string, key: string): Promise<Raster> {
    const raster = this.kept?.key === key ? this.kept.raster : decodeImage(file);
    this.kept = { key, raster };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.close(), KEPT_FOR).unref();
    try {
      if ((await raster).data.byteLength > MOST_KEPT) this.close();
      return await raster;
    } catch (error) {
      this.close();
      throw error;
    }
  }
}

function given({ low, high }: WindowLevel) {
  return { ...(low !== undefined && { low }), ...(high !== undefined && { high }) };
}

/** The range of the values without the darkest and the brightest thousandth. */
function windowOf({ data }: Raster): { low: number; high: number } {
  const step = Math.max(1, Math.floor(data.length / LOOKED_AT));
  const values = new Float32Array(Math.ceil(data.length / step));
  for (let i = 0, k = 0; i < data.length; i += step) values[k++] = data[i]!;
  values.sort();
  const at = (share: number) => values[Math.round(share * (values.length - 1))]!;
  const [low, high] = [at(CUT_OFF), at(1 - CUT_OFF)];
  return { low, high: high > low ? high : low + 1 };
}

/** The picture of an image in 8 bits, grey or in colours. */
async function eightBits(
  { width, height, channels, data }: Raster,
  window: { readonly low: number; readonly high: number } | undefined,
): Promise<Sharp> {
  const shown = channels === 3 ? 3 : 1;
  let bytes: Uint8Array;
  if (window === undefined && channels === shown) {
    bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  } else {
    bytes = new Uint8Array(width * height * shown);
    const { low, high } = window ?? { low: 0, high: 255 };
    const gain = 255 / (high - low || 1);
    for (let k = 0; k < bytes.length; k++) {
      // Of images with other bands, the first is shown.
      const value = (data[shown === channels ? k : k * channels]! - low) * gain;
      bytes[k] = value < 0 ? 0 : value > 255 ? 255 : Math.round(value);
    }
  }
  const sharp = await loadSharp();
  const picture = sharp(bytes, { raw: { width, height, channels: shown } });
  return shown === 1 ? picture.toColourspace('b-w') : picture;
}
