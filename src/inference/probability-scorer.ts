/** What the probabilities of a model are worth on labelled images: their calibration, and doubts about labels. */
import type { ClassMask } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { isBinary } from '../labels/label-set.js';
import type { Calibration, LabelDoubt } from '../metrics/index.js';
import { CalibrationCounter, labelDoubt } from '../metrics/index.js';
import type { ModelCard } from './model-card.js';

/** Of larger images every second, third… pixel of a row and a column is examined. */
const MOST_PIXELS = 2 ** 20;
const MOST_PROBABILITIES = 2 ** 24;

export class ProbabilityScorer {
  private readonly counter: CalibrationCounter;
  private readonly of: Calibration['of'];
  private latest: number[][] | undefined;

  constructor(private readonly card: ModelCard) {
    this.of = card.multiLabel ? 'class' : isBinary(card) ? 'foreground' : 'choice';
    this.counter = new CalibrationCounter(this.of);
  }

  /** Number of planes of {@link add}: one for two classes. */
  get planes(): number {
    return isBinary(this.card) ? 1 : this.card.classes.length;
  }

  /**
   * Adds an image.
   * @param probabilities K×H×W, for two classes those of class 1. @param target of the same size.
   * @returns the doubt about its labels. Sets of overlapping classes are not examined.
   */
  add(probabilities: Planes, target: ClassMask): LabelDoubt | undefined {
    const { planes, truth, width, height } = thinned(probabilities, target);
    // Each image is summed by itself, so that the sums do not depend on how images are distributed over ranks.
    const own = new CalibrationCounter(this.of);
    own.add(planes, truth);
    this.latest = own.counts;
    this.counter.merge(this.latest);
    return this.of === 'class' ? undefined : labelDoubt(planes, truth, { width, height });
  }

  /** The counts of the latest image, for {@link merge}; undefined if it was not examined. */
  takeCounts(): number[][] | undefined {
    const counts = this.latest;
    this.latest = undefined;
    return counts;
  }

  merge(counts: readonly (readonly number[])[]): void {
    this.counter.merge(counts);
  }

  scores(): { calibration?: Calibration } {
    const calibration = this.counter.calibration();
    return calibration ? { calibration } : {};
  }
}

/** Every n-th pixel of every n-th row, so that a limited number is left. */
function thinned({ width, height, channels, data }: Planes, { data: target }: ClassMask) {
  const most = Math.min(MOST_PIXELS, MOST_PROBABILITIES / channels);
  const step = Math.ceil(Math.sqrt((width * height) / most));
  if (step <= 1) return { planes: data, truth: target, width, height };
  const [columns, rows] = [Math.ceil(width / step), Math.ceil(height / step)];
  const planes = new Float32Array(channels * rows * columns);
  const truth = new Uint8Array(rows * columns);
  for (let y = 0, to = 0; y < height; y += step) {
    for (let x = 0; x < width; x += step, to++) {
      const from = y * width + x;
      truth[to] = target[from]!;
      for (let k = 0; k < channels; k++) {
        planes[k * rows * columns + to] = data[k * width * height + from]!;
      }
    }
  }
  return { planes, truth, width: columns, height: rows };
}
