/** Distinguishes masks from images by their pixels, if the names do not. */
import { decodeImage } from '../../images/decode.js';
import { spread } from '../spread.js';

/** Number of files examined in each family. */
const LOOKED_AT = 6;
/** The largest number of exact colours in a mask. */
const MASK_COLOURS = 32;
/** Share of pixels with one of the four most common colours in a lossy mask (JPEG, soft edges). */
const SMEARED_SHARE = 0.85;

/** True if most of the examined files have few colours, like masks and unlike photographs. */
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
