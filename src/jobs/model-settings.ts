/** The settings of a run that concern the model: its name, its options and its encoder. */
import { UsageError } from '../errors/index.js';
import type { ModelValues } from '../models/index.js';
import {
  DEFAULT_MODEL,
  ENCODER_MODEL,
  ENCODER_NAMES,
  modelEntry,
  modelOptionNames,
  PRETRAINED_MODEL,
  withCurrentNames,
} from '../models/index.js';
import { SHARED_OPTIONS } from '../models/options.js';
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

/** The given settings that are model options, of any model. */
export function optionsGiven(settings: TrainSettings): Readonly<Record<string, unknown>> {
  const given = settings as Readonly<Record<string, unknown>>;
  const names = modelOptionNames().filter((name) => given[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, given[name]]));
}

/**
 * The given settings that are options of the model, by their current names.
 *
 * @throws UsageError, which names flags, for an option that the model does not have or a value that it does not accept.
 */
export function ownOptions(name: string, settings: TrainSettings): ModelValues {
  const { options } = modelEntry(name);
  const given = Object.entries(withCurrentNames(name, optionsGiven(settings)));
  const unknown = given.find(([key]) => !Object.hasOwn(options, key));
  if (unknown) {
    const flags = Object.keys(options)
      .filter((option) => !Object.hasOwn(SHARED_OPTIONS, option))
      .map((option) => `--${flagName(option)}`);
    throw new UsageError(
      `--${flagName(unknown[0])} is not an option of ${name}, whose options are ${flags.join(', ') || 'none'}`,
    );
  }
  const checked = given.map(([key, value]) => {
    const { kind } = options[key] as Setting<number | string | boolean>;
    return [key, checkValue(`--${flagName(key)} of ${name}`, kind, value)] as const;
  });
  return Object.fromEntries(checked);
}

/**
 * The model options for training: the training defaults, overridden by the given settings.
 *
 * @throws UsageError for an option that the model does not have.
 */
export function modelOptions(name: string, settings: TrainSettings): ModelValues {
  const { pretrained, trainDefaults } = modelEntry(name);
  const own = ownOptions(name, settings);
  // Freeze the encoder only if it is pretrained: a frozen random encoder would only produce noise.
  const encoder: ModelValues = pretrained ? { freezeEncoder: weightsWanted(settings) !== undefined } : {};
  return { ...trainDefaults, ...encoder, ...own };
}

/**
 * The model to use if none is named.
 *
 * @param suggested whether pretrained weights are on this machine.
 */
export function modelToTake(settings: TrainSettings, suggested: boolean): string {
  if (ENCODER_NAMES.some((name) => name === settings.encoder)) return ENCODER_MODEL;
  const asked = weightsWanted(settings) !== undefined;
  const { options } = modelEntry(PRETRAINED_MODEL);
  const fits = Object.keys(optionsGiven(settings)).every((key) => Object.hasOwn(options, key));
  return asked || (suggested && fits) ? PRETRAINED_MODEL : DEFAULT_MODEL;
}

/** The pretrained weights requested; undefined if none. */
export function weightsWanted({ encoderWeights }: TrainSettings): string | undefined {
  return encoderWeights === 'none' ? undefined : encoderWeights;
}

/**
 * The epoch after which the encoder is unfrozen, and its learning rate from then on; undefined if it is not unfrozen.
 *
 * @throws UsageError if the encoder is not frozen in the first place.
 */
export function unfreezingOf(settings: TrainSettings): Plan['unfreezing'] {
  const { model = DEFAULT_MODEL, unfreezeAfter: after, encoderLr: lr } = settings;
  if (after === undefined) {
    if (lr === undefined) return undefined;
    throw new UsageError(
      '--encoder-lr only applies after the encoder is unfrozen: give --unfreeze-after too',
    );
  }
  if (!modelEntry(model).pretrained || !(settings.freezeEncoder ?? weightsWanted(settings) !== undefined)) {
    throw new UsageError(
      `--unfreeze-after needs a frozen encoder, but ${model} has none here: use a model with --encoder-weights`,
    );
  }
  return { after, lr };
}
