/** The model among the settings of a run: its options, its encoder, and the model that they make. */
import { UsageError } from '../errors/index.js';
import { createModel, modelEntry, ONNX_UNET } from '../models/index.js';
import type { Layer } from '../nn/index.js';
import { settingsApplyingTo } from '../training/run-settings.js';
import type { TrainSettings } from './train-options.js';
import type { Plan } from './train-plan.js';

type Options = Record<string, number | string | boolean>;

/** The model of a plan, and where its weights and its encoder come from. */
export function modelSettings(settings: TrainSettings): Pick<Plan, 'model' | 'encoderWeights' | 'encoder'> {
  const name = settings.model ?? 'unet';
  const encoderWeights = weightsWanted(settings);
  const encoder = encoderOf(name, settings);
  if (encoderWeights !== undefined && (encoder || !modelEntry(name).pretrained)) {
    throw new UsageError(`${name} has no pretrained encoder: leave --encoder-weights out`);
  }
  return { model: { name, options: encoder ? {} : modelOptions(name, settings) }, encoderWeights, encoder };
}

function modelOptions(name: string, settings: TrainSettings): Options {
  const { options, pretrained } = modelEntry(name);
  const given = settingsApplyingTo('model').flatMap((key) =>
    settings[key] === undefined ? [] : [[key, settings[key]] as const],
  );
  const unknown = given.find(([key]) => !Object.hasOwn(options, key));
  if (unknown) {
    throw new UsageError(
      `${name} has no option "${unknown[0]}"; its options are ${Object.keys(options).join(', ') || 'none'}`,
    );
  }
  // The published U-Net has 64 filters and no batch norm; half of them with it learn faster and as well.
  const unet: Options = name === 'unet' ? { width: 32, batchNorm: true } : {};
  // A frozen encoder without pretrained weights would be noise.
  const encoder: Options = pretrained ? { freezeEncoder: weightsWanted(settings) !== undefined } : {};
  return { ...unet, ...encoder, ...Object.fromEntries(given) };
}

/** The file and taps of an `onnx-unet`; undefined for other models. */
function encoderOf(name: string, settings: TrainSettings): Plan['encoder'] {
  const { encoder, taps = [] } = settings;
  if (name !== ONNX_UNET) {
    if (encoder === undefined && settings.taps === undefined) return undefined;
    throw new UsageError(`--encoder and --taps are for --model ${ONNX_UNET}, not for ${name}`);
  }
  const names = typeof taps === 'string' ? taps.split(',') : taps;
  if (encoder === undefined || names.length === 0) {
    throw new UsageError(
      `--model ${ONNX_UNET} needs --encoder FILE.onnx and --taps NAME,NAME,…: one tensor for each halving of the size`,
    );
  }
  const other = settingsApplyingTo('model').find((key) => settings[key] !== undefined);
  if (other) throw new UsageError(`${ONNX_UNET} has no option "${other}"`);
  return { file: encoder, taps: names };
}

/** The pretrained weights asked for; undefined for none. */
function weightsWanted({ encoderWeights }: TrainSettings): string | undefined {
  return encoderWeights === 'none' ? undefined : encoderWeights;
}

/** When a frozen encoder begins to learn. Throws where none is frozen. */
export function unfreezingOf(settings: TrainSettings): Plan['unfreezing'] {
  const { model = 'unet', unfreezeAfter: after, encoderLr: lr } = settings;
  if (after === undefined) {
    if (lr === undefined) return undefined;
    throw new UsageError(
      '--encoder-lr is for an encoder that is unfrozen in the run: give --unfreeze-after too',
    );
  }
  const entry = model === ONNX_UNET ? undefined : modelEntry(model);
  if (!entry?.pretrained || !(settings.freezeEncoder ?? weightsWanted(settings) !== undefined)) {
    throw new UsageError(
      `--unfreeze-after needs a frozen encoder, and ${model} has none here: use a model with --encoder-weights`,
    );
  }
  return { after: after, lr };
}

/** The model of a plan, as its registry makes it. Two classes are told apart by one logit. */
export function modelOf(plan: Pick<Plan, 'model' | 'classes'>, channels: number): Layer {
  return createModel(plan.model.name, { ...plan.model.options, channels, classes: plan.classes.length });
}
