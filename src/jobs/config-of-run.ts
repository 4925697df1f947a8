/** Makes the contents of a run's `config.json`. */
import { resolve } from 'node:path';
import { DEFAULT_THRESHOLD } from '../inference/index.js';
import type { Runtime } from '../runtime/index.js';
import type { RunConfig } from '../training/index.js';
import { CONFIG_VERSION, fixedSettings } from '../training/index.js';
import { describeMachine } from './machine.js';
import { recipeNamed } from './recipes/index.js';
import type { NamedTrainOptions } from './train-options.js';
import { settingsOf } from './train-options.js';
import { namesOf } from './run-objects.js';
import type { Plan } from './train-plan.js';

/** The recipe's entry in the configuration: its source and the published results to compare with. */
function recipeOf(name: string, asPublished: boolean): RunConfig['recipe'] {
  const { source, published } = recipeNamed(name);
  return { name, asPublished, source, published: [...published] };
}

/**
 * The configuration of a run with this plan.
 *
 * @param options the given options, with those of the recipe filled in. @param contents digest of the masks' content.
 */
export function configOf(
  plan: Plan,
  options: NamedTrainOptions,
  model: RunConfig['model'],
  runtime: Runtime,
  ranks: number,
  contents?: string,
): RunConfig {
  const { parts, classes, objects } = plan;
  const { model: custom, data: _data, ...names } = namesOf(objects);
  const { channels, maxValue } = parts.train;
  return {
    version: CONFIG_VERSION,
    ...(options.recipe !== undefined && {
      recipe: recipeOf(options.recipe, options.asPublished ?? false),
    }),
    model: { ...model, ...(custom !== undefined && { custom: true as const }) },
    classes: [...classes],
    ...(parts.train.multiLabel === true && { multiLabel: true as const }),
    ...(plan.task === 'objects' && { objects: true as const }),
    channels,
    maxValue,
    size: plan.size,
    ...(plan.patch && { patch: plan.patch }),
    normalization: plan.normalization,
    threshold: plan.threshold === 'auto' ? DEFAULT_THRESHOLD : plan.threshold,
    data: {
      path: objects.data ? options.data : resolve(options.data),
      format: parts.train.format,
      train: parts.train.length,
      valid: parts.valid?.length ?? 0,
      test: parts.test?.length ?? 0,
      fingerprint: plan.fingerprint,
      ...(contents !== undefined && { contents }),
      options: { ...plan.dataOptions },
    },
    training: {
      ...fixedSettings(plan),
      batch: plan.batch,
      dropLast: plan.dropLast,
      epochs: plan.epochs,
      maxSteps: null,
      optimizer: plan.optimizer,
      lr: plan.lr,
      schedule: plan.schedule,
      loss: plan.loss,
      lossSettings: plan.lossSettings,
      augment: plan.augment,
      unfreezing: plan.unfreezing,
      seed: plan.seed,
      ...(Object.keys(names).length > 0 && { custom: Object.keys(names) }),
    },
    options: { ...settingsOf(options), ...plan.chosen.settings, ...plan.partOptions, task: plan.task },
    chosen: [...plan.chosen.choices],
    machine: { ...describeMachine(runtime), ...(ranks > 1 && { ranks }) },
  };
}
