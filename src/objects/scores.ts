/**
 * Scores of objects: how predicted objects match true ones. An object of one class matches only those of the same.
 *
 * - `ap50`, `ap`: average precision as the Data Science Bowl 2018 counts it (Caicedo et al. 2019): TP / (TP + FP + FN)
 *   of an image, where a match is an IoU above a limit; at 0.5, and the mean over 0.5, 0.55, … 0.95; mean over images.
 * - `cocoAp50`, `cocoAp`: the area under the curve of precision over recall, at 101 recalls, objects ranked by their
 *   probability (Lin et al. 2014, without its limit of 100 objects an image); mean over classes.
 * - `f1`: 2·TP / (2·TP + FP + FN) at 0.5, over all images.
 * - `panopticQuality`: the sum of the matches' IoU by (TP + FP/2 + FN/2) at 0.5, over all images (Kirillov et al. 2019),
 *   mean over classes.
 * - `aggregatedJaccard`: intersections by unions of each true object with the most similar predicted one, where
 *   predicted objects that are no true one's add to the unions (Kumar et al. 2017), over all images.
 */
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import type { ObjectMap } from './object-map.js';

/** The IoU limits 0.5, 0.55 … 0.95. */
export const IOU_LIMITS: readonly number[] = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);

export interface ObjectScores {
  readonly ap50: number | null;
  readonly ap: number | null;
  readonly cocoAp50: number | null;
  readonly cocoAp: number | null;
  readonly f1: number | null;
  readonly panopticQuality: number | null;
  readonly aggregatedJaccard: number | null;
  /** Number of predicted and of true objects. */
  readonly counted: number;
  readonly true: number;
  /** The sum over images of |counted − true|, by the number of true objects. */
  readonly countError: number | null;
  /** True objects that are covered mostly by several predicted ones. */
  readonly split: number;
  /** Predicted objects that cover several true ones. */
  readonly merged: number;
  /** At 0.5: true objects without a match, and predicted ones without. */
  readonly missed: number;
  readonly invented: number;
  /** Numbers of objects by area: bin k is for 2^(k/2) pixels up to the next bin. */
  readonly sizes: { readonly true: readonly number[]; readonly counted: readonly number[] };
}

/** What became of an object. */
export type Fate = 'matched' | 'missed' | 'invented' | 'split' | 'merged';

/** How the objects of one image match. Indices count from 0: object 1 of a map has index 0. */
export interface ObjectMatching {
  readonly counted: number;
  readonly true: number;
  /** Matches at 0.5, with their IoU. */
  readonly matches: readonly { readonly truth: number; readonly predicted: number; readonly iou: number }[];
  /** What became of each true object: `matched`, `missed`, `split` or `merged` with others. */
  readonly truths: readonly Fate[];
  /** What became of each predicted object: `matched`, `invented`, part of a `split` one, or `merged` from several. */
  readonly predictions: readonly Fate[];
  /** Of this image. */
  readonly ap50: number | null;
  readonly ap: number | null;
}

/** A part of a split object covers at least this share of it, as does each object that was merged into one. */
const LEAST_PART = 0.1;

interface Overlap {
  readonly truth: number;
  readonly predicted: number;
  readonly pixels: number;
  readonly iou: number;
}

interface Overlaps {
  /** Pixels by index. Predicted objects lose pixels where the truth is ignored. */
  readonly truthAreas: Float64Array;
  readonly predictedAreas: Float64Array;
  readonly pairs: readonly Overlap[];
  /** Predicted objects that are mostly on ignored pixels, and count for nothing. */
  readonly left: readonly boolean[];
}

