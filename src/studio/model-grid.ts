/**
 * Converts images and labels to the input size of the studio's models, and logits back to the size of the image. As in
 * `train`, all images are stretched to one size.
 */
import { maxValueOf, type Raster } from '../images/raster.js';
import { resizeImage } from '../images/resize.js';
import { type Normalization, standardize, stretchedImage, stretchToRange } from '../data/normalization.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';

/** Shape and normalisation of the models' input. */
export interface ModelInput {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly normalization: Normalization;
}

/** The longest side of a model's input, in pixels. */
const LONGEST_SIDE = 768;

/** Models halve the size five times, so the sides of their input are multiples of 2⁵. */
const MULTIPLE = 32;

/** The size of a model's input for images of this size. Its longest side is at most {@link LONGEST_SIDE}. */
export function inputSize({ width, height }: { readonly width: number; readonly height: number }) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const side = (length: number) => MULTIPLE * Math.max(1, Math.round((length * scale) / MULTIPLE));
  return { width: side(width), height: side(height) };
}

/** Resizes and normalises an image to the input of a model, C×H×W. */
export function toInput(image: Raster, input: ModelInput): Float32Array {
  const { channels, height, width, normalization } = input;
  const raster = withChannels(image, channels);
  const range = normalization.kind === 'fixed' ? normalization.range : undefined;
  const stretched = range ? stretchedImage(raster, range) : raster;
  const { data } = resizeImage(stretched, width, height, range ? 1 : 1 / maxValueOf(raster.data));
  if (normalization.kind === 'per-image') stretchToRange(data);
  else standardize(data, normalization, data, 0);
  return data;
}

/** Drops channels that the model does not use, or repeats the last one if there are too few (grey becomes RGB). */
function withChannels(raster: Raster, channels: number): Raster {
  if (raster.channels === channels) return raster;
  const { width, height, data } = raster;
  const PixelArray = data.constructor as new (length: number) => typeof data;
  const values = new PixelArray(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) {
      values[i * channels + c] = data[i * raster.channels + Math.min(c, raster.channels - 1)]!;
    }
  }
  return { width, height, channels, data: values };
}

/**
 * Labels resized to the input of a model. An input pixel that covers several pixels of the image gets the most frequent
 * class among the labelled ones, so that thin strokes are not lost.
 */
export function gridLabels(
  labels: Uint8Array,
  from: { readonly width: number; readonly height: number },
  to: { readonly width: number; readonly height: number },
): Uint8Array {
  const out = new Uint8Array(to.width * to.height).fill(IGNORE_INDEX);
  const counts = new Uint32Array(256);
  const edges = (size: number, cells: number, i: number): [number, number] => {
    const first = Math.floor((i * size) / cells);
    return [first, Math.max(first + 1, Math.floor(((i + 1) * size) / cells))];
  };
  for (let y = 0; y < to.height; y++) {
    const [top, bottom] = edges(from.height, to.height, y);
    for (let x = 0; x < to.width; x++) {
      const [left, right] = edges(from.width, to.width, x);
      let best = IGNORE_INDEX;
      for (let row = top; row < bottom; row++) {
        for (let i = row * from.width + left; i < row * from.width + right; i++) {
          const label = labels[i]!;
          if (label === IGNORE_INDEX) continue;
          counts[label]!++;
          if (best === IGNORE_INDEX || counts[label]! > counts[best]!) best = label;
        }
      }
      if (best === IGNORE_INDEX) continue;
      out[y * to.width + x] = best;
      for (let row = top; row < bottom; row++) {
        for (let i = row * from.width + left; i < row * from.width + right; i++) counts[labels[i]!] = 0;
      }
    }
  }
  return out;
}

/** Logits of one image: K×H×W, or 1×H×W for two classes. */
export interface Logits {
  readonly data: Float32Array;
  readonly classes: number;
  readonly height: number;
  readonly width: number;
}

/** The most probable class of each pixel, at the size of the logits. */
export function classesOf({ data, classes, height, width }: Logits): Uint8Array {
  const plane = height * width;
  const out = new Uint8Array(plane);
  for (let i = 0; i < plane; i++) {
    if (classes === 1) out[i] = data[i]! > 0 ? 1 : 0;
    else {
      let best = 0;
      for (let k = 1; k < classes; k++) if (data[k * plane + i]! > data[best * plane + i]!) best = k;
      out[i] = best;
    }
  }
  return out;
}

/**
 * Enlarges logits bilinearly to the size of the image. Returns the class of every pixel and its uncertainty,
 * 255 · 2 / (1 + eᵈ), where d ≥ 0 is the difference between the two largest logits.
 */
export function enlargedClasses(
  { data, classes, height, width }: Logits,
  to: { readonly width: number; readonly height: number },
): { classes: Uint8Array<ArrayBuffer>; uncertainty: Uint8Array<ArrayBuffer> } {
  const out = new Uint8Array(to.width * to.height);
  const uncertainty = new Uint8Array(to.width * to.height);
  const place = (i: number, size: number, cells: number) => {
    const at = Math.max(0, Math.min(size - 1, ((i + 0.5) * size) / cells - 0.5));
    const low = Math.min(Math.floor(at), Math.max(0, size - 2));
    return { low, high: Math.min(low + 1, size - 1), share: at - low };
  };
  const columns = Array.from({ length: to.width }, (_, x) => place(x, width, to.width));
  const left = Int32Array.from(columns, ({ low }) => low);
  const right = Int32Array.from(columns, ({ high }) => high);
  const shares = Float32Array.from(columns, ({ share }) => share);
  const row = new Float32Array(classes * width);
  for (let y = 0; y < to.height; y++) {
    const { low, high, share } = place(y, height, to.height);
    for (let k = 0; k < classes; k++) {
      const above = (k * height + low) * width;
      const below = (k * height + high) * width;
      for (let x = 0; x < width; x++) {
        row[k * width + x] = data[above + x]! + share * (data[below + x]! - data[above + x]!);
      }
    }
    for (let x = 0, i = y * to.width; x < to.width; x++, i++) {
      const [a, b, s] = [left[x]!, right[x]!, shares[x]!];
      let best = 0;
      let margin: number;
      if (classes === 1) {
        const logit = row[a]! + s * (row[b]! - row[a]!);
        best = logit > 0 ? 1 : 0;
        margin = Math.abs(logit);
      } else {
        let [first, second] = [-Infinity, -Infinity];
        for (let k = 0; k < classes; k++) {
          const start = k * width;
          const logit = row[start + a]! + s * (row[start + b]! - row[start + a]!);
          if (logit > first) [second, first, best] = [first, logit, k];
          else if (logit > second) second = logit;
        }
        margin = first - second;
      }
      out[i] = best;
      uncertainty[i] = Math.round(510 / (1 + Math.exp(margin)));
    }
  }
  return { classes: out, uncertainty };
}
