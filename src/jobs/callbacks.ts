/** The callbacks that a plan asks for, in the order in which `fit` is to call them. */
import { join } from 'node:path';
import { UsageError } from '../errors/index.js';
import { type Layer, Module } from '../nn/index.js';
import type { Schedule } from '../optim/index.js';
import type { Callback, Monitor, RunFolder } from '../training/index.js';
import {
  csvLog,
  earlyStopping,
  gradientClipping,
  metricsLog,
  scheduleCallback,
  tensorboardLog,
  unfreezing,
  weightAveraging,
} from '../training/index.js';
import type { Plan } from './train-plan.js';

export interface CallbackSurroundings {
  readonly model: Layer;
  readonly schedule: Schedule;
  /** The score that decisions are made on. */
  readonly monitor: Monitor;
}

/** What learning takes; logs, pictures and checkpoints come after it. */
export function callbacksOf(plan: Plan, { model, schedule, monitor }: CallbackSurroundings): Callback[] {
  const { clipNorm, clipValue, ema, patience, minDelta } = plan;
  const clips = clipNorm !== undefined || clipValue !== undefined;
  return [
    scheduleCallback(schedule, { ...monitor, metric: 'loss' }),
    ...(plan.unfreezing ? [unfreezingOf(plan, plan.unfreezing, model)] : []),
    ...(clips ? [gradientClipping({ norm: clipNorm, value: clipValue })] : []),
    // Behind the step and ahead of what scores and saves: both are to see the average.
    ...(ema === undefined ? [] : [weightAveraging({ decay: ema })]),
    ...(patience === undefined ? [] : [earlyStopping({ monitor, patience, minDelta })]),
  ];
}

/** What keeps the scores of every epoch in the run folder. */
export function logsOf({ log }: Plan, folder: RunFolder): Callback[] {
  return [
    metricsLog(folder),
    ...(log.includes('csv') ? [csvLog(join(folder.path, 'metrics.csv'))] : []),
    ...(log.includes('tensorboard') ? [tensorboardLog(join(folder.path, 'tensorboard'))] : []),
  ];
}

/** How much slower than the rest a pretrained encoder learns, where nothing else is said. */
const ENCODER_LR_SHARE = 0.1;

function unfreezingOf(
  { lr }: Plan,
  { after, lr: encoderLr }: NonNullable<Plan['unfreezing']>,
  model: Layer,
): Callback {
  const { encoder } = model as Layer & { readonly encoder?: unknown };
  if (!(encoder instanceof Module)) throw new UsageError('--unfreeze-after needs a model with an encoder');
  return unfreezing({ module: encoder, after, options: { lr: encoderLr ?? ENCODER_LR_SHARE * lr } });
}
