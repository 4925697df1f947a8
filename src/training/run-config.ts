/** `config.json`: everything that made a run, checked when it is read back. */
import * as z from 'zod';
import { FORMAT_NAMES } from '../data/format-names.js';
import { PETS_TARGETS } from '../data/formats/pets-targets.js';
import { MASK_VALUES } from '../data/class-values.js';
import type { Normalization } from '../data/normalization.js';
import { PixelwiseError } from '../errors/index.js';
import { PAGE_READINGS } from '../images/tiff/structure.js';
import type { LossSettings } from '../nn/index.js';
import { withCurrentNames } from '../models/registry.js';
import type { RunFolder } from './run-folder.js';
import type { RunSetting, RunSettingName, RunSettings } from './run-settings.js';
import { RUN_SETTING_ROWS } from './run-settings.js';

const whole = z.number().int().nonnegative();

const normalization: z.ZodType<Normalization> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('fixed'),
    name: z.string(),
    mean: z.array(z.number()),
    std: z.array(z.number().positive()),
    range: z.object({ low: z.array(z.number()), high: z.array(z.number()) }).exactOptional(),
  }),
  z.object({ kind: z.literal('per-image'), name: z.literal('per-image') }),
]);

/** Version of the layout of config.json. */
export const CONFIG_VERSION = 1;

const readingSchema = z.object({
  format: z.enum(FORMAT_NAMES).optional(),
  /** Names, or how many, as given. */
  classes: z.union([z.number(), z.array(z.string())]).optional(),
  target: z.enum(PETS_TARGETS).optional(),
  /** A pattern over ids. */
  group: z.string().optional(),
  multiLabel: z.boolean().optional(),
  resizeMasks: z.boolean().optional(),
  strict: z.boolean().optional(),
  pages: z.enum(PAGE_READINGS).optional(),
  /** Globs that say which files are images and masks. */
  images: z.string().optional(),
  masks: z.string().optional(),
  maskValues: z.enum(MASK_VALUES).optional(),
});

/** How a run read its data. Other data is read in the same way for scoring. */
export type DataReading = z.infer<typeof readingSchema>;

/** Settings of the losses besides their names and weights. */
const lossSettings: z.ZodType<LossSettings> = z.object({
  classWeights: z.array(z.number().nonnegative()).optional(),
  focalGamma: z.number().nonnegative().optional(),
  labelSmoothing: z.number().nonnegative().optional(),
  lovaszStride: z.int().positive().optional(),
});

/** Scale of patches: pixels of a patch for each pixel of its image. */
const patchScale = z.object({ scale: z.literal(1) });

/** A figure from a published work, to compare with the run. */
export interface PublishedFigure {
  /** What was measured, in words. */
  readonly what: string;
  readonly value: number;
  /** A range instead of one value: from `value` to this. */
  readonly to?: number | undefined;
  /** The score of the run to compare with, by its path in scores.json: `test.loss`, `valid.losses.bce`. */
  readonly score?: string | undefined;
}

const publishedFigure: z.ZodType<PublishedFigure> = z.object({
  what: z.string(),
  value: z.number(),
  to: z.number().optional(),
  score: z.string().optional(),
});

/** A threshold that was chosen, and on what: scores on the same samples flatter the model. */
export interface ChosenThreshold {
  readonly value: number;
  readonly chosenOn: 'valid';
  readonly samples: number;
  /** Of the foreground over all pixels of these samples, at this threshold. */
  readonly dice: number;
}

export const chosenThreshold: z.ZodType<ChosenThreshold> = z.object({
  value: z.number().min(0).max(1),
  chosenOn: z.literal('valid'),
  samples: whole,
  dice: z.number(),
});

/** Values that config.json keeps of a setting: what its kind accepts; null or nothing where it was not given. */
function settingSchema({ kind }: RunSetting<unknown>) {
  return z
    .custom<unknown>((value) => value === null || kind.read(value) !== undefined, {
      message: `must be ${kind.accepts}`,
    })
    .optional();
}

const FIXED_SETTINGS = RUN_SETTING_ROWS.filter(([, { fixed }]) => fixed);

/** The settings that a resumed run must have in common with its beginning; a missing one has its default. */
export function fixedSettings(settings: object): Record<string, unknown> {
  const values = settings as Readonly<Record<string, unknown>>;
  return Object.fromEntries(FIXED_SETTINGS.map(([name, setting]) => [name, values[name] ?? setting.default]));
}

/** Every setting that shapes the learning, and what was worked out for them. */
const trainingSchema = z.object({
  ...(Object.fromEntries(
    FIXED_SETTINGS.map(([name, setting]) => [name, settingSchema(setting)]),
  ) as unknown as {
    readonly [K in RunSettingName]: z.ZodOptional<z.ZodType<RunSettings[K] | null>>;
  }),
  batch: whole.positive(),
  dropLast: z.boolean(),
  epochs: whole.positive(),
  /** Set by a time budget. */
  maxSteps: whole.positive().nullable(),
  optimizer: z.string(),
  lr: z.number().positive(),
  schedule: z.string(),
  loss: z.string(),
  lossSettings: lossSettings.optional(),
  augment: z.string(),
  /** When the frozen encoder begins to learn, and how fast. */
  unfreezing: z.object({ after: whole.positive(), lr: z.number().positive().optional() }).optional(),
  /** Number of epochs for which the features of a frozen encoder are kept; absent if they are not. */
  featureEpochs: whole.positive().optional(),
  seed: z.number(),
  /** The settings above that were objects: what stands there are names of functions. */
  custom: z.array(z.string()).optional(),
});

