/**
 * Confidence intervals of scores by the bootstrap (Efron 1979, percentile method): images are drawn with replacement, as
 * many as there are, and scored again. If the data has groups, whole groups are drawn, because images of one patient
 * resemble each other. Only counts by class are kept, in bounded memory.
 */
import { UsageError } from '../errors/index.js';
import { Random } from '../random/index.js';
import type { ConfusionMatrix } from './confusion-matrix.js';
import { classCounts, meanDefined } from './scores.js';

/** A 95% interval: its ends. */
export type Interval = readonly [low: number, high: number];

export interface ScoreIntervals {
  /** 0.95. */
  readonly level: number;
  /** What was drawn. */
  readonly of: 'images' | 'groups';
  /** How many of them there are. */
  readonly count: number;
  readonly resamples: number;
  /** By the names of the scores: `meanIoU`, `meanDice`, `pixelAccuracy`, `dice`, `iou`, `meanGroupDice`. */
  readonly scores: Readonly<Record<string, Interval>>;
  /** Of the IoU of each class; null if too few images have it. */
  readonly classes: readonly (Interval | null)[];
}

export interface BootstrapOptions {
  /** The background class, null for none. */
  readonly background: number | null;
  /** Default 1000. */
  readonly resamples?: number;
}

/** With fewer images or groups than this there are no intervals: they would be far too narrow. */
export const FEWEST_UNITS = 5;
export const LEVEL = 0.95;
const RESAMPLES = 1000;
/** More images than this are drawn in blocks of neighbours, so that memory and time do not grow with the data. */
const MOST_UNITS = 2000;
/** The same for many classes: units × classes. */
const MOST_CELLS = 66_000;
/** A score must be defined in this share of the resamples to have an interval. */
const DEFINED = 0.9;

/** Per class: true positives, true pixels, predicted pixels. */
const PER_CLASS = 3;

export class ScoreBootstrap {
  /** Of each image, block of images or group: the counted pixels, then the counts of each class. */
  private readonly units: Float64Array[] = [];
  private readonly groups = new Map<string, Float64Array>();
  private images = 0;
  /** Images in a unit. */
  private block = 1;
  private readonly most: number;

  constructor(
    private readonly classes: number,
    private readonly multiLabel: boolean,
    private readonly options: BootstrapOptions,
  ) {
    this.most = Math.min(MOST_UNITS, Math.max(200, Math.floor(MOST_CELLS / classes)));
  }

  /** Adds the counts of an image. @param group the group that it belongs to. */
  add(counts: ConfusionMatrix, group?: string): void {
    const row = new Float64Array(1 + PER_CLASS * this.classes);
    row[0] = counts.total;
    classCounts(counts).forEach(({ tp, fp, fn }, k) => row.set([tp, tp + fn, tp + fp], 1 + PER_CLASS * k));
    this.images++;
    if (group !== undefined) {
      const known = this.groups.get(group);
      if (known) addTo(known, row, 1);
      else this.groups.set(group, row);
      return;
    }
    if ((this.images - 1) % this.block === 0) this.units.push(row);
    else addTo(this.units.at(-1)!, row, 1);
    if (this.units.length > this.most) this.joinNeighbours();
  }

  private joinNeighbours(): void {
    const joined: Float64Array[] = [];
    for (const [i, unit] of this.units.entries()) {
      if (i % 2 === 0) joined.push(unit);
      else addTo(joined.at(-1)!, unit, 1);
    }
    this.units.splice(0, this.units.length, ...joined);
    this.block *= 2;
  }

  private get drawn(): readonly Float64Array[] {
    return this.groups.size > 0 ? [...this.groups.values()] : this.units;
  }

