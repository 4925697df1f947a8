/**
 * Training that continues from an earlier run (`--init RUN`): the new run takes its model, size, normalisation and
 * classes, and its samples stay in their parts. Given options override what is taken.
 */
import { join, resolve } from 'node:path';
import {
  classNames,
  type FormatName,
  haveColours,
  type Normalization,
  openDataset,
  type PartIds,
  type Parts,
  recogniseFormat,
} from '../data/index.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { isFile, isFolder } from '../files/index.js';
import { ENSEMBLE } from '../inference/ensemble.js';
import { CARD_KEY, parseCard } from '../inference/model-card.js';
import { hasModel, modelEntry, modelNames } from '../models/index.js';
import type { DataReading, RunConfig } from '../training/index.js';
import { dataReading, idsOf, readRunConfig, RunFolder } from '../training/index.js';
import { readWeights } from '../weights/index.js';
import { samplesOfRun } from './part-of-run.js';
import type { NamedTrainOptions, TrainSettings } from './train-options.js';
import { defined } from './train-options.js';

/** A model that was trained before, and its settings. */
export type ModelBefore = Pick<
  RunConfig,
  'model' | 'classes' | 'channels' | 'maxValue' | 'size' | 'patch' | 'normalization'
> & {
  /** Undefined for an exported file. */
  readonly lr?: number;
};

/** What a new run takes over; plain data, which ranks can exchange. */
export interface BaseRun {
  /** As given: `runs/cells`. */
  readonly init: string;
  /** Undefined for a file of weights alone. */
  readonly before: ModelBefore | undefined;
  /** The samples of its parts; undefined if they cannot be found out. */
  readonly samples: PartIds | undefined;
  /** Settings of the new run, where it has none of its own. */
  readonly settings: TrainSettings;
  /** Undefined if the new run has one of its own. */
  readonly normalization: Normalization | undefined;
}

/** Fine-tuning starts near a good solution: a full learning rate would throw it away first. */
const LEARNING_RATE_SHARE = 0.3;

/**
 * What `init` gives: everything of a run or of a file that `pixelwise export` wrote, and the model's options of a file
 * of weights alone. Undefined without `init`.
 *
 * @throws PixelwiseError `run` if there is neither a run nor a file, or if the run is damaged; `weights` for a file
 *   that cannot be read.
 */
export async function openBaseRun(options: NamedTrainOptions): Promise<BaseRun | undefined> {
  const { init } = options;
  if (init === undefined) return undefined;
  if (await isFile(init)) return baseOfFile(init, options);
  if (!(await isFolder(init))) {
    throw new PixelwiseError(
      'run',
      `--init ${init}: there is no such run folder and no such weight file. Check the path.`,
    );
  }
  const folder = new RunFolder(init);
  const config = await readRunConfig(folder);
  const reading = dataReading(config, folder);
  const { val, test } = config.options as TrainSettings;
  const base = await baseOf(init, { ...config, lr: config.training.lr }, options, {
    path: config.data.path,
    ...reading,
  });
  return {
    ...base,
    samples: await samplesOfRun(folder, config),
    settings: {
      ...base.settings,
      ...(val !== undefined && { val }),
      ...(test !== undefined && { test }),
      ...rateTaken(options, config),
    },
  };
}

async function baseOfFile(init: string, options: NamedTrainOptions): Promise<BaseRun> {
  const file = await readWeights(init);
  const card = file.metadata[CARD_KEY];
  if (card !== undefined) {
    const { height, width, ...rest } = parseCard(card, init);
    const model = rest.model as RunConfig['model'];
    if (model.name === ENSEMBLE) {
      throw new UsageError(`--init ${init} is an ensemble of several models: start from one of its runs`);
    }
    return baseOf(init, { ...rest, classes: [...rest.classes], model, size: { height, width } }, options, {});
  }
  const shapes = file.floats();
  const names = options.model === undefined ? modelNames() : [options.model];
  const [settings = {}] = names.flatMap((name): TrainSettings[] => {
    const found = hasModel(name) ? modelEntry(name).optionsFrom?.(shapes) : undefined;
    return found ? [{ model: name, ...found }] : [];
  });
  return { init, before: undefined, samples: undefined, settings, normalization: undefined };
}