const runConfigSchema = z.object({
  version: z.literal(CONFIG_VERSION),
  /** The published work whose settings were followed; absent where there was none. */
  recipe: z
    .object({
      name: z.string(),
      asPublished: z.boolean(),
      source: z.string(),
      published: z.array(publishedFigure),
    })
    .optional(),
  /** Name in the registry, and the options that differ from its defaults. */
  model: z.object({
    name: z.string(),
    options: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
    /** The name is that of a class outside of Pixelwise. */
    custom: z.literal(true).optional(),
  }),
  classes: z.array(z.string()).min(2).max(255),
  /** Classes overlap; masks hold sets of them. */
  multiLabel: z.literal(true).optional(),
  /** The run learned objects: the network's outputs are the levels of each class (objects/levels.ts). */
  objects: z.literal(true).optional(),
  /** Of the images: 1 grey, 3 RGB. */
  channels: whole.positive(),
  /** Largest pixel value: 255 or 65,535. */
  maxValue: whole.positive(),
  /** What images are resized to, without regard to their shape; with `patch`, the size of the patches. */
  size: z.object({ height: whole.positive(), width: whole.positive() }),
  /** The model learned on patches at this scale; absent where it learned on whole images. */
  patch: patchScale.optional(),
  normalization,
  /** Two classes: from which probability on a pixel belongs to class 1. */
  threshold: z.number().min(0).max(1),
  /** Where and how well the threshold was chosen; absent where it was given. */
  thresholdChoice: chosenThreshold.optional(),
  data: z.object({
    path: z.string(),
    format: z.string(),
    train: whole,
    valid: whole,
    test: whole,
    /** SHA-256 of the ids of all parts: a run is only resumed on the samples that it began with. */
    fingerprint: z.string(),
    /** SHA-256 over the content of the masks; absent where they are no files, and in runs of earlier versions. */
    contents: z.string().optional(),
    /** How the data was read, as {@link dataReading} takes it; what was found from the files included. */
    options: z.record(z.string(), z.unknown()),
  }),
  training: trainingSchema,
  /** The options as given, from which a resumed run plans itself again. */
  options: z.record(z.string(), z.unknown()),
  /** What was left open and chosen from the data and the machine, with the reasons. */
  chosen: z.array(z.object({ setting: z.string(), value: z.string(), reason: z.string() })).optional(),
  machine: z.object({
    pixelwise: z.string(),
    node: z.string(),
    onnxruntime: z.string(),
    platform: z.string(),
    cpu: z.string(),
    threads: whole.positive(),
    /** Processes that trained it together, where there were several. */
    ranks: whole.positive().optional(),
    device: z.string(),
    /** How graphs were written for this machine; other lowerings give other bits. */
    target: z.record(z.string(), z.unknown()),
  }),
});

export type RunConfig = z.infer<typeof runConfigSchema>;

/** Reads and checks a run's configuration. Throws if it is damaged, naming the entry. */
export async function readRunConfig(folder: RunFolder): Promise<RunConfig> {
  const result = runConfigSchema.safeParse(withNewNames(await folder.readConfig()));
  if (result.success) {
    const { model } = result.data;
    return { ...result.data, model: { ...model, options: withCurrentNames(model.name, model.options) } };
  }
  throw damaged(folder, result.error);
}

/** Settings that were renamed since version 1 was first written, with their values. */
const RENAMED: Readonly<Record<string, readonly [name: string, values: Readonly<Record<string, string>>]>> = {
  maskResize: ['maskInterpolation', {}],
  encoderNorms: ['encoderBn', { still: 'frozen', moving: 'training' }],
};

/** A config.json with today's names, whatever version of Pixelwise wrote it. */
function withNewNames(config: unknown): unknown {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return config;
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      const [name, values] = (Object.hasOwn(RENAMED, key) && RENAMED[key]) || [key, {}];
      return [
        name,
        typeof value === 'string' && Object.hasOwn(values, value) ? values[value] : withNewNames(value),
      ];
    }),
  );
}

/** How the run read its data: its options as given, and over them what was found from the files. */
export function dataReading(config: RunConfig, folder: RunFolder): DataReading {
  const result = readingSchema.safeParse({ ...config.options, ...config.data.options });
  if (result.success) return result.data;
  throw damaged(folder, result.error);
}

function damaged(folder: RunFolder, cause: z.ZodError): PixelwiseError {
  const issue = cause.issues[0]!;
  return new PixelwiseError(
    'run',
    `${folder.configPath} is damaged or of another version: ${issue.path.join('.') || 'it'}: ${issue.message}`,
    { cause },
  );
}
