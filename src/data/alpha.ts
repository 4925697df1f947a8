/**
 * Whether a channel that files mark as alpha is transparency, or a band of its own: programs for maps mark the
 * fourth band of any picture so, the near infrared of an aerial one too.
 */
import { decodeImage } from '../images/decode.js';
import { mapParallel } from './parallel.js';
import { spread } from './spread.js';

/** Images whose alpha is looked at. */
const LOOKED = 16;

/** Transparency is opaque or clear almost everywhere; at most this share of pixels lies between in a cut-out. */
const MOST_BETWEEN = 0.5;

/** A soft edge or a shadow has many values on few pixels; a band has many on all of them. */
const FEW_VALUES = 16;

export type AlphaKind = 'transparency' | 'band';

/** Judges by the values of some of `files`, all of which have alpha; undefined for none. */
export async function judgeAlpha(files: readonly string[]): Promise<AlphaKind | undefined> {
  if (files.length === 0) return undefined;
  const looked = spread(files.length, LOOKED).map((i) => files[i]!);
  const bands = await mapParallel(looked.length, 4, async (i) => isBand(looked[i]!));
  return 2 * bands.filter(Boolean).length > bands.length ? 'band' : 'transparency';
}

async function isBand(file: string): Promise<boolean> {
  const bare = await decodeImage(file);
  const { channels, data } = await decodeImage(file, { channels: bare.channels + 1 });
  if (channels === bare.channels) return false;
  const opaque = data instanceof Uint8Array ? 255 : data instanceof Uint16Array ? 65535 : 1;
  const values = new Set<number>();
  let between = 0;
  for (let i = channels - 1; i < data.length; i += channels) {
    const value = data[i]!;
    if (value !== 0 && value !== opaque) between++;
    if (values.size <= FEW_VALUES) values.add(value);
  }
  return values.size > FEW_VALUES && between > (MOST_BETWEEN * data.length) / channels;
}
