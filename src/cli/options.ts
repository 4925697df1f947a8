/**
 * The options of the command line in one table, from which parsing, checks, help and config files derive. The
 * settings of a run come from its own table, which the library uses too.
 */
import { TRAIN_SETTINGS } from '../jobs/train-options.js';
import { OUTLINE_METRIC_NAMES } from '../metrics/sample-metrics.js';
import { SHARED_OPTIONS } from '../models/options.js';
import { MASK_CONTENTS } from '../objects/object-map.js';
import {
  choice,
  flag,
  flagName,
  pixelSize,
  real,
  text,
  whole,
  wordList,
  wordOr,
  type Setting,
  type ValueOf,
} from '../settings/index.js';
import type { RunSetting } from '../training/run-settings.js';

export const COMMAND_NAMES = [
  'demo',
  'train',
  'lr-find',
  'evaluate',
  'predict',
  'measure',
  'export',
  'report',
  'serve',
  'studio',
  'summary',
  'doctor',
  'fetch',
  'bench',
] as const;

export type CommandName = (typeof COMMAND_NAMES)[number];

/** Headings of the help, in order. */
export const SECTIONS = {
  model: 'Model and classes',
  data: 'Data',
  training: 'Training',
  scores: 'Scores and masks',
  file: 'Exported file',
  bench: 'Benchmark',
  server: 'Server',
  general: 'General',
} as const;

export interface OptionRow<T> extends Setting<T> {
  /** The flag without its dashes, where it is not the key in kebab-case. */
  readonly flag?: string;
  readonly section: keyof typeof SECTIONS;
  /** The commands that take it. */
  readonly commands: readonly CommandName[];
  /** The commands that require it. */
  readonly needed?: readonly CommandName[];
  /** With --resume it is not needed: the run in --out has it. */
  readonly unlessResumed?: boolean;
  /** What it applies to, if not to everything. */
  readonly appliesTo?: RunSetting<T>['appliesTo'];
}

const LEARNING = ['train', 'lr-find'] as const;
const USING = ['evaluate', 'predict'] as const;
/** Those that predict masks. */
const PREDICTING = [...USING, 'measure'] as const;
const READING = [...LEARNING, 'evaluate', 'doctor'] as const;

