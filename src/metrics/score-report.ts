/**
 * The scores of a data part, accumulated sample by sample, as one plain object: what `train` and `evaluate`
 * print and a line of metrics.jsonl contains. A score that does not apply is absent. A score that is undefined
 * is null.
 */
import { ShapeError, UsageError } from '../errors/index.js';
import type { LabelDoubt } from './label-doubt.js';
import type { ObjectScores } from '../objects/index.js';
import { type ClassCounts, ConfusionMatrix, IGNORE_INDEX } from './confusion-matrix.js';
import {
  classCounts,
  dice,
  foreground,
  iou,
  meanDefined,
  meanDice,
  meanIoU,
  pixelAccuracy,
  precision,
  recall,
} from './scores.js';
import { softDice } from './soft-dice.js';

export interface ClassScores {
  readonly name: string;
  readonly iou: number | null;
  readonly dice: number | null;
  readonly precision: number | null;
  readonly recall: number | null;
  /** Pixels whose true class this is. */
  readonly pixels: number;
}

export interface GroupScores {
  readonly name: string;
  /** Foreground Dice over all pixels of the group; null if neither mask contains foreground. */
  readonly dice: number | null;
}

export interface Scores {
  readonly samples: number;
  readonly loss?: number | null;
  /** The loss's components by name. */
  readonly losses?: Readonly<Record<string, number | null>>;
  readonly pixelAccuracy: number | null;
  /** Mean over all classes that occur in truth or prediction, background included. */
  readonly meanIoU: number | null;
  /** Mean over all classes that occur in truth or prediction, background included. */
  readonly meanDice: number | null;
  readonly classes: readonly ClassScores[];
  /** Two classes only: Dice of the foreground over all pixels. */
  readonly dice?: number | null;
  /** Two classes only: IoU of the foreground over all pixels. */
  readonly iou?: number | null;
  /** Two classes only, if probabilities were given: the mean over batches, with smooth 1. */
  readonly softDice?: number | null;
  readonly groups?: readonly GroupScores[];
  /** The mean over the groups whose Dice is defined. */
  readonly meanGroupDice?: number | null;
  /** If the truth tells objects apart. */
  readonly objects?: ObjectScores;
}

/** The scores of one sample. */
export interface SampleScores {
  readonly id: string;
  readonly loss?: number | null;
  readonly losses?: Readonly<Record<string, number | null>>;
  readonly meanDice: number | null;
  readonly meanIoU: number | null;
  /** Two classes only: Dice of the foreground; null if neither mask contains it. */
  readonly dice?: number | null;
  /**
   * Pixels whose true class is not the background; all pixels if there is no background class. If classes overlap,
   * pixels of any class.
   */
  readonly foreground: number;
  /** Pixels of each class in truth and prediction, ignored ones left out. */
  readonly areas: { readonly true: readonly number[]; readonly predicted: readonly number[] };
  /** The largest region where the model is sure of another class than the truth; absent if there is none. */
  readonly labelDoubt?: LabelDoubt;
  /** If the truth tells objects apart: how they match. */
  readonly objects?: SampleObjects;
  /** Scores of outlines and a user's own, if asked for; null where the sample has none. */
  readonly metrics?: Readonly<Record<string, number | null>>;
}

/** Numbers of objects of a sample, and its average precision. */
export interface SampleObjects {
  readonly ap50: number | null;
  readonly ap: number | null;
  readonly counted: number;
  readonly true: number;
  readonly missed: number;
  readonly invented: number;
  readonly split: number;
  readonly merged: number;
}

/** A loss and its components, each a mean over samples. */
export interface LossValues {
  readonly loss: number;
  readonly losses: Readonly<Record<string, number>>;
}

export interface ScoreOptions {
  /** The names of the classes, by index. */
  readonly classNames: readonly string[];
  /** The background class, null for none; default 0. */
  readonly background?: number | null;
  /** Whether classes overlap; see `Dataset.multiLabel`. There is no background then. Default false. */
  readonly multiLabel?: boolean | undefined;
  /** Pixels with this true value are not scored; default 255. */
  readonly ignore?: number;
}

/** JSON has no NaN and no infinity, so a loss that is not finite becomes null. */
function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function finiteLosses({ loss, losses }: LossValues): {
  loss: number | null;
  losses: Record<string, number | null>;
} {
  return {
    loss: finiteOrNull(loss),
    losses: Object.fromEntries(Object.entries(losses).map(([name, value]) => [name, finiteOrNull(value)])),
  };
}

/** The scores of one sample from its counts. @param background the background class, null for none. */
export function sampleScores(
  id: string,
  counts: ConfusionMatrix,
  losses?: LossValues,
  background: number | null = 0,
): SampleScores {
  const empty = counts.multiLabel
    ? counts.rows()[0]!.reduce((sum, count) => sum + count, 0)
    : background === null
      ? 0
      : pixelsOf(counts.of(background));
  const all = classCounts(counts);
  return {
    id,
    ...(losses === undefined ? {} : finiteLosses(losses)),
    meanDice: meanDice(counts),
    meanIoU: meanIoU(counts),
    ...(counts.binary ? { dice: dice(foreground(counts, 0)) } : {}),
    foreground: counts.total - empty,
    areas: {
      true: all.map(pixelsOf),
      predicted: all.map(({ tp, fp }) => tp + fp),
    },
  };
}