/** How the data of the model before was read. */
type ReadingBefore = DataReading & { readonly path?: string };

async function baseOf(
  init: string,
  before: ModelBefore,
  options: NamedTrainOptions,
  reading: ReadingBefore,
): Promise<BaseRun> {
  const read = options.objects?.data ? {} : await readingTaken(options, before.classes, reading);
  return {
    init,
    before,
    samples: undefined,
    settings: { ...modelTaken(init, options, before), ...read, ...inputTaken(options, before) },
    normalization: options.normalize === undefined ? before.normalization : undefined,
  };
}

/** The size of images or of patches, unless another is given. */
function inputTaken({ size, patch }: NamedTrainOptions, before: ModelBefore): TrainSettings {
  if (size !== undefined || patch !== undefined) return {};
  return before.patch ? { patch: before.size } : { size: before.size };
}

/** Model and options, unless another model is given. */
function modelTaken(init: string, options: NamedTrainOptions, { model }: ModelBefore): TrainSettings {
  if (options.model !== undefined && options.model !== model.name) return {};
  if (!hasModel(model.name)) {
    throw new UsageError(
      `--init ${init} was trained with a model of the class ${model.name}, which Pixelwise does not have by name. Pass it to train({ model: new ${model.name}(), … }).`,
    );
  }
  const entry = modelEntry(model.name);
  const known = Object.entries(model.options).filter(([name]) => Object.hasOwn(entry.options, name));
  return {
    model: model.name,
    ...Object.fromEntries(known),
    // The run folder has the copy.
    ...(entry.file && { encoder: join(init, entry.file.name), taps: tapNames(model.options) }),
  };
}

/** `onnx-unet` stores its taps with their channels, as JSON. */
function tapNames({ taps }: RunConfig['model']['options']): string | undefined {
  if (typeof taps !== 'string' || !taps.startsWith('[')) return undefined;
  return (JSON.parse(taps) as [string, number][]).map(([name]) => name).join(',');
}

/** How the data is read: as the run read its own, as far as that applies to this data. */
async function readingTaken(
  options: NamedTrainOptions,
  known: readonly string[],
  { path, maskValues: _values, ...reading }: ReadingBefore,
): Promise<TrainSettings> {
  const own = path === resolve(options.data);
  const byGlobs = options.images !== undefined || options.masks !== undefined;
  const found = byGlobs
    ? 'folder'
    : own && reading.format !== undefined
      ? reading.format
      : await recogniseFormat(options.data, reading.format);
  const format: FormatName = options.format ?? found;
  const alike = format === reading.format;
  const { target, group, pages, images, masks, multiLabel, resizeMasks, strict, classes } = reading;
  const taken = {
    format,
    multiLabel,
    resizeMasks,
    strict,
    pages,
    ...(alike && { target, group }),
    ...(alike && own && !byGlobs && { images, masks }),
    ...(alike && haveColours(classes) && { classes }),
  };
  if (options.classes !== undefined || taken.classes !== undefined || format !== 'folder') return taken;
  const asked = { ...taken, ...defined(options), data: options.data };
  return { ...taken, classes: await classesTaken(known, asked) };
}

/**
 * Names for the classes of a folder of masks, whose values are indices. Classes that nobody named keep the run's names,
 * and those that are more are numbered. Undefined if the folder names its classes itself.
 */
async function classesTaken(
  known: readonly string[],
  { data, target: _target, group, ...options }: NamedTrainOptions,
): Promise<readonly string[] | undefined> {
  const { format, pages, images, masks, multiLabel, resizeMasks, strict } = options;
  const { classes } = await openDataset({
    root: data,
    format,
    pages,
    images,
    masks,
    multiLabel,
    resizeMasks,
    strict,
    group: group === undefined ? undefined : new RegExp(group, 'u'),
  });
  const numbered = classNames(classes.length).every((name, i) => name === classes[i]);
  return numbered ? [...known, ...classes.slice(known.length)] : undefined;
}

