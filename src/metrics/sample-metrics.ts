/** Scores of single samples that are not counts of pixels: of outlines, or a user's own. */
import { planeOf } from '../labels/label-set.js';
import { boundaryCounts, boundaryIoU } from './boundary-iou.js';
import { meanDefined } from './scores.js';
import { hausdorffDistance, meanSurfaceDistance, surfaceDistances } from './surface-distance.js';
import type { SurfaceDistances } from './surface-distance.js';

/** The masks of a sample, at the size at which they are compared. */
export interface MasksToScore {
  /** H×W class indices, or sets of overlapping classes. */
  readonly prediction: Uint8Array;
  /** The same for the truth; 255 is ignored. */
  readonly target: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** The classes but the background. */
  readonly classes: readonly number[];
  /** Whether the masks hold sets of overlapping classes. Default false. */
  readonly multiLabel?: boolean | undefined;
}

/** The score of a sample; null if it has none, which means leave out. */
export type SampleMetric = (masks: MasksToScore) => number | null;

/** The mean over the classes that the truth or the prediction has. */
const overClasses =
  (score: (masks: MasksToScore, classIndex: number) => number | null): SampleMetric =>
  (masks) =>
    meanDefined(masks.classes.map((k) => (masks.multiLabel ? score(ofClass(masks, k), 1) : score(masks, k))));

/** Masks of one of overlapping classes, 1 inside. */
const ofClass = ({ prediction, target, ...rest }: MasksToScore, k: number): MasksToScore => ({
  ...rest,
  prediction: planeOf(prediction, k),
  target: planeOf(target, k),
});

/** A distance in pixels. A class that only one of the masks has counts as the image's diagonal, not as infinity. */
const distance = (of: (distances: SurfaceDistances) => number | null): SampleMetric =>
  overClasses(({ prediction, target, ...size }, classIndex) => {
    const value = of(surfaceDistances(prediction, target, { ...size, classIndex }));
    return value === null ? null : Math.min(value, Math.hypot(size.height, size.width));
  });

/** Scores of outlines: the mean over a sample's classes but the background, and over the samples. */
export const OUTLINE_METRICS = {
  /** 95th percentile of the distances between outlines, in pixels. */
  hausdorff95: distance((distances) => hausdorffDistance(distances, 95)),
  /** Mean distance between outlines, in pixels. */
  meanSurfaceDistance: distance(meanSurfaceDistance),
  /** IoU of the rims of the masks (Cheng et al. 2021). */
  boundaryIoU: overClasses(({ prediction, target, ...size }, classIndex) =>
    boundaryIoU(boundaryCounts(prediction, target, { ...size, classIndex })),
  ),
} as const satisfies Readonly<Record<string, SampleMetric>>;

export type OutlineMetric = keyof typeof OUTLINE_METRICS;

export const OUTLINE_METRIC_NAMES = Object.keys(OUTLINE_METRICS) as OutlineMetric[];

/** The value of each metric for one sample. */
export function metricsOf(
  metrics: Readonly<Record<string, SampleMetric>>,
  masks: MasksToScore,
): Record<string, number | null> {
  return Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, metric(masks)]));
}

/** The mean of each metric over the samples that have a value; null if none has. */
export function meanMetrics(
  names: readonly string[],
  samples: readonly { readonly metrics?: Readonly<Record<string, number | null>> }[],
): Record<string, number | null> {
  const mean = (name: string) => meanDefined(samples.map(({ metrics }) => metrics?.[name] ?? null));
  return Object.fromEntries(names.map((name) => [name, mean(name)]));
}
