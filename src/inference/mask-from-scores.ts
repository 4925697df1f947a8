/**
 * The mask of an image whose probabilities are too large to be computed at once: scores of the model's size are
 * resized pixel by pixel, and only the class is kept. The graph of an exported file works on strips of rows, which
 * does not help for an image of few rows and millions of columns.
 */
import type { Planes, ResizeTaps } from '../images/resize.js';
import { setOf } from '../labels/label-set.js';
import type { Decision } from './decide.js';
import { resizePlanes, resizeTaps } from '../images/resize.js';

/** Above this length of a side, the graph multiplies hundreds of thousands of small matrices. */
const LONGEST_SIDE = 2 ** 15;
/** Above this number of probabilities, the graph needs more than half a GiB. */
const MOST_PROBABILITIES = 2 ** 28;

/** Whether the mask of such an image is made here. @param channels planes of scores. */
export function isBeyondGraph(width: number, height: number, channels: number): boolean {
  return Math.max(width, height) > LONGEST_SIDE || width * height * channels > MOST_PROBABILITIES;
}

/** Multiplications between two pauses for other work of the thread: about 10 ms. */
const WORK_AT_ONCE = 2 ** 20;
/** Rows and columns are exchanged if the height is at least this many times the width. */
const TALL = 64;
/** Overhead of a row, in multiplications that take the same time. */
const OVERHEAD = 32;

/**
 * Resizes scores as {@link resizePlanes} does, and decides the value of every pixel as `decideMask` does.
 *
 * @param scores one plane per class; for two classes only the plane of class 1
 * @returns the mask's values, height×width. @throws `signal.reason` when aborted.
 */
export async function maskFromScores(
  scores: Planes,
  { width, height }: { readonly width: number; readonly height: number },
  { threshold, multiLabel = false }: Decision,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { channels } = scores;
  if (height > TALL * width) {
    // Its columns are long, so the work is done along them.
    const across = await maskFromScores(
      transposed(scores),
      { width: height, height: width },
      { threshold, multiLabel },
      signal,
    );
    if (width === 1) return across;
    const mask = new Uint8Array(width * height);
    for (let x = 0, i = 0; x < width; x++)
      for (let y = 0; y < height; y++) mask[y * width + x] = across[i++]!;
    return mask;
  }
  // Axes that shrink come first; the others have two taps or one.
  const low = resizePlanes(scores, Math.min(scores.width, width), Math.min(scores.height, height));
  const rows = resizeTaps(low.height, height);
  const columns = resizeTaps(low.width, width);
  const limit = threshold === undefined ? undefined : Math.fround(threshold);
  // A row of scores, its channels beside each other, and zeros for the second tap of a single column.
  const line = new Float32Array((low.width + 1) * channels);
  const atOnce = Math.max(1, Math.floor(WORK_AT_ONCE / channels));
  const classes = new Uint8Array(width * height);
  let work = 0;
  for (let y = 0; y < height; y++) {
    mixRow(low, rows, y, line);
    for (let x = 0; x < width;) {
      const end = Math.min(width, x + atOnce);
      work += decide(line, channels, columns, x, end, { limit, multiLabel }, classes, y * width);
      work += line.length + OVERHEAD;
      x = end;
      if (work < WORK_AT_ONCE) continue;
      work = 0;
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
    }
  }
  return classes;
}

/** Planes with rows and columns exchanged. */
function transposed({ width, height, channels, data }: Planes): Planes {
  const out = new Float32Array(data.length);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) out[(c * width + x) * height + y] = data[i++]!;
    }
  }
  return { width: height, height: width, channels, data: out };
}

