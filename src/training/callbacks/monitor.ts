/** The monitored score, which decides which epoch is best, when to stop, and when to reduce the learning rate. */
import { UsageError } from '../../errors/index.js';
import type { EpochRecord } from '../callback.js';

const METRICS = {
  loss: 'min',
  pixelAccuracy: 'max',
  meanIoU: 'max',
  meanDice: 'max',
  dice: 'max',
  iou: 'max',
} as const;

export type MonitorMetric = keyof typeof METRICS;

/** The scores that can be monitored. */
export const METRIC_NAMES = Object.keys(METRICS) as readonly MonitorMetric[];

export interface Monitor {
  readonly metric: MonitorMetric;
  readonly part: 'train' | 'valid';
}

export function checkMonitor(metric: string): MonitorMetric {
  if (!Object.hasOwn(METRICS, metric))
    throw new UsageError(`monitor must be one of ${Object.keys(METRICS).join(', ')}, not "${metric}"`);
  return metric as MonitorMetric;
}

/** The monitored score of an epoch; undefined if it has none. An undefined score is never the best. */
export function monitored(
  record: Pick<EpochRecord, 'valid'> & Partial<Pick<EpochRecord, 'train'>>,
  { metric, part }: Monitor,
): number | undefined {
  const value = record[part]?.[metric];
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
  return METRICS[metric] === 'min' ? value < best - minDelta : value > best + minDelta;
}