/** The learning rate, if the optimizer is the same. */
function rateTaken(options: NamedTrainOptions, { training }: RunConfig): TrainSettings {
  const own = options.objects?.optimizer !== undefined || training.custom?.includes('optimizer');
  const other = options.optimizer !== undefined && options.optimizer !== training.optimizer;
  if (own === true || other) return {};
  const lr = Number((LEARNING_RATE_SHARE * training.lr).toPrecision(2));
  return { lr, optimizer: training.optimizer as TrainSettings['optimizer'] };
}

/** The options of a run that continues from `base`: those given, then those of the base, then those of a recipe. */
export function withBaseRun(
  base: BaseRun | undefined,
  options: NamedTrainOptions,
  recipe: NamedTrainOptions,
): NamedTrainOptions {
  return base ? { ...recipe, ...base.settings, ...defined(options), data: options.data } : recipe;
}

/** A note for the user on what the new run keeps. */
export function baseRunNotes(
  { init, before, samples }: BaseRun,
  plan: {
    readonly model: { readonly name: string };
    readonly size: RunConfig['size'];
    readonly patch: RunConfig['patch'];
    readonly classes: readonly string[];
    readonly normalization: Normalization;
    readonly parts: Parts;
    readonly lr: number;
    readonly findLr: boolean;
  },
): string[] {
  if (!before) return [];
  const inPixels = ({ size, patch }: Pick<RunConfig, 'size' | 'patch'>) =>
    `${size.height}×${size.width}${patch ? ' patches' : ''}`;
  const things: [what: string, was: string, is: string][] = [
    ['model', before.model.name, plan.model.name],
    ['size', inPixels(before), inPixels(plan)],
    ['normalisation', nameOf(before.normalization), nameOf(plan.normalization)],
    ['classes', before.classes.join(', '), plan.classes.join(', ')],
  ];
  const kept = things.filter(([, was, is]) => was === is);
  const changed = things.filter(([, was, is]) => was !== is);
  const rate = plan.findLr ? 'found by a range test' : plan.lr;
  return [
    `Training continues from ${init}. Kept: ${kept.map(([what, , is]) => `${what} ${is}`).join('; ') || 'nothing'}.`,
    ...changed.map(([what, was, is]) => `Changed: ${what} ${is} instead of ${was}.`),
    ...(before.lr === undefined ? [] : [`The learning rate is ${rate}; ${init} had ${before.lr}.`]),
    samplesNote(init, samples, idsOf(plan.parts)),
  ];
}

function nameOf(normalization: Normalization): string {
  if (normalization.kind !== 'fixed') return normalization.name;
  const { name, mean, std, range } = normalization;
  return range || name === 'dataset' ? `${name} (mean ${short(mean)}, deviation ${short(std)})` : name;
}

const short = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(3))).join(', ');

function samplesNote(init: string, before: PartIds | undefined, parts: PartIds): string {
  const names = ['train', 'valid', 'test'] as const;
  const counted = (count: (part: (typeof names)[number]) => number) =>
    names.map((part) => `${count(part)} ${part}`).join(', ');
  if (!before) {
    return `${init} does not say which samples it was trained on, so the split is drawn again: some of its training images may be among the new validation and test images, and scores on them are too good.`;
  }
  const known = new Map(names.flatMap((part) => before[part].map((id) => [id, part] as const)));
  const stayed = (part: (typeof names)[number]) => parts[part].filter((id) => known.get(id) === part).length;
  const fresh = (part: (typeof names)[number]) => parts[part].filter((id) => !known.has(id)).length;
  const seen = (['valid', 'test'] as const).map(
    (part) => [part, parts[part].filter((id) => known.get(id) === 'train').length] as const,
  );
  return [
    `Samples of ${init} stay in their parts (${counted(stayed)}); new ones: ${counted(fresh)}.`,
    ...seen.flatMap(([part, count]) =>
      count > 0
        ? [`${count} samples of the ${part} part were trained on by ${init}: scores on it are too good.`]
        : [],
    ),
  ].join(' ');
}
