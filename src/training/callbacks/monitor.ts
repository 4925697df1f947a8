/** The monitored score, which decides which epoch is best, when to stop, and when to reduce the learning rate. */
import { UsageError } from '../../errors/index.js';
import type { OutlineMetric } from '../../metrics/sample-metrics.js';
import type { EpochRecord } from '../callback.js';

const METRICS = {
  loss: 'min',
  pixelAccuracy: 'max',
  meanIoU: 'max',
  meanDice: 'max',
  dice: 'max',
  iou: 'max',
} as const;

/** Scores that are computed only if they are monitored. */
const OUTLINES: Readonly<Record<OutlineMetric, 'min' | 'max'>> = {
  hausdorff95: 'min',
  meanSurfaceDistance: 'min',
  boundaryIoU: 'max',
};

/** A score of the user's own, by its name in `metrics` of `train`. The higher, the better. */
type OwnMetric = `metric:${string}`;

const OWN = 'metric:';

export type BuiltInMetric = keyof typeof METRICS | OutlineMetric;

export type MonitorMetric = BuiltInMetric | OwnMetric;

/** The scores that can be monitored, besides one's own. */
export const METRIC_NAMES = Object.keys({ ...METRICS, ...OUTLINES }) as readonly BuiltInMetric[];

/** The name of a score of the user's own; undefined for the others. */
export const ownMetric = (metric: string): string | undefined =>
  metric.startsWith(OWN) ? metric.slice(OWN.length) : undefined;

export interface Monitor {
  readonly metric: MonitorMetric;
  readonly part: 'train' | 'valid';
}

export function checkMonitor(metric: string): MonitorMetric {
  if (ownMetric(metric) === undefined && !METRIC_NAMES.some((name) => name === metric))
    throw new UsageError(`monitor must be one of ${METRIC_NAMES.join(', ')}, not "${metric}"`);
  return metric as MonitorMetric;
}

/** The monitored score of an epoch; undefined if it has none. An undefined score is never the best. */
export function monitored(
  record: Pick<EpochRecord, 'valid'> & Partial<Pick<EpochRecord, 'train'>>,
  { metric, part }: Monitor,
): number | undefined {
  const scores = record[part];
  const value = Object.hasOwn(METRICS, metric)
    ? scores?.[metric as keyof typeof METRICS]
    : scores?.metrics?.[ownMetric(metric) ?? metric];
  return value === null || value === undefined || Number.isNaN(value) ? undefined : value;
}

/** Whether `value` beats `best` by more than `minDelta`. */
export function improves(
  value: number,
  best: number | undefined,
  metric: MonitorMetric,
  minDelta = 0,
): boolean {
  if (best === undefined) return true;
  const smaller = { ...METRICS, ...OUTLINES }[metric as BuiltInMetric] === 'min';
  return smaller ? value < best - minDelta : value > best + minDelta;
}
