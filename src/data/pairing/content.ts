/** Telling masks from images by their pixels, where names do not. */
import { decodeImage } from '../../images/decode.js';
import { spread } from '../spread.js';

/** Files looked at of each family. */
const LOOKED_AT = 6;
/** Exact colours that a mask may hold. */
const MASK_COLOURS = 32;
/** Share of pixels that the four commonest colours of a smeared mask (JPEG, soft edges) hold. */
const SMEARED_SHARE = 0.85;

/** True where most of the files looked at have few colours, as masks do and photographs do not. */
export async function looksLikeMasks(files: readonly string[]): Promise<boolean> {
  const looked = spread(files.length, LOOKED_AT).map((i) => files[i]!);
  const answers = await Promise.all(looked.map((file) => hasFewColours(file).catch(() => false)));
  return answers.filter((answer) => answer).length * 2 > looked.length;
}

async function hasFewColours(file: string): Promise<boolean> {
  const { data, channels, width, height } = await decodeImage(file);
  const counts = new Map<number, number>();
  for (let i = 0; i < width * height; i++) {
    let colour = 0;
    for (let c = 0; c < Math.min(3, channels); c++) colour = colour * 65536 + data[i * channels + c]!;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  if (counts.size <= MASK_COLOURS) return true;
  const largest = [...counts.values()].sort((a, b) => b - a).slice(0, 4);
  return largest.reduce((sum, count) => sum + count, 0) >= SMEARED_SHARE * width * height;
}