  /** The intervals; undefined for fewer than {@link FEWEST_UNITS} images or groups. */
  intervals(): ScoreIntervals | undefined {
    const units = this.drawn;
    const { length } = units;
    if (length < FEWEST_UNITS) return undefined;
    const { resamples = RESAMPLES } = this.options;
    const random = new Random(0, 'bootstrap');
    const weights = new Uint32Array(length);
    const values = new Map<string, number[]>();
    for (let r = 0; r < resamples; r++) {
      weights.fill(0);
      for (let i = 0; i < length; i++) weights[Math.floor(random.float() * length)]!++;
      for (const [name, value] of this.resampled(units, weights)) {
        const known = values.get(name) ?? [];
        values.set(name, known);
        if (value !== null) known.push(value);
      }
    }
    const intervalOf = (name: string): Interval | null => {
      const found = values.get(name)!;
      if (found.length < DEFINED * resamples) return null;
      found.sort((a, b) => a - b);
      return [quantile(found, (1 - LEVEL) / 2), quantile(found, (1 + LEVEL) / 2)];
    };
    const overall = [...values.keys()].filter((name) => !name.startsWith('class/'));
    return {
      level: LEVEL,
      of: this.groups.size > 0 ? 'groups' : 'images',
      count: this.groups.size > 0 ? length : this.images,
      resamples,
      scores: Object.fromEntries(
        overall.flatMap((name) => {
          const interval = intervalOf(name);
          return interval ? [[name, interval] as const] : [];
        }),
      ),
      classes: Array.from({ length: this.classes }, (_, k) => intervalOf(`class/${k}`)),
    };
  }

  /** The scores of what was added if unit i counts `weights[i]` times. */
  scoresOf(weights: Uint32Array): ReadonlyMap<string, number | null> {
    const units = this.drawn;
    if (weights.length !== units.length) {
      throw new UsageError(`ScoreBootstrap: ${weights.length} weights for ${units.length} units.`);
    }
    return this.resampled(units, weights);
  }

  private resampled(units: readonly Float64Array[], weights: Uint32Array): Map<string, number | null> {
    const { background } = this.options;
    const sum = new Float64Array(1 + PER_CLASS * this.classes);
    for (let i = 0; i < units.length; i++) if (weights[i]! > 0) addTo(sum, units[i]!, weights[i]!);
    const total = sum[0]!;
    const each = Array.from({ length: this.classes }, (_, k) => this.classOf(sum, k));
    const ious = each.map(({ tp, truth, predicted }) => quotient(tp, truth + predicted - tp));
    const right = this.multiLabel
      ? meanDefined(
          each.map(({ tp, truth, predicted }) => quotient(total - truth - predicted + 2 * tp, total)),
        )
      : quotient(
          each.reduce((all, { tp }) => all + tp, 0),
          total,
        );
    const scores = new Map<string, number | null>([
      ['pixelAccuracy', right],
      ['meanIoU', meanDefined(ious)],
      ['meanDice', meanDefined(each.map(diceOf))],
    ]);
    if (this.classes === 2 && !this.multiLabel) {
      scores.set('dice', diceOf(each[1]!)).set('iou', ious[1]!);
    }
    if (this.groups.size > 0) {
      let weighted = 0;
      let defined = 0;
      for (let i = 0; i < units.length; i++) {
        const dice = weights[i]! > 0 ? this.foregroundDice(units[i]!, background) : null;
        if (dice === null) continue;
        weighted += weights[i]! * dice;
        defined += weights[i]!;
      }
      scores.set('meanGroupDice', quotient(weighted, defined));
    }
    ious.forEach((value, k) => scores.set(`class/${k}`, value));
    return scores;
  }

  private foregroundDice(unit: Float64Array, background: number | null): number | null {
    const front = { tp: 0, truth: 0, predicted: 0 };
    for (let k = 0; k < this.classes; k++) {
      if (k === background) continue;
      const { tp, truth, predicted } = this.classOf(unit, k);
      front.tp += tp;
      front.truth += truth;
      front.predicted += predicted;
    }
    return diceOf(front);
  }

  private classOf(row: Float64Array, k: number) {
    const at = 1 + PER_CLASS * k;
    return { tp: row[at]!, truth: row[at + 1]!, predicted: row[at + 2]! };
  }
}

function diceOf({ tp, truth, predicted }: { tp: number; truth: number; predicted: number }): number | null {
  return quotient(2 * tp, truth + predicted);
}

function addTo(sum: Float64Array, row: Float64Array, weight: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += weight * row[i]!;
}

function quotient(numerator: number, denominator: number): number | null {
  return denominator === 0 ? null : numerator / denominator;
}

/** The quantile `q` of sorted values, interpolated linearly between neighbours (type 7 of Hyndman and Fan 1996). */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  return low + (at - below) * ((sorted[below + 1] ?? low) - low);
}