/** @param ignored H×W, {@link IGNORE_INDEX} where pixels count for nothing. */
function overlapsOf(truth: ObjectMap, predicted: ObjectMap, ignored?: Uint8Array): Overlaps {
  const truthAreas = new Float64Array(truth.classes.length);
  const predictedAreas = new Float64Array(predicted.classes.length);
  const ignoredAreas = new Float64Array(predicted.classes.length);
  const stride = predicted.classes.length + 1;
  const shared = new Map<number, number>();
  let last = -1;
  let run = 0;
  const keep = (): void => {
    if (run > 0) shared.set(last, (shared.get(last) ?? 0) + run);
    run = 0;
  };
  for (let i = 0; i < truth.labels.length; i++) {
    const [t, p] = [truth.labels[i]!, predicted.labels[i]!];
    if (ignored?.[i] === IGNORE_INDEX) {
      if (p > 0) ignoredAreas[p - 1]!++;
      continue;
    }
    if (t > 0) truthAreas[t - 1]!++;
    if (p > 0) predictedAreas[p - 1]!++;
    if (t === 0 || p === 0) continue;
    const key = t * stride + p;
    if (key !== last) {
      keep();
      last = key;
    }
    run++;
  }
  keep();
  const pairs = [...shared].map(([key, pixels]): Overlap => {
    const t = Math.floor(key / stride) - 1;
    const p = (key % stride) - 1;
    const same = truth.classes[t] === predicted.classes[p];
    const iou = same ? pixels / (truthAreas[t]! + predictedAreas[p]! - pixels) : 0;
    return { truth: t, predicted: p, pixels, iou };
  });
  const left = Array.from(predictedAreas, (area, p) => ignoredAreas[p]! > area);
  return { truthAreas, predictedAreas, pairs: pairs.filter(({ predicted: p }) => !left[p]), left };
}

/** Matches the objects of one image. */
export function matchObjects(truth: ObjectMap, predicted: ObjectMap, ignored?: Uint8Array): ObjectMatching {
  return matchingOf(overlapsOf(truth, predicted, ignored));
}

function matchingOf({ truthAreas, predictedAreas, pairs, left }: Overlaps): ObjectMatching {
  const trues = truthAreas.filter((area) => area > 0).length;
  const counted = left.filter((one) => !one).length;
  // Above 0.5, an object has at most one match.
  const matches = pairs.filter(({ iou }) => iou > 0.5);
  const precisionAt = (limit: number): number => {
    const hits = matches.filter(({ iou }) => iou > limit).length;
    return hits / (trues + counted - hits);
  };
  const parts = new Map<number, Overlap[]>();
  const wholes = new Map<number, Overlap[]>();
  const add = (lists: Map<number, Overlap[]>, key: number, pair: Overlap): void =>
    void lists.set(key, [...(lists.get(key) ?? []), pair]);
  for (const pair of pairs) {
    const { truth, predicted, pixels } = pair;
    const [whole, part] = [truthAreas[truth]!, predictedAreas[predicted]!];
    if (2 * pixels > part && pixels >= LEAST_PART * whole) add(parts, truth, pair);
    if (2 * pixels > whole && pixels >= LEAST_PART * part) add(wholes, predicted, pair);
  }
  const split = new Set([...parts].filter(([, list]) => list.length > 1).map(([truth]) => truth));
  const merged = new Set([...wholes].filter(([, list]) => list.length > 1).map(([predicted]) => predicted));
  const inSplit = new Set([...split].flatMap((truth) => parts.get(truth)!.map(({ predicted }) => predicted)));
  const inMerged = new Set(
    [...merged].flatMap((predicted) => wholes.get(predicted)!.map(({ truth }) => truth)),
  );
  const matchedTruths = new Set(matches.map(({ truth }) => truth));
  const matchedPredictions = new Set(matches.map(({ predicted }) => predicted));
  const none = trues + counted === 0;
  return {
    counted,
    true: trues,
    matches: matches.map(({ truth, predicted, iou }) => ({ truth, predicted, iou })),
    truths: Array.from(truthAreas, (_, t): Fate =>
      split.has(t) ? 'split' : inMerged.has(t) ? 'merged' : matchedTruths.has(t) ? 'matched' : 'missed',
    ),
    predictions: Array.from(predictedAreas, (_, p): Fate =>
      merged.has(p)
        ? 'merged'
        : inSplit.has(p)
          ? 'split'
          : matchedPredictions.has(p) || left[p]
            ? 'matched'
            : 'invented',
    ),
    ap50: none ? null : precisionAt(0.5),
    ap: none ? null : mean(IOU_LIMITS.map(precisionAt)),
  };
}

/** The numbers of objects by their fate, and the average precision of the image. */
export function summaryOfMatching({ counted, true: trues, ap50, ap, truths, predictions }: ObjectMatching) {
  const number = (fates: readonly Fate[], wanted: Fate): number =>
    fates.filter((fate) => fate === wanted).length;
  return {
    ap50,
    ap,
    counted,
    true: trues,
    missed: number(truths, 'missed'),
    invented: number(predictions, 'invented'),
    split: number(truths, 'split'),
    merged: number(predictions, 'merged'),
  };
}

