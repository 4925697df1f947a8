/** Checks of a run's options that need no data, so that errors are reported before any file is read. */
import { parseAugmentation } from '../data/index.js';
import { UsageError } from '../errors/index.js';
import { architectureOf, modelEntry, PRETRAINED_MODEL } from '../models/index.js';
import { parseLosses } from '../nn/index.js';
import { checkDevice } from '../runtime/node.js';
import { mlflowSettings, ownMetric } from '../training/index.js';
import { findWeights } from '../weights/index.js';
import { checkLearningSettings } from './learning-settings.js';
import { modelSettings, optionsGiven, unfreezingOf, weightsWanted } from './model-settings.js';
import type { CheckedSettings, NamedTrainOptions, ResolvedSettings } from './train-options.js';
import { checkedOptions, resolveSettings } from './train-options.js';

/**
 * Checks options, those of their recipe included.
 *
 * @throws UsageError for one that no data would make right; PixelwiseError `device` for a device that is not there.
 */
export async function checkOptions(options: NamedTrainOptions): Promise<void> {
  const settings = resolveSettings(options);
  const { objects = {} } = options;
  const { loss, classWeights, focalGamma, labelSmoothing, lovaszStride, augment, val, patience, lr } =
    settings;
  if (loss !== undefined && !objects.loss) {
    const weights = typeof classWeights === 'string' ? undefined : classWeights;
    parseLosses(loss, { classWeights: weights, focalGamma, labelSmoothing, lovaszStride });
  }
  if (!objects.augment) parseAugmentation(augment);
  checkLearningSettings({ ...settings, lr: typeof lr === 'number' ? lr : 1, objects });
  checkOwnMetric(options);
  await checkModel(checkedOptions(options));
  checkPatches(settings);
  if (val === 0 && patience !== undefined) throw patienceWithoutValidation();
  if (settings.log.includes('mlflow')) mlflowSettings(process.env);
  if (options.device !== undefined) await checkDevice(options.device);
}

export function patienceWithoutValidation(): UsageError {
  return new UsageError('--patience needs a validation part: set --val above 0, or leave --patience out');
}

/** @throws UsageError for settings that do not go together with patches. */
function checkPatches({ patch, size, sampler, maskInterpolation, normalize }: ResolvedSettings): void {
  if (patch === undefined || patch === 'none') return;
  if (size !== undefined) {
    throw new UsageError(
      '--size resizes whole images and --patch cuts patches out of them: give one of them',
    );
  }
  if (sampler === 'weighted') {
    throw new UsageError(
      '--sampler weighted draws whole images, but patches are drawn around rare classes anyway: leave it out, or use --patch none',
    );
  }
  if (maskInterpolation === 'as-image') {
    throw new UsageError('patches are not resized: leave --mask-interpolation out, or use --patch none');
  }
  if (normalize === 'min-max') {
    throw new UsageError(
      '--normalize min-max needs whole images, because the darkest and brightest pixel of a patch say nothing about its image: use percentiles or dataset, or --patch none',
    );
  }
}

/** A monitored score of the user's own must be among those that are given. */
function checkOwnMetric({ monitor, metrics = {} }: NamedTrainOptions): void {
  const name = monitor === undefined ? undefined : ownMetric(monitor);
  if (name === undefined || Object.hasOwn(metrics, name)) return;
  const names = Object.keys(metrics).join(', ') || 'none';
  throw new UsageError(
    `monitor ${monitor} is a score of your own, but metrics of train() has no "${name}"; it has ${names}`,
  );
}

async function checkModel(settings: CheckedSettings): Promise<void> {
  const { model } = settings;
  if (model !== undefined) {
    modelSettings(settings);
    unfreezingOf(settings);
  }
  const weights = weightsWanted(settings);
  const { pretrained } = modelEntry(model ?? PRETRAINED_MODEL);
  if (weights !== undefined && pretrained)
    await findWeights(architectureOf(pretrained, optionsGiven(settings)), weights);
}
