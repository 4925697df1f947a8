/** Going on with a run: what it was made with, and that this is what goes on. */
import { isDeepStrictEqual } from 'node:util';
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { RunConfig, RunFolder } from '../training/index.js';
import { fixedSettings, readRunConfig } from '../training/index.js';
import { checkObjectsGiven } from './run-objects.js';
import type { NamedTrainOptions } from './train-options.js';

/** What an earlier run in the folder was made with, if this one goes on from it. */
export async function openEarlier(
  folder: RunFolder,
  { resume = false }: NamedTrainOptions,
  note: (message: string) => void,
): Promise<RunConfig | undefined> {
  if (!(await folder.exists())) {
    if (resume) note(`There is no run in ${folder.path} to go on with: this one starts afresh.`);
    return undefined;
  }
  if ((await folder.pointed('last')) === undefined) {
    note(`The run in ${folder.path} ended before its first checkpoint: this one starts afresh.`);
    return undefined;
  }
  if (!resume) {
    throw new UsageError(
      `${folder.path} holds a run already: go on with it by --resume, or choose another --out`,
    );
  }
  return readRunConfig(folder);
}

/** Refuses what a resumed run cannot change: its length, which its schedule was made for, and where it began. */
export function checkResumable(options: NamedTrainOptions, config: RunConfig, folder: RunFolder) {
  const { options: before, training } = config;
  checkObjectsGiven(config, options.objects, folder.path);
  const refuse = (flag: string, value: unknown, was: string): never => {
    throw new UsageError(
      `${folder.path} cannot be resumed with --${flag} ${String(value)}: ${was}. Leave it out, or start a new run with --init ${folder.path}`,
    );
  };
  const { epochs, minutes, init, encoderWeights, recipe, asPublished } = options;
  if (epochs !== undefined && epochs !== training.epochs) {
    refuse('epochs', epochs, `a resumed run keeps its length, ${training.epochs} epochs`);
  }
  if (minutes !== undefined && minutes !== before.minutes) {
    const { maxSteps } = training;
    const length = maxSteps === null ? `${training.epochs} epochs` : `${maxSteps} steps`;
    refuse('minutes', minutes, `a resumed run keeps its length, ${length}`);
  }
  if (asPublished !== undefined && asPublished !== (before.asPublished ?? false)) {
    refuse('as-published', asPublished, `it began ${asPublished ? 'without' : 'with'} it`);
  }
  const began = {
    recipe: [recipe, before.recipe],
    init: [init, before.init],
    'encoder-weights': [encoderWeights, before.encoderWeights],
  };
  for (const [flag, [now, then = 'none']] of Object.entries(began)) {
    if (now === undefined || now === then) continue;
    refuse(flag, now, then === 'none' ? 'it began without' : `it began with ${String(then)}`);
  }
}

/** A run is only resumed with what it began with: anything else would be another run under its name. */
export function checkSame(earlier: RunConfig, now: RunConfig, folder: RunFolder): void {
  // As it would be read back: what is undefined is absent.
  const [before, after] = [
    resumeInvariants(earlier),
    resumeInvariants(JSON.parse(JSON.stringify(now)) as RunConfig),
  ];
  for (const what of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[what], after[what]];
    if (isDeepStrictEqual(was, is)) continue;
    throw new PixelwiseError(
      'resume',
      `${folder.path} cannot be resumed: ${what} changed from ${JSON.stringify(was) ?? 'none'} to ${JSON.stringify(is) ?? 'none'}. Resume with what it began with, or start a new run with --init ${folder.path}.`,
    );
  }
}

/** What must be the same in a resumed run, by the words of error messages. */
function resumeInvariants({
  model,
  classes,
  size,
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
    'the normalisation': normalization,
    'the samples': data.fingerprint,
    ...Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [`the training setting ${name}`, value]),
    ),
  };
}
