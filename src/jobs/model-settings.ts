/** The model among the settings of a run: its options, its encoder, and the model that they make. */
import { UsageError } from '../errors/index.js';
import type { ModelValues } from '../models/index.js';
import {
  DEFAULT_MODEL,
  modelEntry,
  modelOptionNames,
  PRETRAINED_MODEL,
  withCurrentNames,
} from '../models/index.js';
import type { Setting } from '../settings/index.js';
import { checkValue, flagName } from '../settings/index.js';
import type { TrainSettings } from './train-options.js';
import type { Plan } from './train-plan.js';

/** The model of a plan, and where its pretrained weights come from. */
export function modelSettings(
  settings: TrainSettings,
): Pick<Plan, 'model' | 'encoderWeights'> & { readonly notes: readonly string[] } {
  const name = settings.model ?? DEFAULT_MODEL;
  const { pretrained, renamed } = modelEntry(name);
  const encoderWeights = weightsWanted(settings);
  if (encoderWeights !== undefined && !pretrained) {
    throw new UsageError(`${name} has no pretrained encoder: leave --encoder-weights out`);
  }
  const former = Object.entries(renamed).filter(([key]) => key in optionsGiven(settings));
  return {
    model: { name, options: modelOptions(name, settings) },
    encoderWeights,
    notes: former.map(
      ([before, now]) =>
        `--${flagName(before)} of ${name} is now called --${flagName(now)}. The old name will stop working in the next version.`,
    ),
  };
}

/** The settings that are options of models. */
export function optionsGiven(settings: TrainSettings): Readonly<Record<string, unknown>> {
  const given = settings as Readonly<Record<string, unknown>>;
  const names = modelOptionNames().filter((name) => given[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, given[name]]));
}

/** The options that `train` makes a model with. Throws a UsageError for one that the model does not take. */
export function modelOptions(name: string, settings: TrainSettings): ModelValues {
  const { options, pretrained, trainDefaults } = modelEntry(name);
  const given = Object.entries(withCurrentNames(name, optionsGiven(settings)));
  const unknown = given.find(([key]) => !Object.hasOwn(options, key));
  if (unknown) {
    throw new UsageError(
      `${name} has no option "${unknown[0]}"; its options are ${Object.keys(options).join(', ') || 'none'}`,
    );
  }
  const checked = given.map(([key, value]) => [
    key,
    checkValue(`${name}: ${key}`, (options[key] as Setting<number | string | boolean>).kind, value),
  ]);
  // A frozen encoder without pretrained weights would be noise.
  const encoder: ModelValues = pretrained ? { freezeEncoder: weightsWanted(settings) !== undefined } : {};
  return { ...trainDefaults, ...encoder, ...(Object.fromEntries(checked) as ModelValues) };
}

/**
 * The model to take if none is named.
 *
 * @param suggested whether pretrained weights suit the data and are at hand.
 */
export function modelToTake(settings: TrainSettings, suggested: boolean): string {
  const asked = weightsWanted(settings) !== undefined;
  const { options } = modelEntry(PRETRAINED_MODEL);
  const fits = Object.keys(optionsGiven(settings)).every((key) => Object.hasOwn(options, key));
  return asked || (suggested && fits) ? PRETRAINED_MODEL : DEFAULT_MODEL;
}

/** The pretrained weights asked for; undefined for none. */
export function weightsWanted({ encoderWeights }: TrainSettings): string | undefined {
  return encoderWeights === 'none' ? undefined : encoderWeights;
}

/** When a frozen encoder begins to learn. Throws where none is frozen. */
export function unfreezingOf(settings: TrainSettings): Plan['unfreezing'] {
  const { model = DEFAULT_MODEL, unfreezeAfter: after, encoderLr: lr } = settings;
  if (after === undefined) {
    if (lr === undefined) return undefined;
    throw new UsageError(
      '--encoder-lr is for an encoder that is unfrozen in the run: give --unfreeze-after too',
    );
  }
  if (!modelEntry(model).pretrained || !(settings.freezeEncoder ?? weightsWanted(settings) !== undefined)) {
    throw new UsageError(
      `--unfreeze-after needs a frozen encoder, and ${model} has none here: use a model with --encoder-weights`,
    );
  }
  return { after: after, lr };
}