/** The weighted sum of neighbouring rows, from planes to interleaved channels. */
function mixRow(
  { width, height, channels, data }: Planes,
  { taps, first, weights }: ResizeTaps,
  row: number,
  line: Float32Array,
): void {
  for (let c = 0; c < channels; c++) {
    for (let x = 0; x < width; x++) {
      let at = (c * height + first[row]!) * width + x;
      let sum = 0;
      for (let k = row * taps; k < (row + 1) * taps; k++, at += width) sum += weights[k]! * data[at]!;
      line[x * channels + c] = sum;
    }
  }
}

/** Pixels between two neighbouring scores from which it pays to see first whether they all have one value. */
const LONG_SPAN = 8;
/** How far apart scores must be, relative to their size, for rounding not to change their order. */
const CLEAR = 1e-5;

interface RowDecision {
  readonly limit: number | undefined;
  readonly multiLabel: boolean;
}

/** Decides the pixels `x` to `end` of a row. @returns the multiplications that it took, or would take in that time. */
function decide(
  line: Float32Array,
  channels: number,
  columns: ResizeTaps,
  x: number,
  end: number,
  decision: RowDecision,
  classes: Uint8Array,
  row: number,
): number {
  const { first, taps } = columns;
  if (columns.outputSize < LONG_SPAN * columns.inputSize) {
    decideEach(line, channels, columns, x, end, decision, classes, row);
    return (end - x) * channels;
  }
  let work = 0;
  while (x < end) {
    let to = x + 1;
    while (to < end && first[to] === first[x]) to++;
    const left = first[x]! * channels;
    const value = valueBetween(line, left, taps > 1 ? left + channels : left, channels, decision);
    if (value === undefined) {
      decideEach(line, channels, columns, x, to, decision, classes, row);
      work += (to - x) * channels;
    } else {
      classes.fill(value, row + x, row + to);
      work += channels + (to - x);
    }
    x = to;
  }
  return work;
}

/**
 * The value of all pixels between two neighbouring scores; undefined if they may differ. Between them scores are
 * weighted means, so a class that is best at both ends is best everywhere.
 */
function valueBetween(
  line: Float32Array,
  left: number,
  right: number,
  channels: number,
  { limit, multiLabel }: RowDecision,
): number | undefined {
  if (limit !== undefined) {
    let set = 0;
    for (let c = 0; c < channels; c++) {
      const [a, b] = [line[left + c]! - limit, line[right + c]! - limit];
      const clear = CLEAR * (Math.abs(limit) + Math.abs(a) + Math.abs(b));
      if (Math.min(a, b) > clear) set |= multiLabel ? setOf(c) : 1;
      else if (!(Math.max(a, b) < -clear)) return undefined;
    }
    return set;
  }
  let best = 0;
  for (let c = 1; c < channels; c++) if (line[left + c]! > line[left + best]!) best = c;
  const [a, b] = [line[left + best]!, line[right + best]!];
  const clear = CLEAR * (Math.abs(a) + Math.abs(b));
  for (let c = 0; c < channels; c++) {
    if (c === best) continue;
    // Of equal scores the first one counts.
    const lead = c < best ? clear : 0;
    if (!(a - line[left + c]! >= lead && b - line[right + c]! >= lead)) return undefined;
  }
  return best;
}

function decideEach(
  line: Float32Array,
  channels: number,
  { taps, first, weights }: ResizeTaps,
  x: number,
  end: number,
  { limit, multiLabel }: RowDecision,
  classes: Uint8Array,
  row: number,
): void {
  for (; x < end; x++) {
    const near = weights[x * taps]!;
    const far = taps > 1 ? weights[x * taps + 1]! : 0;
    const at = first[x]! * channels;
    let best = 0;
    let most = Math.fround(near * line[at]! + far * line[at + channels]!);
    if (limit !== undefined) best = most >= limit ? 1 : 0;
    for (let c = 1; c < channels; c++) {
      const value = Math.fround(near * line[at + c]! + far * line[at + channels + c]!);
      if (multiLabel) best |= value >= limit! ? setOf(c) : 0;
      else if (value > most) [most, best] = [value, c];
    }
    classes[row + x] = best;
  }
}
