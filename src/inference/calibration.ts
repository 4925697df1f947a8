/**
 * Calibration for static quantisation: measures the range of each tensor inside a model on images. A histogram of the
 * tensor's values gives the range with the smallest mean squared error of rounding to 256 steps. Rare outliers are
 * clipped if the finer steps for all other values reduce the total error.
 */
import { UsageError } from '../errors/index.js';
import type { Raster } from '../images/raster.js';
import type { OnnxModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { RasterSegmenter } from './raster-segmenter.js';

/** The range of a quantised tensor. Values outside of it are clipped. */
export interface ActivationRange {
  readonly least: number;
  readonly most: number;
}

/** `mse`: the range with the smallest mean squared error; `min-max`: the range of all values. */
export type RangeRule = 'mse' | 'min-max';

/** Images by index. */
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

/** Number of tensors measured in one pass over the images. Their values are in memory at the same time. */
const TENSORS_AT_ONCE = 6;

/**
 * Runs a model on images and measures the range of each tensor.
 *
 * @param model an exported file. @param tensors names of float32 values in it.
 * @throws UsageError if there are no images.
 */
export async function calibrate(
  model: OnnxModel,
  tensors: readonly string[],
  runtime: Runtime,
  images: CalibrationImages,
  options: CalibrateOptions = {},
): Promise<Map<string, ActivationRange>> {
  if (images.length === 0)
    throw new UsageError('Calibration needs images to measure value ranges; pass some with --data.');
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

/** A histogram with equal bins around 0. The bin width doubles when a value is outside. */
export class Histogram {
  private counts = new Float64Array(BINS);
  /** The bins cover −reach to reach. A power of two. */
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

  /** The range for quantisation. */
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

  /** The sum of squared errors when values are rounded to 256 steps of a range. */
  private errorOf({ least, most }: ActivationRange): number {
    const step = (most - least) / 255;
    const within = (step * step) / 12;
    const width = (2 * this.reach) / BINS;
    let sum = 0;
    for (let bin = 0; bin < BINS; bin++) {
      const count = this.counts[bin]!;
      if (count === 0) continue;
      const value = (bin - BINS / 2 + 0.5) * width;
      // Zeros, which are frequent after a ReLU, are represented exactly.
      if (bin === BINS / 2 && least === 0) continue;
      const beyond = value < least ? least - value : value > most ? value - most : 0;
      sum += count * (beyond === 0 ? within : beyond * beyond);
    }
    return sum;
  }
}
