/**
 * The ranges of values inside a model, seen on images: what static quantisation rests on. Of each tensor a
 * histogram is kept, and the range is the one that makes the mean squared error of rounding to 256 steps
 * smallest: it cuts off what is far out and rare, where that buys finer steps for the rest.
 */
import { UsageError } from '../errors/index.js';
import type { Raster } from '../images/raster.js';
import type { OnnxModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { RasterSegmenter } from './raster-segmenter.js';

/** Values between these are told apart; others are taken for the nearer one. */
export interface ActivationRange {
  readonly least: number;
  readonly most: number;
}

/** `mse`: the range with the smallest error; `min-max`: all that was seen. */
export type RangeRule = 'mse' | 'min-max';

/** Images by number. */
export interface CalibrationImages {
  readonly length: number;
  get(index: number): Promise<Raster>;
}

export interface CalibrateOptions {
  /** Default `mse`. */
  readonly rule?: RangeRule;
  /** Called after each image of each pass over them. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Tensors that are looked at in one pass over the images: their values are held at once. */
const TENSORS_AT_ONCE = 6;

/**
 * Runs a model on images and gives the range of each tensor.
 *
 * @param model an exported file. @param tensors names of float32 values in it.
 * @throws UsageError where there are no images.
 */
export async function calibrate(
  model: OnnxModel,
  tensors: readonly string[],
  runtime: Runtime,
  images: CalibrationImages,
  options: CalibrateOptions = {},
): Promise<Map<string, ActivationRange>> {
  if (images.length === 0)
    throw new UsageError('No images to see the ranges of values on: give some with --data.');
  const ranges = new Map<string, ActivationRange>();
  const passes = Math.ceil(tensors.length / TENSORS_AT_ONCE);
  let done = 0;
  for (let first = 0; first < tensors.length; first += TENSORS_AT_ONCE) {
    const names = tensors.slice(first, first + TENSORS_AT_ONCE);
    const histograms = names.map(() => new Histogram());
    const segmenter = new RasterSegmenter(model, runtime, 'the model to quantise');
    try {
      for (let i = 0; i < images.length; i++) {
        options.signal?.throwIfAborted();
        const values = await segmenter.valuesInside(await images.get(i), names);
        names.forEach((name, k) => histograms[k]!.add(values[name]!));
        options.onProgress?.(++done, passes * images.length);
      }
    } finally {
      await segmenter.close();
    }
    names.forEach((name, k) => ranges.set(name, histograms[k]!.range(options.rule ?? 'mse')));
  }
  return ranges;
}

const BINS = 4096;

/** Counts of values in even bins around 0, whose width doubles when values lie beyond. */
export class Histogram {
  private counts = new Float64Array(BINS);
  /** Half of what the bins span: a power of two. */
  private reach = 2 ** -20;
  private least = Infinity;
  private most = -Infinity;

  add(values: Float32Array): void {
    let largest = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value < this.least) this.least = value;
      if (value > this.most) this.most = value;
      const size = Math.abs(value);
      if (size > largest && size < Infinity) largest = size;
    }
    while (largest >= this.reach) this.widen();
    const perUnit = BINS / 2 / this.reach;
    for (let i = 0; i < values.length; i++) {
      const bin = Math.floor(values[i]! * perUnit) + BINS / 2;
      if (bin >= 0 && bin < BINS) this.counts[bin]!++;
    }
  }

  private widen(): void {
    const wide = new Float64Array(BINS);
    for (let bin = 0; bin < BINS; bin++) wide[BINS / 4 + (bin >> 1)]! += this.counts[bin]!;
    this.counts = wide;
    this.reach *= 2;
  }

  /** The range for 256 steps. */
  range(rule: RangeRule): ActivationRange {
    const whole = { least: Math.min(0, this.least), most: Math.max(0, this.most) };
    if (rule === 'min-max' || whole.most - whole.least === 0) return whole;
    let [best, error] = [whole, this.errorOf(whole)];
    for (let share = 0.98; share > 0.2; share *= 0.97) {
      const range = { least: whole.least * share, most: whole.most * share };
      const own = this.errorOf(range);
      if (own < error) [best, error] = [range, own];
    }
    return best;
  }

  /** Sum of the squared errors when values are rounded to 256 steps of a range. */
  private errorOf({ least, most }: ActivationRange): number {
    const step = (most - least) / 255;
    const within = (step * step) / 12;
    const width = (2 * this.reach) / BINS;
    let sum = 0;
    for (let bin = 0; bin < BINS; bin++) {
      const count = this.counts[bin]!;
      if (count === 0) continue;
      const value = (bin - BINS / 2 + 0.5) * width;
      // Zeros (half of what a ReLU gives) are kept exactly.
      if (bin === BINS / 2 && least === 0) continue;
      const beyond = value < least ? least - value : value > most ? value - most : 0;
      sum += count * (beyond === 0 ? within : beyond * beyond);
    }
    return sum;
  }
}
