/** Makes the callbacks that a plan needs, in the order in which `fit` has to call them. */
import { basename, join } from 'node:path';
import { UsageError } from '../errors/index.js';
import { type Layer, Module } from '../nn/index.js';
import type { Schedule } from '../optim/index.js';
import type { Callback, Monitor, RunConfig, RunFolder } from '../training/index.js';
import {
  csvLog,
  earlyStopping,
  gradientClipping,
  metricsLog,
  mlflowLog,
  mlflowSettings,
  scheduleCallback,
  tensorboardLog,
  unfreezing,
  weightAveraging,
} from '../training/index.js';
import type { Plan } from './train-plan.js';

export interface CallbackContext {
  readonly model: Layer;
  readonly schedule: Schedule;
  /** The score that decides early stopping. */
  readonly monitor: Monitor;
}

/** The callbacks that affect training. Callbacks for logs, pictures and checkpoints come after them. */
export function callbacksOf(plan: Plan, { model, schedule, monitor }: CallbackContext): Callback[] {
  const { clipNorm, clipValue, ema, patience, minDelta } = plan;
  const clips = clipNorm !== undefined || clipValue !== undefined;
  return [
    scheduleCallback(schedule, { ...monitor, metric: 'loss' }),
    ...(plan.unfreezing ? [unfreezingOf(plan, plan.unfreezing, model)] : []),
    ...(clips ? [gradientClipping({ norm: clipNorm, value: clipValue })] : []),
    // After the optimizer step, and before validation and checkpoints, so that both use the averaged weights.
    ...(ema === undefined ? [] : [weightAveraging({ decay: ema })]),
    ...(patience === undefined ? [] : [earlyStopping({ monitor, patience, minDelta })]),
  ];
}

/** The callbacks that log the scores of every epoch to the run folder, and to other places that the plan names. */
export function logsOf(
  { log }: Plan,
  folder: RunFolder,
  { model, size, classes, training }: RunConfig,
  onNote: (message: string) => void,
): Callback[] {
  const mlflow = (): Callback =>
    mlflowLog({
      ...mlflowSettings(process.env),
      runName: basename(folder.path),
      parameters: {
        model: model.name,
        ...model.options,
        size: `${size.height}x${size.width}`,
        classes: classes.join(','),
        ...training,
      },
      onNote,
    });
  return [
    metricsLog(folder),
    ...(log.includes('mlflow') ? [mlflow()] : []),
    ...(log.includes('csv') ? [csvLog(join(folder.path, 'metrics.csv'))] : []),
    ...(log.includes('tensorboard') ? [tensorboardLog(join(folder.path, 'tensorboard'))] : []),
  ];
}

/** Default learning rate of an unfrozen pretrained encoder, as a factor on the rate of the other weights. */
const ENCODER_LR_FACTOR = 0.1;

function unfreezingOf(
  { lr }: Plan,
  { after, lr: encoderLr }: NonNullable<Plan['unfreezing']>,
  model: Layer,
): Callback {
  const { encoder } = model as Layer & { readonly encoder?: unknown };
  if (!(encoder instanceof Module)) throw new UsageError('--unfreeze-after needs a model with an encoder');
  return unfreezing({ module: encoder, after, options: { lr: encoderLr ?? ENCODER_LR_FACTOR * lr } });
}
