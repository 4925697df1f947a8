/** Resuming a run: reads its configuration, and checks that the options do not change what must stay the same. */
import { isDeepStrictEqual } from 'node:util';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { unverifiedNote } from '../inference/load-run.js';
import type { RunConfig, RunFolder } from '../training/index.js';
import { CheckpointFiles, fixedSettings, readRunConfig } from '../training/index.js';
import { checkObjectsGiven } from './run-objects.js';
import type { NamedTrainOptions } from './train-options.js';

/**
 * The configuration of the run in the folder that is to be resumed; undefined if a new run starts.
 *
 * @throws UsageError if there is a run and it is not to be resumed; PixelwiseError `folder-in-use` if a new run would
 *   replace files of other origin.
 */
export async function openEarlier(
  folder: RunFolder,
  { resume = false }: NamedTrainOptions,
  note: (message: string) => void,
): Promise<RunConfig | undefined> {
  if (!(await folder.exists())) {
    const other = await folder.occupied();
    if (other !== undefined) throw occupiedError(folder, other);
    if (resume) note(`There is no run in ${folder.path} to resume: a new run starts.`);
    return undefined;
  }
  if ((await folder.pointed('last')) === undefined) {
    if (!(await isConfigOfRun(folder))) throw occupiedError(folder, folder.configPath);
    note(`The run in ${folder.path} ended before its first checkpoint: a new run starts.`);
    return undefined;
  }
  if (!resume) {
    throw new UsageError(
      `${folder.path} already contains a run: resume it with --resume, or choose another --out`,
    );
  }
  const config = await readRunConfig(folder);
  const last = await folder.checkpointFolder('last');
  if (!(await CheckpointFiles.open(last)).verified) note(unverifiedNote(last));
  return config;
}

/** Whether config.json is that of a run, of any version, and not of another program. */
async function isConfigOfRun(folder: RunFolder): Promise<boolean> {
  const config = await folder.readConfig().catch(() => undefined);
  return typeof config === 'object' && config !== null && 'version' in config && 'training' in config;
}

const occupiedError = (folder: RunFolder, path: string): PixelwiseError =>
  new PixelwiseError(
    'folder-in-use',
    `${path} exists, and ${folder.path} holds no run: a new run would replace it. Choose another folder with --out.`,
  );

/**
 * Checks options that a resumed run cannot change: its length, because the schedule depends on it, and how it started
 * (recipe, initial weights).
 *
 * @throws UsageError if one was given with another value.
 */
export function checkResumable(options: NamedTrainOptions, config: RunConfig, folder: RunFolder) {
  const { options: before, training } = config;
  checkObjectsGiven(config, options.objects, folder.path);
  const refuse = (flag: string, value: unknown, was: string): never => {
    throw new UsageError(
      `${folder.path} cannot be resumed with --${flag} ${String(value)}: ${was}. Leave it out, or start a new run with --init ${folder.path}`,
    );
  };
  const { epochs, minutes, init, encoderWeights, recipe, asPublished, keepFeatures } = options;
  if (epochs !== undefined && epochs !== training.epochs) {
    refuse('epochs', epochs, `a resumed run keeps its length, ${training.epochs} epochs`);
  }
  if (minutes !== undefined && minutes !== before.minutes) {
    const { maxSteps } = training;
    const length = maxSteps === null ? `${training.epochs} epochs` : `${maxSteps} steps`;
    refuse('minutes', minutes, `a resumed run keeps its length, ${length}`);
  }
  const epochsKept = training.featureEpochs ?? 'off';
  if (keepFeatures !== undefined && keepFeatures !== 'auto' && keepFeatures !== epochsKept) {
    refuse('keep-features', keepFeatures, `it was started with ${epochsKept}`);
  }
  if (asPublished !== undefined && asPublished !== (before.asPublished ?? false)) {
    refuse('as-published', asPublished, `it was started ${asPublished ? 'without' : 'with'} it`);
  }
  const began = {
    recipe: [recipe, before.recipe],
    init: [init, before.init],
    'encoder-weights': [encoderWeights, before.encoderWeights],
  };
  for (const [flag, [now, then = 'none']] of Object.entries(began)) {
    if (now === undefined || now === then) continue;
    refuse(flag, now, then === 'none' ? 'it was started without it' : `it was started with ${String(then)}`);
  }
}

/** @throws PixelwiseError `resume` if the model, the data or a training setting differs from the earlier run. */
export function checkSame(earlier: RunConfig, now: RunConfig, folder: RunFolder): void {
  const { contents, fingerprint } = earlier.data;
  // First, since settings that are computed from masks differ then, too.
  if (contents !== undefined && contents !== now.data.contents && fingerprint === now.data.fingerprint) {
    throw new PixelwiseError(
      'resume',
      `${folder.path} cannot be resumed: masks in ${now.data.path} have changed since it began. Restore them, or train on the new ones from its weights with --init ${folder.path}.`,
    );
  }
  // Through JSON, as `earlier` was: properties that are undefined are then absent.
  const [before, after] = [
    resumeInvariants(earlier),
    resumeInvariants(JSON.parse(JSON.stringify(now)) as RunConfig),
  ];
  for (const what of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[what], after[what]];
    if (isDeepStrictEqual(was, is)) continue;
    throw new PixelwiseError(
      'resume',
      `${folder.path} cannot be resumed: ${what} changed from ${JSON.stringify(was) ?? 'none'} to ${JSON.stringify(is) ?? 'none'}. Resume with the original value, or start a new run with --init ${folder.path}.`,
    );
  }
}

/** Values that must be the same in a resumed run, by the names that error messages use. */
function resumeInvariants({
  model,
  classes,
  size,
  patch,
  normalization,
  data,
  training,
}: RunConfig): Record<string, unknown> {
  const { lr, lossSettings, unfreezing, custom } = training;
  const settings = { ...fixedSettings(training), lr, lossSettings, unfreezing, custom };
  return {
    'the model': model,
    'the classes': classes,
    'the size': size,
    'training on patches': patch !== undefined,
    'the normalisation': normalization,
    'the samples': data.fingerprint,
    ...Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [`the training setting ${name}`, value]),
    ),
  };
}