/** What is kept of an image for the scores of a set: plain data, which other processes can send. */
export interface ImageMatches extends Pick<ObjectMatching, 'counted' | 'true' | 'ap50' | 'ap'> {
  readonly split: number;
  readonly merged: number;
  /** By class: true objects, and for each predicted one its score and its best IoUs with true ones. */
  readonly classes: readonly ClassMatches[];
  /** Numbers of objects by area, as in {@link ObjectScores.sizes}. */
  readonly sizes: ObjectScores['sizes'];
  /** Sums of pixels for the aggregated Jaccard index. */
  readonly intersection: number;
  readonly union: number;
}

interface ClassMatches {
  readonly value: number;
  readonly trues: number;
  /** The predicted objects: score and, by index of the true objects, those IoU that are at least 0.5. */
  readonly predicted: readonly {
    readonly score: number;
    readonly overlaps: readonly (readonly [truth: number, iou: number])[];
  }[];
}

/**
 * The scores of a set of images.
 *
 * @example
 * const scorer = new ObjectScorer();
 * const { truths } = scorer.add(truth, predicted, { scores });
 * const { ap50 } = scorer.scores();
 */
export class ObjectScorer {
  private readonly images: ImageMatches[] = [];

  /**
   * Adds an image.
   *
   * @param options.scores the rank of each predicted object, such as its probability; default: all equal.
   * @param options.ignored {@link IGNORE_INDEX} for pixels that count for nothing.
   */
  add(
    truth: ObjectMap,
    predicted: ObjectMap,
    { scores, ignored }: { readonly scores?: ArrayLike<number>; readonly ignored?: Uint8Array } = {},
  ): ObjectMatching {
    const overlaps = overlapsOf(truth, predicted, ignored);
    const matching = matchingOf(overlaps);
    const { counted, true: trues, ap50, ap } = matching;
    this.addMatches({
      counted,
      true: trues,
      ap50,
      ap,
      split: matching.truths.filter((fate) => fate === 'split').length,
      merged: matching.predictions.filter((fate) => fate === 'merged').length,
      classes: classMatches(truth, predicted, overlaps, scores),
      sizes: {
        true: sizeBins(overlaps.truthAreas),
        counted: sizeBins(overlaps.predictedAreas.filter((_, p) => !overlaps.left[p])),
      },
      ...aggregatedSums(overlaps),
    });
    return matching;
  }

  /** The images so far. */
  get matches(): readonly ImageMatches[] {
    return this.images;
  }

  /** Adds an image that was matched elsewhere. */
  addMatches(matches: ImageMatches): void {
    this.images.push(matches);
  }

  scores(): ObjectScores {
    const { images } = this;
    const sum = (of: (image: ImageMatches) => number): number =>
      images.reduce((total, image) => total + of(image), 0);
    const [counted, trues] = [sum((image) => image.counted), sum((image) => image.true)];
    const values = [...new Set(images.flatMap(({ classes }) => classes.map(({ value }) => value)))].sort(
      (a, b) => a - b,
    );
    const ofClass = values.map((value) =>
      images.flatMap(({ classes }) => classes.filter((one) => one.value === value)),
    );
    const quality = ofClass.map(segmentationQuality);
    const hits = quality.reduce((total, { matches }) => total + matches, 0);
    const union = sum((image) => image.union);
    const coco = ofClass.filter((list) => list.some(({ trues: number }) => number > 0));
    return {
      ap50: mean(images.flatMap((image) => image.ap50 ?? [])),
      ap: mean(images.flatMap((image) => image.ap ?? [])),
      cocoAp50: mean(coco.map((list) => rankedPrecision(list, 0.5))),
      cocoAp: mean(coco.map((list) => mean(IOU_LIMITS.map((limit) => rankedPrecision(list, limit)))!)),
      f1: counted + trues === 0 ? null : (2 * hits) / (counted + trues),
      panopticQuality: mean(quality.map(({ value }) => value)),
      aggregatedJaccard: union === 0 ? null : sum((image) => image.intersection) / union,
      counted,
      true: trues,
      countError: trues === 0 ? null : sum((image) => Math.abs(image.counted - image.true)) / trues,
      split: sum((image) => image.split),
      merged: sum((image) => image.merged),
      missed: trues - hits,
      invented: counted - hits,
      sizes: {
        true: summedBins(images.map(({ sizes }) => sizes.true)),
        counted: summedBins(images.map(({ sizes }) => sizes.counted)),
      },
    };
  }
}

