/**
 * Regions where a model is sure of another class than the truth says. Some are faults of the labels: a forgotten object,
 * a wrong class. (Confident learning, Northcutt et al. 2021, finds them by the same disagreement.)
 */
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import { connectedComponents } from '../objects/components.js';

/** The largest region of an image in which the truth is in doubt. */
export interface LabelDoubt {
  /** True class of its pixels, and the class that the model is sure of. */
  readonly truth: number;
  readonly predicted: number;
  /** Its share of the image's pixels. */
  readonly share: number;
  /** The mean probability that the model gives its class there. */
  readonly probability: number;
  /** Around the region, as shares of width and height: x, y, width, height. */
  readonly box: readonly [x: number, y: number, width: number, height: number];
}

/** The probability from which a model counts as sure. */
export const SURE = 0.9;
/** Outlines are never exact: this share of the shorter side around a disagreement must disagree too. */
const MARGIN = 1 / 64;

/**
 * The doubt about the truth of an image; undefined if there is none.
 *
 * @param planes probabilities, a plane for each class; of two classes only that of class 1.
 * @param target true classes; 255 is left out.
 */
export function labelDoubt(
  planes: Float32Array,
  target: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
): LabelDoubt | undefined {
  const n = width * height;
  // 0 where the model agrees or is unsure, else 1 more than truth × 256 + predicted.
  const kinds = new Int32Array(n);
  const sureness = new Float32Array(n);
  let found = false;
  for (let i = 0; i < n; i++) {
    const truth = target[i]!;
    if (truth === IGNORE_INDEX) continue;
    let best = 0;
    let probability = planes[i]!;
    if (planes.length === n) {
      best = probability >= 0.5 ? 1 : 0;
      probability = Math.max(probability, 1 - probability);
    } else {
      for (let k = 1, at = i + n; at < planes.length; k++, at += n) {
        if (planes[at]! > probability) {
          probability = planes[at]!;
          best = k;
        }
      }
    }
    if (best === truth || probability < SURE) continue;
    kinds[i] = 1 + truth * 256 + best;
    sureness[i] = probability;
    found = true;
  }
  if (!found) return undefined;
  const margin = Math.max(1, Math.round(MARGIN * Math.min(width, height)));
  const core = eroded(kinds, width, height, margin);
  if (!core.some((kind) => kind > 0)) return undefined;
  const { labels, components } = connectedComponents({ width, height, data: core });
  let largest = -1;
  components.forEach(({ value, area }, i) => {
    if (value > 0 && area > (components[largest]?.area ?? 0)) largest = i;
  });
  const { value, area } = components[largest]!;
  let [left, top, right, bottom, sum] = [width, height, 0, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (labels[i] !== largest) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
      sum += sureness[i]!;
    }
  }
  left = Math.max(0, left - margin);
  top = Math.max(0, top - margin);
  right = Math.min(width - 1, right + margin);
  bottom = Math.min(height - 1, bottom + margin);
  return {
    truth: (value - 1) >> 8,
    predicted: (value - 1) & 255,
    share: area / n,
    probability: sum / area,
    box: [left / width, top / height, (right - left + 1) / width, (bottom - top + 1) / height],
  };
}

/** Keeps a value only if all pixels up to `margin` away, in a square, have it too. Beyond the image all do. */
function eroded(values: Int32Array, width: number, height: number, margin: number): Int32Array {
  const rows = new Int32Array(values.length);
  for (let y = 0; y < height; y++) erodeLine(values, rows, y * width, 1, width, margin);
  const out = new Int32Array(values.length);
  for (let x = 0; x < width; x++) erodeLine(rows, out, x, width, height, margin);
  return out;
}

/** One line: runs of equal values lose `margin` pixels at both ends that are inside the image. */
function erodeLine(
  from: Int32Array,
  to: Int32Array,
  start: number,
  step: number,
  length: number,
  margin: number,
): void {
  for (let first = 0; first < length;) {
    const value = from[start + first * step]!;
    let end = first + 1;
    while (end < length && from[start + end * step] === value) end++;
    if (value !== 0) {
      const low = first === 0 ? 0 : first + margin;
      const high = end === length ? length : end - margin;
      for (let i = low; i < high; i++) to[start + i * step] = value;
    }
    first = end;
  }
}
