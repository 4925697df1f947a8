/**
 * COCO's run-length coding of binary masks: lengths of alternating runs of 0 and 1, zeros first, down the
 * columns. It comes as a list of numbers, or compressed to text: each length (from the third on, its
 * difference to the one two before) in groups of five bits, lowest first, a sixth bit saying that more follow,
 * each group plus 48 as a character (Lin et al. 2014; the format of the COCO API).
 */
import { PixelwiseError } from '../../errors/index.js';

/** A binary mask, H×W, rows from the top; 1 inside. */
export type BinaryMask = Uint8Array;

/** Rows × columns of a coded mask. */
export interface RleSize {
  readonly height: number;
  readonly width: number;
}

/** Takes the pixels of column `x` from row `from` up to, not including, row `to`. */
export type EmitRun = (x: number, from: number, to: number) => void;

/** Throws `rle` where run lengths do not fill height × width. The time does not depend on the size. */
export function checkRuns(counts: readonly number[], { height, width }: RleSize): void {
  const pixels = height * width;
  let at = 0;
  counts.forEach((count, run) => {
    if (!Number.isInteger(count) || count < 0 || at + count > pixels) {
      throw new PixelwiseError('rle', `Run ${run} of ${count} pixels leaves a mask of ${width}×${height}.`);
    }
    at += count;
  });
  if (at !== pixels) {
    throw new PixelwiseError('rle', `Runs of ${at} pixels for a mask of ${width}×${height} (${pixels}).`);
  }
}

/** Emits the pixels inside of run lengths, column after column. Throws `rle` where they do not fill height × width. */
export function rleRuns(counts: readonly number[], { height, width }: RleSize, emit: EmitRun): void {
  checkRuns(counts, { height, width });
  let at = 0;
  counts.forEach((count, run) => {
    const end = at + count;
    if (run % 2 === 1) {
      for (let begin = at; begin < end;) {
        const x = Math.floor(begin / height);
        const stop = Math.min(end, (x + 1) * height);
        emit(x, begin - x * height, stop - x * height);
        begin = stop;
      }
    }
    at = end;
  });
}

/** Lengths of the runs from their compressed text. Throws `rle` where the text is cut or has other characters. */
export function decompressCounts(text: string): number[] {
  const counts: number[] = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let shift = 0;
    for (let more = true; more;) {
      const group = text.charCodeAt(at++) - 48;
      if (!(group >= 0 && group < 64) || shift > 30) {
        throw new PixelwiseError('rle', `Run lengths are cut short or damaged at character ${at}.`);
      }
      value += (group & 31) * 2 ** shift;
      shift += 5;
      more = (group & 32) !== 0;
      // The last group's highest bit is the sign.
      if (!more && (group & 16) !== 0) value -= 2 ** shift;
    }
    counts.push(counts.length > 2 ? value + counts[counts.length - 2]! : value);
  }
  return counts;
}

/** The text for run lengths; inverse of {@link decompressCounts}. */
export function compressCounts(counts: readonly number[]): string {
  let text = '';
  counts.forEach((count, i) => {
    let value = i > 2 ? count - counts[i - 2]! : count;
    for (let more = true; more;) {
      const group = value & 31;
      value >>= 5;
      more = (group & 16) === 0 ? value !== 0 : value !== -1;
      text += String.fromCharCode(48 + group + (more ? 32 : 0));
    }
  });
  return text;
}

/** The mask of run lengths. Throws `rle` where they do not fill height × width. */
export function decodeRle(counts: readonly number[], size: RleSize): BinaryMask {
  const mask = new Uint8Array(size.height * size.width);
  rleRuns(counts, size, (x, from, to) => {
    for (let y = from; y < to; y++) mask[y * size.width + x] = 1;
  });
  return mask;
}

/** Run lengths of a mask; inverse of {@link decodeRle}. */
export function encodeRle(mask: BinaryMask, { height, width }: RleSize): number[] {
  const counts: number[] = [];
  let value = 0;
  let length = 0;
  for (let i = 0; i < height * width; i++) {
    const pixel = mask[(i % height) * width + Math.floor(i / height)]! === 0 ? 0 : 1;
    if (pixel !== value) {
      counts.push(length);
      value = pixel;
      length = 0;
    }
    length++;
  }
  counts.push(length);
  return counts;
}