export const OPTIONS = {
  ...TRAIN_SETTINGS,

  channels: { ...SHARED_OPTIONS.channels, section: 'model', commands: ['summary'] },
  tree: {
    kind: flag(),
    help: 'also print the modules as a tree, each with its parameters',
    section: 'model',
    commands: ['summary'],
  },

  data: {
    kind: text('DIR', 'a folder'),
    help: 'folder of labelled images',
    section: 'data',
    commands: [...READING, 'bench'],
    needed: READING,
    unlessResumed: true,
  },
  fix: {
    kind: text('DIR', 'a folder that is empty or does not exist'),
    help: 'write a repaired copy of the data to this folder: masks as class indices, without samples that have errors; unchanged files are linked',
    unset: 'nothing is written',
    section: 'data',
    commands: ['doctor'],
  },
  split: {
    kind: text('NAME', 'the name of a part'),
    help: 'the part to score: train, valid, test, or all',
    unset: 'all',
    section: 'data',
    commands: ['evaluate'],
  },

  folds: {
    kind: whole(2, 20),
    help: 'cross-validation: N runs, each with a different fold held out for validation; groups are not split',
    unset: 'one run',
    section: 'data',
    commands: ['train'],
  },
  resume: {
    kind: flag(),
    help: 'continue the run in --out; if there is none, start a new one',
    section: 'training',
    commands: ['train'],
  },
  config: {
    kind: text('FILE', 'a .yaml, .yml or .json file'),
    help: 'YAML or JSON file with these options; flags override it',
    section: 'training',
    commands: LEARNING,
  },

  checkpoint: {
    kind: wordOr(['best', 'last'], whole(1, 1_000_000)),
    help: 'epoch of the weights to use',
    unset: 'best',
    section: 'scores',
    commands: [...PREDICTING, 'export', 'serve'],
  },
  scoreAt: {
    kind: choice(['source', 'model']),
    help: 'resolution at which scores are computed',
    unset: 'source',
    section: 'scores',
    commands: ['evaluate'],
  },
  metrics: {
    kind: wordList(OUTLINE_METRIC_NAMES),
    help: 'also score outlines: distances in pixels, IoU of the boundaries; means over images and over all classes except the background',
    unset: 'none',
    section: 'scores',
    commands: ['evaluate'],
  },
  tile: {
    kind: whole(16, 16384),
    help: 'predict in tiles with a longer side of N pixels instead of the whole image at once',
    section: 'scores',
    commands: PREDICTING,
  },
  overlap: {
    kind: real({ min: 0, max: 0.9 }),
    help: 'fraction of a tile that overlaps its neighbour',
    unset: '0.5',
    section: 'scores',
    commands: PREDICTING,
  },
  tta: {
    kind: flag(),
    help: 'test-time augmentation: average predictions over the image and its mirror image',
    section: 'scores',
    commands: PREDICTING,
  },
  ttaTransforms: {
    kind: choice(['mirror', 'flips', 'all']),
    help: 'copies that --tta averages over: mirror adds the mirror image, flips also upside-down copies, all also rotations by 90° (for images taken from above)',
    unset: 'mirror',
    section: 'scores',
    commands: PREDICTING,
  },
  keepLargest: {
    kind: flag(),
    help: 'keep only the largest connected component of each class',
    section: 'scores',
    commands: PREDICTING,
  },
  minArea: {
    kind: whole(0, 1_000_000_000),
    help: 'remove connected components with fewer pixels',
    section: 'scores',
    commands: PREDICTING,
  },
  fillHoles: {
    kind: flag(),
    help: 'fill holes: background enclosed by one class becomes that class',
    section: 'scores',
    commands: PREDICTING,
  },
  outlines: {
    kind: choice(['geojson', 'coco']),
    help: 'also write the connected components of each class: as polygons, or as COCO annotations with run-length encoding',
    unset: 'none',
    section: 'scores',
    commands: USING,
  },
  contents: {
    kind: choice(MASK_CONTENTS),
    help: 'what mask values mean: object numbers, or classes, whose connected components are the objects',
    unset: 'auto, detected from the masks',
    section: 'scores',
    commands: ['measure'],
  },
  labels: {
    kind: choice(['png', 'tif']),
    help: 'for models that find objects: format of the label images, 16-bit PNG, or TIFF that also stores the pixel size for ImageJ',
    unset: 'png',
    section: 'scores',
    commands: ['predict'],
  },
  pixelSize: {
    kind: text('LENGTH', 'a length with its unit, such as 0.5um'),
    help: 'side length of a pixel; lengths and areas are then given in this unit',
    unset: 'lengths and areas in pixels',
    section: 'scores',
    commands: ['predict', 'measure'],
  },
  annotations: {
    kind: choice(['labelme', 'cvat', 'coco', 'yolo', 'geojson']),
    help: 'also write the masks as annotations that labelling tools open, under annotations/',
    unset: 'none',
    section: 'scores',
    commands: ['predict'],
  },
  overlay: {
    kind: flag(),
    help: 'also write the image with the mask drawn over it',
    section: 'scores',
    commands: USING,
  },
  probabilities: {
    kind: flag(),
    help: 'also write the probabilities of all classes (float32, .npy)',
    section: 'scores',
    commands: USING,
  },

  benchModel: {
    kind: text('NAME', 'the name of a model'),
    flag: 'model',
    help: 'model to measure',
    unset: 'unet, mobilenet-unet and segnet',
    section: 'bench',
    commands: ['bench'],
  },
  mode: {
    kind: choice(['train', 'train-kept', 'predict', 'data']),
    help: 'what to measure: training steps, those from kept features of a frozen encoder, predictions, or loading images',
    unset: 'all',
    section: 'bench',
    commands: ['bench'],
  },
  benchBatch: {
    kind: whole(1, 4096),
    flag: 'batch',
    help: 'images per step',
    unset: '8, or 32 for mobilenet-unet',
    section: 'bench',
    commands: ['bench'],
  },
  benchSize: {
    kind: whole(2, 8192),
    flag: 'size',
    help: 'height and width of the images',
    unset: '128, or 224 for mobilenet-unet',
    section: 'bench',
    commands: ['bench'],
  },
  profile: {
    kind: flag(),
    help: 'also report the time by operator and by layer',
    section: 'bench',
    commands: ['bench'],
  },

  bare: {
    kind: flag(),
    help: 'export only the model: normalised floats in, logits out',
    section: 'file',
    commands: ['export'],
  },
  exportSize: {
    kind: wordOr(['free'], pixelSize()),
    flag: 'size',
    help: 'image size that the file accepts (not with --bare)',
    unset: 'free',
    section: 'file',
    commands: ['export'],
  },
  precision: {
    kind: choice(['float32', 'float16', 'int8']),
    help: 'number format of the file: float16 halves its size, int8 quarters it',
    unset: 'float32',
    section: 'file',
    commands: ['export'],
  },
  calibration: {
    kind: text('DIR', 'a folder'),
    flag: 'data',
    help: 'labelled images for calibrating int8',
    unset: "the run's data: its training part for the ranges, its validation part to score both precisions",
    section: 'file',
    commands: ['export'],
  },
  license: {
    kind: text('TEXT', 'a name such as CC-BY-4.0'),
    help: 'license of the weights, stored in the file',
    section: 'file',
    commands: ['export'],
  },

  port: {
    kind: whole(0, 65_535),
    help: 'port to listen on; 0 picks a free one',
    unset: '8787; 8788 for studio',
    section: 'server',
    commands: ['serve', 'studio'],
  },
  host: {
    kind: text('ADDRESS', 'an address of this machine'),
    help: 'address to listen on; 0.0.0.0 accepts connections from the network',
    unset: '127.0.0.1, only this machine',
    section: 'server',
    commands: ['serve', 'studio'],
  },
  allowHosts: {
    kind: text('NAMES', 'host names, separated by commas'),
    help: 'additional host names that clients may use for the server, such as that of a proxy',
    unset: 'its addresses and the name of the machine',
    section: 'server',
    commands: ['serve', 'studio'],
  },
  static: {
    kind: text('DIR', 'a folder to write'),
    help: 'write the page as static files for any web server; it opens a folder in the browser and trains there',
    section: 'server',
    commands: ['studio'],
  },
  token: {
    kind: text('TEXT', 'a token without spaces, or none'),
    help: 'token that clients must send, as Authorization: Bearer TEXT or ?token=TEXT; none accepts all clients',
    unset: 'a random token if --host can be reached from other machines, else none',
    section: 'server',
    commands: ['serve', 'studio'],
  },
  maxUpload: {
    kind: real({ above: 0, max: 1024 }),
    help: 'largest accepted image file, in MiB',
    unset: '32',
    section: 'server',
    commands: ['serve'],
  },
  maxPixels: {
    kind: real({ above: 0, max: 268 }),
    help: 'largest accepted image, in millions of pixels',
    unset: '33.5',
    section: 'server',
    commands: ['serve'],
  },
  places: {
    kind: whole(1, 10_000),
    help: 'requests that may wait at the same time; more are rejected and told to retry',
    unset: '32',
    section: 'server',
    commands: ['serve'],
  },

  to: {
    kind: text('DIR', 'a folder'),
    help: 'where to save the download',
    unset: 'a folder of that name; for weights, the cache',
    section: 'general',
    commands: ['fetch'],
  },
  out: {
    kind: text('PATH', 'a path'),
    help: 'where to write the results: a folder, or a file for export',
    section: 'general',
    commands: [...LEARNING, ...PREDICTING, 'demo', 'export', 'report', 'doctor'],
    needed: ['predict', 'measure', 'export'],
  },
  device: {
    kind: choice(['cpu', 'cuda', 'webgpu', 'coreml', 'dml']),
    help: 'device to compute on',
    unset: 'cpu',
    section: 'general',
    commands: [...LEARNING, ...PREDICTING, 'serve', 'studio', 'bench'],
  },
  threads: {
    kind: whole(1, 1024),
    help: 'compute threads',
    unset: 'one per core',
    section: 'general',
    commands: [...LEARNING, ...PREDICTING, 'demo', 'serve', 'studio', 'bench'],
  },
  json: {
    kind: flag(),
    help: 'print one JSON object to standard output and nothing else',
    section: 'general',
    commands: COMMAND_NAMES,
  },
} as const satisfies Readonly<Record<string, OptionRow<unknown>>>;