/** Pixels whose true class it is. */
const pixelsOf = ({ tp, fn }: ClassCounts): number => tp + fn;

/** Accumulates the counts and losses of a data part. */
export class ScoreAccumulator {
  /** Counts of all samples so far. */
  readonly counts: ConfusionMatrix;
  /** Counts by group, in order of appearance. */
  readonly groups = new Map<string, ConfusionMatrix>();
  private readonly classNames: readonly string[];
  private readonly background: number | null;
  private readonly ignore: number;
  private samples = 0;
  private lossWeight = 0;
  private lossSum = 0;
  private readonly componentSums = new Map<string, number>();
  private softDiceSum = 0;
  private softDiceBatches = 0;

  /** @throws UsageError unless there are 2 to 255 classes and the background is one of them. */
  constructor({
    classNames,
    multiLabel = false,
    background = multiLabel ? null : 0,
    ignore = IGNORE_INDEX,
  }: ScoreOptions) {
    this.classNames = classNames;
    this.counts = new ConfusionMatrix(classNames.length, { multiLabel });
    const isClass = background === null || classNames[background] !== undefined;
    if (!isClass) {
      throw new UsageError(
        `Scores: background must be the index of a class, 0 to ${classNames.length - 1}, got ${background}.`,
      );
    }
    this.background = background;
    this.ignore = ignore;
  }

  /**
   * Counts one sample: predicted and true class of each pixel.
   * @param group the patient, car… that the sample belongs to, if the data has groups.
   * @returns the sample's own counts. @throws as ConfusionMatrix.add does.
   */
  addSample(prediction: Uint8Array, target: Uint8Array, group?: string): ConfusionMatrix {
    const counts = this.counts.likewise().add(prediction, target, this.ignore);
    this.addCounts(counts, group);
    return counts;
  }

  /** Adds the counts of one sample. */
  addCounts(counts: ConfusionMatrix, group?: string): void {
    this.counts.merge(counts);
    this.samples++;
    if (group === undefined) return;
    const known = this.groups.get(group);
    if (known !== undefined) known.merge(counts);
    else this.groups.set(group, this.counts.likewise().merge(counts));
  }

  /** Adds a loss that is the mean over `samples` samples. Batches are weighted by their samples. */
  addLoss({ loss, losses }: LossValues, samples: number): void {
    this.lossWeight += samples;
    this.lossSum += loss * samples;
    for (const [name, value] of Object.entries(losses)) {
      this.componentSums.set(name, (this.componentSums.get(name) ?? 0) + value * samples);
    }
  }

  /**
   * Adds one batch to `softDice`, for two classes. All batches have the same weight.
   * @param probabilities of the foreground, in [0, 1]. @param target true classes of the same pixels.
   * @throws ShapeError unless there are two classes and both arrays have the same length.
   */
  addProbabilities(probabilities: Float32Array, target: Uint8Array): void {
    this.addSoftDice(this.softDiceOf(probabilities, target));
  }

  /** Adds the soft Dice of one batch. */
  addSoftDice(value: number): void {
    this.softDiceSum += value;
    this.softDiceBatches++;
  }

  /** The soft Dice of one batch, without adding it. Parameters and errors are those of {@link addProbabilities}. */
  softDiceOf(probabilities: Float32Array, target: Uint8Array): number {
    if (!this.counts.binary) {
      throw new ShapeError(`Scores: softDice needs two classes, not ${this.counts.classes}.`);
    }
    const truth =
      this.background === 0
        ? target
        : target.map((value) => (value === this.ignore ? value : value === this.background ? 0 : 1));
    return softDice(probabilities, truth, { smooth: 1, ignore: this.ignore });
  }

  /** The scores of everything added so far. */
  scores(): Scores {
    const { counts, background } = this;
    const all = classCounts(counts);
    const front = foreground(counts, background);
    const groups = [...this.groups].map(([name, group]) => ({
      name,
      dice: dice(foreground(group, background)),
    }));
    const components = Object.fromEntries(
      [...this.componentSums].map(([name, sum]) => [name, sum / this.lossWeight]),
    );
    return {
      samples: this.samples,
      ...(this.lossWeight > 0
        ? finiteLosses({ loss: this.lossSum / this.lossWeight, losses: components })
        : {}),
      pixelAccuracy: pixelAccuracy(counts),
      meanIoU: meanIoU(counts),
      meanDice: meanDice(counts),
      classes: all.map((one, index) => ({
        name: this.classNames[index]!,
        iou: iou(one),
        dice: dice(one),
        precision: precision(one),
        recall: recall(one),
        pixels: pixelsOf(one),
      })),
      ...(counts.binary ? { dice: dice(front), iou: iou(front) } : {}),
      ...(this.softDiceBatches > 0
        ? { softDice: finiteOrNull(this.softDiceSum / this.softDiceBatches) }
        : {}),
      ...(groups.length > 0 ? { groups, meanGroupDice: meanDefined(groups.map((group) => group.dice)) } : {}),
    };
  }
}
