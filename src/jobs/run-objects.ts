/** The parts of a run that the caller of `train` passes as objects, not by name: a model, a loss, an optimizer… */
import type { Dataset, Transform } from '../data/index.js';
import { describeDataset, givenClasses } from '../data/index.js';
import { describe } from '../data/portable.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { registerModelObject } from '../models/index.js';
import type { Optimizer, TrainedWeight, Schedule, ScheduledRun } from '../optim/index.js';
import type { Layer, Loss } from '../nn/index.js';
import { DeviceArray } from '../runtime/index.js';
import type { RunConfig } from '../training/index.js';
import type { NamedTrainOptions, TrainOptions } from './train-options.js';

/** Makes an optimizer for the trainable weights. */
export type OptimizerFactory = (parameters: readonly TrainedWeight[]) => Optimizer;

/** Makes the schedule of a run of a given length. */
export type ScheduleFactory = (run: ScheduledRun) => Schedule;

export interface RunObjects {
  readonly model?: Layer;
  readonly loss?: Loss;
  readonly optimizer?: OptimizerFactory;
  readonly schedule?: ScheduleFactory;
  readonly augment?: readonly Transform[];
  readonly data?: Dataset;
}

/** Names of the objects, as stored in config.json. */
export type ObjectNames = Partial<Record<keyof RunObjects, string>>;

/**
 * Moves options that are objects to `objects`, so that the other options are plain values. A model object is
 * registered under the name of its class, and `model` becomes that name.
 */
export async function withNamedParts(options: TrainOptions): Promise<NamedTrainOptions> {
  const { model, loss, optimizer, schedule, augment, data, ...rest } = options;
  const objects: RunObjects = {
    ...(typeof model === 'object' && { model }),
    ...(typeof loss === 'function' && { loss }),
    ...(typeof optimizer === 'function' && { optimizer }),
    ...(typeof schedule === 'function' && { schedule }),
    ...(typeof augment === 'object' && { augment }),
    ...(typeof data === 'object' && {
      data: await describeDataset(data, givenClasses(options.classes).classes),
    }),
  };
  if (objects.model) registerModelObject(namesOf(objects).model!, objects.model);
  return {
    ...rest,
    ...(model !== undefined && { model: typeof model === 'object' ? namesOf(objects).model : model }),
    ...(typeof loss === 'string' && { loss }),
    ...(typeof optimizer === 'string' && { optimizer }),
    ...(typeof schedule === 'string' && { schedule }),
    ...(typeof augment === 'string' && { augment }),
    data: typeof data === 'object' ? objects.data!.format : data,
    ...(Object.keys(objects).length > 0 && { objects }),
  };
}

/** Names for the objects: the class of the model, the names of functions, the format of the data. */
export function namesOf({ model, loss, optimizer, schedule, augment, data }: RunObjects): ObjectNames {
  return {
    ...(model && { model: model.constructor.name }),
    ...(loss && { loss: loss.name || 'loss' }),
    ...(optimizer && { optimizer: nameOfFactory(optimizer) }),
    ...(schedule && { schedule: schedule.name || 'schedule' }),
    ...(augment && {
      augment: augment.map((one) => describe(one)?.factory ?? (one.name || 'transform')).join(',') || 'none',
    }),
    ...(data && { data: data.format }),
  };
}

/** An arrow function written among the options is named `optimizer`; the type of what it makes is a better name. */
function nameOfFactory(optimizer: OptimizerFactory): string {
  return ['', 'optimizer'].includes(optimizer.name) ? optimizer([]).type : optimizer.name;
}

/** The parts that were objects in an earlier run, read from its configuration. */
export function customParts({ model, training }: RunConfig): ObjectNames {
  const names = training as Readonly<Record<string, unknown>>;
  const parts = (training.custom ?? []).map((part) => [part, String(names[part])]);
  return { ...(model.custom && { model: model.name }), ...(Object.fromEntries(parts) as ObjectNames) };
}

/** @throws PixelwiseError `resume` if a part was an object in the earlier run and is not given again. */
export function checkObjectsGiven(config: RunConfig, objects: RunObjects = {}, folder: string): void {
  const missing = Object.entries(customParts(config)).filter(
    ([part]) => objects[part as keyof RunObjects] === undefined,
  );
  if (missing.length === 0) return;
  const parts = missing.map(([part, name]) =>
    part === 'model' ? `a model of the class ${name}` : name === part ? `a ${part}` : `the ${part} ${name}`,
  );
  const options = missing.map(([part, name]) => (part === 'model' ? 'model: new ' + name + '()' : part));
  throw new PixelwiseError(
    'resume',
    `${folder} was trained with ${parts.join(', ')}, which Pixelwise does not have by name. To resume it, run the program that made it with train({ ${options.join(', ')}, resume: true, … }). Predicting, scoring and exporting need no such program.`,
  );
}

/** The learning rate that an optimizer factory sets, found by making an optimizer for a dummy weight. */
export function learningRateOf(optimizer: OptimizerFactory): number {
  const made = optimizer([
    { name: 'weight', weight: new DeviceArray('weight', [1]), gradient: new DeviceArray('gradient', [1]) },
  ]);
  const lr = made.groups[0]?.lr;
  if (lr === undefined || !(lr > 0)) {
    throw new UsageError(
      `The optimizer ${made.type} needs a learning rate above 0: new ${made.type}(parameters, { lr })`,
    );
  }
  return lr;
}