function sizeBins(areas: Float64Array): number[] {
  const bins: number[] = [];
  for (const area of areas) {
    if (area === 0) continue;
    const k = Math.floor(2 * Math.log2(area));
    while (bins.length <= k) bins.push(0);
    bins[k]!++;
  }
  return bins;
}

function summedBins(all: readonly (readonly number[])[]): number[] {
  const length = Math.max(0, ...all.map((bins) => bins.length));
  return Array.from({ length }, (_, k) => all.reduce((sum, bins) => sum + (bins[k] ?? 0), 0));
}

function classMatches(
  truth: ObjectMap,
  predicted: ObjectMap,
  { truthAreas, pairs, left }: Overlaps,
  scores?: ArrayLike<number>,
): ClassMatches[] {
  const values = [...new Set([...truth.classes, ...predicted.classes])].sort((a, b) => a - b);
  const close = new Map<number, (readonly [number, number])[]>();
  for (const { truth: t, predicted: p, iou } of pairs) {
    if (iou >= 0.5) close.set(p, [...(close.get(p) ?? []), [t, iou] as const]);
  }
  return values.map((value) => ({
    value,
    trues: truth.classes.filter((own, t) => own === value && truthAreas[t]! > 0).length,
    predicted: Array.from(predicted.classes, (own, p) => ({ own, p }))
      .filter(({ own, p }) => own === value && !left[p])
      .map(({ p }) => ({ score: scores?.[p] ?? 1, overlaps: close.get(p) ?? [] })),
  }));
}

function segmentationQuality(images: readonly ClassMatches[]): { value: number; matches: number } {
  let matches = 0;
  let ious = 0;
  let objects = 0;
  for (const { trues, predicted } of images) {
    objects += trues + predicted.length;
    for (const { overlaps } of predicted) {
      for (const [, iou] of overlaps) {
        if (iou <= 0.5) continue;
        matches++;
        ious += iou;
      }
    }
  }
  return { value: objects === 0 ? 0 : ious / (objects / 2), matches };
}

/** COCO's average precision of one class at one limit. */
function rankedPrecision(images: readonly ClassMatches[], limit: number): number {
  const trues = images.reduce((sum, image) => sum + image.trues, 0);
  const ranked: { score: number; hit: boolean }[] = [];
  for (const { predicted } of images) {
    const taken = new Set<number>();
    // Sorting keeps the order of equal scores.
    for (const { score, overlaps } of [...predicted].sort((a, b) => b.score - a.score)) {
      const free = overlaps.filter(([t, iou]) => iou >= limit && !taken.has(t));
      const best = free.reduce<readonly [number, number] | undefined>(
        (most, one) => (most === undefined || one[1] > most[1] ? one : most),
        undefined,
      );
      if (best) taken.add(best[0]);
      ranked.push({ score, hit: best !== undefined });
    }
  }
  ranked.sort((a, b) => b.score - a.score);
  let hits = 0;
  const points = ranked.map(({ hit }, i) => {
    if (hit) hits++;
    return { recall: hits / trues, precision: hits / (i + 1) };
  });
  for (let i = points.length - 2; i >= 0; i--) {
    points[i]!.precision = Math.max(points[i]!.precision, points[i + 1]!.precision);
  }
  let sum = 0;
  for (let k = 0, i = 0; k <= 100; k++) {
    while (i < points.length && points[i]!.recall < k / 100 - 1e-12) i++;
    sum += points[i]?.precision ?? 0;
  }
  return sum / 101;
}

function aggregatedSums({ truthAreas, predictedAreas, pairs, left }: Overlaps): {
  intersection: number;
  union: number;
} {
  const best = new Map<number, Overlap>();
  for (const pair of pairs) {
    const known = best.get(pair.truth);
    if (pair.iou > (known?.iou ?? 0)) best.set(pair.truth, pair);
  }
  let intersection = 0;
  let union = 0;
  const used = new Set<number>();
  truthAreas.forEach((area, t) => {
    const pair = best.get(t);
    intersection += pair?.pixels ?? 0;
    union += area + (pair ? predictedAreas[pair.predicted]! - pair.pixels : 0);
    if (pair) used.add(pair.predicted);
  });
  predictedAreas.forEach((area, p) => {
    if (!used.has(p) && !left[p]) union += area;
  });
  return { intersection, union };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