export type OptionName = keyof typeof OPTIONS;

/** The value of each option. */
export type OptionValues = { readonly [K in OptionName]: ValueOf<(typeof OPTIONS)[K]> };

type TakenBy<C extends CommandName> = {
  [K in OptionName]: C extends (typeof OPTIONS)[K]['commands'][number] ? K : never;
}[OptionName];

type NeededBy<C extends CommandName> = {
  [K in OptionName]: (typeof OPTIONS)[K] extends { readonly needed: readonly (infer N)[] }
    ? C extends N
      ? K
      : never
    : never;
}[OptionName];

/** What a command is given: the options it takes, those it needs for certain, the others where set. */
export type OptionsOf<C extends CommandName> = {
  readonly [K in NeededBy<C>]: OptionValues[K];
} & { readonly [K in Exclude<TakenBy<C>, NeededBy<C>>]?: OptionValues[K] | undefined };

/** Options with their values, as given. */
export type GivenOptions = Partial<Record<OptionName, unknown>>;

/** An option of a command, as the table has it. */
export interface OptionEntry extends OptionRow<unknown> {
  readonly name: OptionName;
  readonly flag: string;
}

/** The options that a command takes, in the order of the table. */
export function optionsOf(command: CommandName): OptionEntry[] {
  return OPTION_ENTRIES.filter(({ commands }) => commands.includes(command));
}

/** The whole table, row by row. */
export const OPTION_ENTRIES: readonly OptionEntry[] = Object.entries(
  OPTIONS as Readonly<Record<string, OptionRow<unknown>>>,
).map(([name, row]) => ({ flag: flagName(name), ...row, name: name as OptionName }));
