/**
 * Every option of the command line, in one table. Parsing, checks, help and config files derive from it.
 * {@link OptionValues} says what each option gives: an entry there without a row here does not compile,
 * nor does a row whose kind gives something else. The library has the defaults; `unset` tells of them.
 */
import type { BenchMode } from '../bench/index.js';
import type { FormatName, PetsTarget } from '../data/index.js';
import type { OutlineFormat, Precision, TestTimeAugmentation } from '../inference/index.js';
import type { Device } from '../runtime/index.js';
import {
  choice,
  flag,
  flagName,
  fractionOrText,
  namesOrCount,
  numbers,
  pattern,
  pixelSize,
  real,
  text,
  whole,
  wordList,
  wordOr,
  written,
  type Kind,
  type PixelSize,
} from '../settings/index.js';

export const COMMAND_NAMES = [
  'demo',
  'train',
  'lr-find',
  'evaluate',
  'predict',
  'export',
  'report',
  'serve',
  'summary',
  'doctor',
  'fetch',
  'bench',
] as const;

export type CommandName = (typeof COMMAND_NAMES)[number];

/** What each option gives. */
export interface OptionValues {
  recipe: string;
  asPublished: boolean;
  model: string;
  classes: readonly string[] | number;
  channels: number;
  width: number;
  depth: number;
  dropout: number;
  dropoutAt: 'bottom' | 'every';
  batchNorm: boolean;
  upsampling: 'transposed' | 'bilinear';
  stages: number;
  head: 'norm-relu' | 'linear';
  encoderWeights: string;
  freezeEncoder: boolean;
  encoderBn: 'frozen' | 'training';
  encoder: string;
  taps: string;
  init: string;
  tree: boolean;

  data: string;
  format: FormatName;
  target: PetsTarget;
  val: number | string;
  test: number | string;
  group: string;
  resizeMasks: boolean;
  maskInterpolation: 'nearest' | 'as-image';
  split: string;
  size: PixelSize;
  normalize: 'imagenet' | 'min-max' | 'dataset' | 'none';
  augment: string;
  sampler: 'shuffle' | 'weighted';
  seed: number;

  batch: number;
  dropLast: boolean;
  epochs: number;
  minutes: number;
  monitor: 'loss' | 'pixelAccuracy' | 'meanIoU' | 'meanDice' | 'dice' | 'iou';
  patience: number;
  minDelta: number;
  lr: number | 'auto';
  optimizer: 'sgd' | 'adam' | 'adamw' | 'rmsprop';
  momentum: number;
  weightDecay: number;
  alpha: number;
  eps: number;
  schedule: 'one-cycle' | 'step' | 'multi-step' | 'cosine' | 'poly' | 'plateau' | 'constant';
  stepEpochs: number;
  stepFactor: number;
  milestones: readonly number[];
  warmupEpochs: number;
  restarts: number;
  loss: string;
  classWeights: 'auto' | 'none' | readonly number[];
  focalGamma: number;
  unfreezeAfter: number;
  encoderLr: number;
  clipNorm: number;
  clipValue: number;
  accumulate: number;
  scaleLr: 'linear' | 'sqrt' | 'none';
  allReduce: 'float32' | 'float16';
  recompute: 'passes' | 'convolutions' | 'none';
  ema: number;
  keepEvery: number;
  log: readonly ('csv' | 'tensorboard')[];
  pictures: boolean;
  resume: boolean;
  config: string;

  checkpoint: 'best' | 'last' | number;
  scoreAt: 'source' | 'model';
  tile: number;
  overlap: number;
  tta: boolean;
  ttaTransforms: TestTimeAugmentation;
  threshold: number | 'auto';
  keepLargest: boolean;
  minArea: number;
  fillHoles: boolean;
  outlines: OutlineFormat;
  overlay: boolean;
  probabilities: boolean;

  benchModel: string;
  mode: BenchMode;
  benchBatch: number;
  benchSize: number;
  profile: boolean;

  bare: boolean;
  exportSize: 'free' | PixelSize;
  precision: Precision;
  calibration: string;
  license: string;

  port: number;
  host: string;
  maxUpload: number;
  maxPixels: number;
  places: number;

  to: string;

  out: string;
  device: Exclude<Device, 'wasm'>;
  threads: number;
  json: boolean;
}

/** Headings of the help, in order. */
export const SECTIONS = {
  what: 'Model and classes',
  data: 'Data',
  how: 'How it is trained',
  judging: 'Scores and masks',
  file: 'The file',
  bench: 'What is measured',
  server: 'The server',
  general: 'General',
} as const;

export interface OptionRow<T> {
  readonly kind: Kind<T>;
  /** The flag without its dashes, where it is not the key in kebab-case. */
  readonly flag?: string;
  readonly help: string;
  /** What holds where the option is not given, in words. */
  readonly unset?: string;
  readonly section: keyof typeof SECTIONS;
  /** The commands that take it. */
  readonly commands: readonly CommandName[];
  /** Of these, the ones that cannot do without. */
  readonly needed?: readonly CommandName[];
}

const LEARNING = ['train', 'lr-find'] as const;
const USING = ['evaluate', 'predict'] as const;
const BUILDING = [...LEARNING, 'summary'] as const;
const READING = [...LEARNING, 'evaluate', 'doctor'] as const;

const PART_WORDS = 'a folder, a list of ids in a file, or the name of an official part';

export const OPTIONS = {
  recipe: {
    // Written out, as the models are.
    kind: choice(['pets-mobilenet-unet', 'brain-mri-unet', 'carvana-unet', 'pets-segnet']),
    help: "a published work's settings; flags override them",
    section: 'what',
    commands: LEARNING,
  },
  asPublished: {
    kind: flag(),
    help: "follow the recipe's published code in its defects, too",
    section: 'what',
    commands: LEARNING,
  },
  model: {
    kind: text('NAME', 'the name of a model'),
    // Written out: help is not to wait for the models. A test compares the list with their registry.
    help: 'architecture: unet, mobilenet-unet, segnet, resnet18-unet, resnet34-unet, deeplabv3plus, onnx-unet',
    unset: 'chosen: unet, or mobilenet-unet for photographs',
    section: 'what',
    commands: LEARNING,
  },
  classes: {
    kind: namesOrCount(1, 255),
    help: 'class names in the order of their indices, or how many there are',
    unset: 'as the masks say',
    section: 'what',
    commands: [...READING, 'summary'],
  },
  channels: {
    kind: whole(1, 4096),
    help: 'channels of an image: 1 grey, 3 RGB',
    unset: '3',
    section: 'what',
    commands: ['summary'],
  },
  width: {
    kind: whole(1, 1024),
    help: 'filters at the full size, doubled at each step down',
    unset: '64; to train unet, chosen, with batch norm',
    section: 'what',
    commands: BUILDING,
  },
  depth: {
    kind: whole(2, 8),
    help: 'sizes on the way down',
    unset: '5',
    section: 'what',
    commands: BUILDING,
  },
  dropout: {
    kind: real({ min: 0, max: 0.99 }),
    help: 'probability of zeroing in training',
    unset: '0',
    section: 'what',
    commands: BUILDING,
  },
  dropoutAt: {
    kind: choice(['bottom', 'every']),
    help: 'dropout once, after the last pooling, or between the convolutions of every block',
    unset: 'bottom',
    section: 'what',
    commands: BUILDING,
  },
  batchNorm: {
    kind: flag(),
    help: 'batch norm after every 3×3 convolution',
    section: 'what',
    commands: BUILDING,
  },
  upsampling: {
    kind: choice(['transposed', 'bilinear']),
    help: 'sizes double by a learnt transposed convolution, or bilinearly',
    unset: 'transposed',
    section: 'what',
    commands: BUILDING,
  },
  stages: {
    kind: whole(1, 5),
    help: 'times that the size is halved (segnet)',
    unset: '4',
    section: 'what',
    commands: BUILDING,
  },
  head: {
    kind: choice(['norm-relu', 'linear']),
    help: 'what follows the last convolution (segnet)',
    unset: 'norm-relu',
    section: 'what',
    commands: BUILDING,
  },
  encoderWeights: {
    kind: text('FILE|NAME|none', 'a weights file, the name of known weights, or none'),
    help: 'pretrained weights of the encoder',
    unset: 'none; those at hand, where the model is chosen',
    section: 'what',
    commands: LEARNING,
  },
  freezeEncoder: {
    kind: flag(),
    help: 'keep the encoder as it is; --no-freeze-encoder lets it learn',
    unset: 'with pretrained weights',
    section: 'what',
    commands: BUILDING,
  },
  encoderBn: {
    kind: choice(['frozen', 'training']),
    help: 'batch norms of a frozen encoder: use stored statistics, or normalise by each batch and update them',
    unset: 'frozen',
    section: 'what',
    commands: BUILDING,
  },
  encoder: {
    kind: text('FILE', 'an ONNX file'),
    help: 'the ONNX file whose tensors serve as encoder, frozen (onnx-unet)',
    section: 'what',
    commands: LEARNING,
  },
  taps: {
    kind: text('NAMES', 'names of tensors, separated by commas'),
    help: 'those tensors: one for each halving of the size, the largest first (onnx-unet)',
    section: 'what',
    commands: LEARNING,
  },
  init: {
    kind: text('RUN', 'a run folder'),
    help: "start from a run's weights",
    section: 'what',
    commands: LEARNING,
  },
  tree: {
    kind: flag(),
    help: 'print the modules within one another, too, each with its parameters',
    section: 'what',
    commands: ['summary'],
  },

  data: {
    kind: text('DIR', 'a folder'),
    help: 'the labelled images',
    section: 'data',
    commands: [...READING, 'bench'],
    needed: READING,
  },
  format: {
    kind: choice(['folder', 'oxford-pets', 'carvana', 'lgg-mri', 'camvid', 'coco', 'voc']),
    help: 'layout of the data set',
    unset: 'seen from its files',
    section: 'data',
    commands: READING,
  },
  target: {
    kind: choice(['trimap', 'binary', 'species', 'breed']),
    help: 'what is told apart in oxford-pets',
    unset: 'trimap',
    section: 'data',
    commands: READING,
  },
  val: {
    kind: fractionOrText('FRACTION|DIR|SPLIT', PART_WORDS),
    help: 'the part that the best epoch is chosen on; 0 for none',
    unset: 'the official one, or 0.2',
    section: 'data',
    commands: LEARNING,
  },
  test: {
    kind: fractionOrText('FRACTION|DIR|SPLIT', PART_WORDS),
    help: 'a part that nothing is chosen on, scored at the end',
    unset: 'the official one, or none',
    section: 'data',
    commands: LEARNING,
  },
  group: {
    kind: pattern(),
    help: "finds in a sample's name the group (patient, car) that no two parts share",
    section: 'data',
    commands: READING,
  },
  resizeMasks: {
    kind: flag(),
    help: 'bring masks that have the shape but not the size of their image to it, by nearest pixels',
    section: 'data',
    commands: READING,
  },
  maskInterpolation: {
    kind: choice(['nearest', 'as-image']),
    help: 'how masks are resized for training: nearest neighbour, or interpolated like the image, as some published code does',
    unset: 'nearest',
    section: 'data',
    commands: LEARNING,
  },
  split: {
    kind: text('NAME', 'the name of a part'),
    help: 'the part to score: train, valid, test, or all',
    unset: 'all',
    section: 'data',
    commands: ['evaluate'],
  },
  size: {
    kind: pixelSize(16, 4096),
    help: 'height and width that images are brought to',
    unset: 'to train, chosen from the data; of summary 256',
    section: 'data',
    commands: [...BUILDING, 'doctor'],
  },
  normalize: {
    kind: choice(['imagenet', 'min-max', 'dataset', 'none']),
    help: "pixel values: by ImageNet's mean and deviation, each image from 0 to 1, by the training part's own, or as they are",
    unset: 'imagenet for 1 or 3 channels, else none',
    section: 'data',
    commands: LEARNING,
  },
  augment: {
    kind: text('LIST|none', 'names separated by commas, or none'),
    help: 'random changes of image and mask together',
    unset: 'chosen from the data',
    section: 'data',
    commands: [...LEARNING, 'doctor'],
  },
  sampler: {
    kind: choice(['shuffle', 'weighted']),
    help: 'an epoch has every image once, or as many drawn by the area of their foreground',
    unset: 'shuffle',
    section: 'data',
    commands: LEARNING,
  },
  seed: {
    kind: whole(0, Number.MAX_SAFE_INTEGER),
    help: 'the same seed gives the same run',
    unset: '0',
    section: 'data',
    commands: [...LEARNING, 'demo', 'doctor'],
  },

  batch: {
    kind: whole(1, 4096),
    help: 'images in one step',
    unset: 'chosen: 4 to 16, as memory takes',
    section: 'how',
    commands: LEARNING,
  },
  dropLast: {
    kind: flag(),
    help: 'leave out the short last batch of an epoch',
    section: 'how',
    commands: LEARNING,
  },
  epochs: {
    kind: whole(1, 1_000_000),
    help: 'times that every image is seen',
    unset: 'as many as the minutes take',
    section: 'how',
    commands: LEARNING,
  },
  minutes: {
    kind: real({ above: 0, max: 100_000 }),
    help: 'time for training, turned into a number of steps after a short warm-up',
    unset: '15, where no epochs are given',
    section: 'how',
    commands: LEARNING,
  },
  monitor: {
    kind: choice(['loss', 'pixelAccuracy', 'meanIoU', 'meanDice', 'dice', 'iou']),
    help: 'score of the validation part that the best epoch and patience go by; dice and iou are of two classes',
    unset: 'meanIoU',
    section: 'how',
    commands: ['train'],
  },
  patience: {
    kind: whole(1, 1_000_000),
    help: 'epochs without improvement after which training ends',
    unset: 'it goes on',
    section: 'how',
    commands: ['train'],
  },
  minDelta: {
    kind: real({ min: 0, max: 1000 }),
    help: 'least change of the monitored score that patience counts as one',
    unset: '0',
    section: 'how',
    commands: ['train'],
  },
  lr: {
    kind: wordOr(['auto'], real({ above: 0, max: 100 })),
    help: 'learning rate; the highest, where the schedule moves it; auto looks for it first',
    unset: 'chosen: auto; 0.005 on a frozen encoder, 0.003 or 0.001 in runs too short for auto',
    section: 'how',
    commands: LEARNING,
  },
  optimizer: {
    kind: choice(['sgd', 'adam', 'adamw', 'rmsprop']),
    help: 'how weights follow their gradients',
    unset: 'adam',
    section: 'how',
    commands: LEARNING,
  },
  momentum: {
    kind: real({ min: 0, below: 1 }),
    help: 'of sgd and rmsprop; given, one-cycle leaves it alone',
    unset: '0.9 of sgd, 0 of rmsprop',
    section: 'how',
    commands: LEARNING,
  },
  weightDecay: {
    kind: real({ min: 0, max: 10 }),
    help: 'share of the weights that each step takes away, times the learning rate',
    unset: '0; 0.01 of adamw',
    section: 'how',
    commands: LEARNING,
  },
  alpha: {
    kind: real({ min: 0, below: 1 }),
    help: "of rmsprop: decay of the mean of squares, Keras's rho",
    unset: '0.99',
    section: 'how',
    commands: LEARNING,
  },
  eps: {
    kind: real({ above: 0, max: 1 }),
    help: 'of adam, adamw and rmsprop: what is added to the root',
    unset: '1e-8',
    section: 'how',
    commands: LEARNING,
  },
  schedule: {
    kind: choice(['one-cycle', 'step', 'multi-step', 'cosine', 'poly', 'plateau', 'constant']),
    help: 'how the learning rate moves',
    unset: 'one-cycle',
    section: 'how',
    commands: ['train'],
  },
  stepEpochs: {
    kind: whole(1, 1_000_000),
    help: 'epochs between two steps of the step schedule',
    unset: 'a third of all',
    section: 'how',
    commands: LEARNING,
  },
  stepFactor: {
    kind: real({ above: 0, max: 1 }),
    help: 'what the step and multi-step schedules multiply the learning rate by',
    unset: '0.1',
    section: 'how',
    commands: LEARNING,
  },
  milestones: {
    kind: numbers(1, 1000, whole(1, 1_000_000)),
    help: 'epochs after which the multi-step schedule lowers the learning rate, such as 10,15',
    section: 'how',
    commands: ['train'],
  },
  warmupEpochs: {
    kind: whole(0, 1_000_000),
    help: 'epochs in which the cosine schedule first raises the learning rate, from a third',
    unset: '0',
    section: 'how',
    commands: ['train'],
  },
  restarts: {
    kind: whole(0, 1000),
    help: 'times that the cosine schedule starts again at the full rate, evenly spread',
    unset: '0',
    section: 'how',
    commands: ['train'],
  },
  loss: {
    kind: written(
      'NAME[:WEIGHT][+NAME…]',
      'a loss or a weighted sum of them, such as dice:0.3+bce:0.7',
      /^[a-z][a-z0-9-]*(:\d*\.?\d+)?(\+[a-z][a-z0-9-]*(:\d*\.?\d+)?)*$/,
    ),
    help: 'what training makes small',
    unset: 'bce+dice for two classes, cross-entropy+dice for more',
    section: 'how',
    commands: LEARNING,
  },
  classWeights: {
    kind: wordOr(['auto', 'none'], numbers(2, 255, real({ min: 0, max: 1e6 }))),
    help: 'how much a pixel of each class counts in cross-entropy, focal and bce; auto: 1 ÷ √share of the pixels',
    unset: 'none',
    section: 'how',
    commands: LEARNING,
  },
  focalGamma: {
    kind: real({ min: 0, max: 20 }),
    help: 'how much the focal loss plays easy pixels down',
    unset: '2',
    section: 'how',
    commands: LEARNING,
  },
  unfreezeAfter: {
    kind: whole(1, 1_000_000),
    help: 'epochs after which a frozen encoder learns too',
    unset: 'never',
    section: 'how',
    commands: ['train'],
  },
  encoderLr: {
    kind: real({ above: 0, max: 100 }),
    help: 'learning rate of the encoder once it learns',
    unset: 'a tenth of --lr',
    section: 'how',
    commands: ['train'],
  },
  clipNorm: {
    kind: real({ above: 0, max: 1e6 }),
    help: 'greatest norm of all gradients together',
    unset: 'none',
    section: 'how',
    commands: LEARNING,
  },
  clipValue: {
    kind: real({ above: 0, max: 1e6 }),
    help: 'greatest magnitude of any gradient',
    unset: 'none',
    section: 'how',
    commands: LEARNING,
  },
  accumulate: {
    kind: whole(1, 4096),
    help: 'batches whose gradients make one step',
    unset: '1',
    section: 'how',
    commands: LEARNING,
  },
  scaleLr: {
    kind: choice(['linear', 'sqrt', 'none']),
    help: 'under mpirun: how the learning rate grows with the number of ranks',
    unset: 'none',
    section: 'how',
    commands: ['train'],
  },
  allReduce: {
    kind: choice(['float32', 'float16']),
    help: 'under mpirun: the precision in which gradients go between ranks',
    unset: 'float32',
    section: 'how',
    commands: ['train'],
  },
  recompute: {
    kind: choice(['none', 'passes', 'convolutions']),
    help: 'less memory, more time: what the backward pass makes again instead of keeping it',
    unset: 'none',
    section: 'how',
    commands: LEARNING,
  },
  ema: {
    kind: real({ min: 0, below: 1 }),
    help: 'average the weights over steps, keeping this share each step; the average is scored, saved and exported',
    unset: 'no average',
    section: 'how',
    commands: ['train'],
  },
  keepEvery: {
    kind: whole(1, 1_000_000),
    help: "keep every n-th epoch's checkpoint, beside the best and the last",
    unset: 'those two',
    section: 'how',
    commands: ['train'],
  },
  log: {
    kind: wordList(['csv', 'tensorboard']),
    help: 'logs beside metrics.jsonl: metrics.csv, and event files for TensorBoard',
    unset: 'neither',
    section: 'how',
    commands: ['train'],
  },
  pictures: {
    kind: flag(),
    help: 'draw samples, the best and worst predictions and a film of learning; --no-pictures leaves them out',
    unset: 'drawn',
    section: 'how',
    commands: ['train'],
  },
  resume: {
    kind: flag(),
    help: 'go on with the run in --out; with none there, start afresh',
    section: 'how',
    commands: ['train'],
  },
  config: {
    kind: text('FILE', 'a .yaml, .yml or .json file'),
    help: 'options by these same names; flags override it',
    section: 'how',
    commands: LEARNING,
  },

  checkpoint: {
    kind: wordOr(['best', 'last'], whole(1, 1_000_000)),
    help: 'the epoch whose weights are used',
    unset: 'best',
    section: 'judging',
    commands: [...USING, 'export', 'serve'],
  },
  scoreAt: {
    kind: choice(['source', 'model']),
    help: 'resolution at which scores are counted',
    unset: 'source',
    section: 'judging',
    commands: ['evaluate'],
  },
  tile: {
    kind: whole(16, 16384),
    help: 'look at images in tiles of N pixels on the longer side, not whole',
    section: 'judging',
    commands: USING,
  },
  overlap: {
    kind: real({ min: 0, max: 0.9 }),
    help: 'share of a tile that its neighbour covers too',
    unset: '0.5',
    section: 'judging',
    commands: USING,
  },
  tta: {
    kind: flag(),
    help: 'average over the image and its mirror image',
    section: 'judging',
    commands: USING,
  },
  ttaTransforms: {
    kind: choice(['mirror', 'flips', 'all']),
    help: 'copies that --tta averages over: mirrored; also upside down; also rotated by 90°, for images taken from above',
    unset: 'mirror',
    section: 'judging',
    commands: USING,
  },
  threshold: {
    kind: wordOr(['auto'], real({ above: 0, below: 1 })),
    help: 'two classes: probability from which on a pixel is foreground; auto chooses it on the validation part',
    unset: "the model's own; to train, 0.5",
    section: 'judging',
    commands: ['train', ...USING],
  },
  keepLargest: {
    kind: flag(),
    help: 'of each class, keep the largest connected piece only',
    section: 'judging',
    commands: USING,
  },
  minArea: {
    kind: whole(0, 1_000_000_000),
    help: 'drop connected pieces of fewer pixels',
    section: 'judging',
    commands: USING,
  },
  fillHoles: {
    kind: flag(),
    help: 'background that one class encloses becomes of that class',
    section: 'judging',
    commands: USING,
  },
  outlines: {
    kind: choice(['geojson', 'coco']),
    help: 'write the pieces of each class, too: as polygons, or as COCO annotations with run lengths',
    unset: 'none',
    section: 'judging',
    commands: USING,
  },
  overlay: {
    kind: flag(),
    help: 'write the image with the mask laid over it, too',
    section: 'judging',
    commands: USING,
  },
  probabilities: {
    kind: flag(),
    help: 'write the probability of each class, too (float32, .npy)',
    section: 'judging',
    commands: USING,
  },

  benchModel: {
    kind: text('NAME', 'the name of a model'),
    flag: 'model',
    help: 'one model',
    unset: 'unet, mobilenet-unet and segnet',
    section: 'bench',
    commands: ['bench'],
  },
  mode: {
    kind: choice(['train', 'predict', 'data']),
    help: 'training steps, predictions, or loading images',
    unset: 'all three',
    section: 'bench',
    commands: ['bench'],
  },
  benchBatch: {
    kind: whole(1, 4096),
    flag: 'batch',
    help: 'images in one step',
    unset: "the model's: 8, or 32 of mobilenet-unet",
    section: 'bench',
    commands: ['bench'],
  },
  benchSize: {
    kind: whole(2, 8192),
    flag: 'size',
    help: 'height and width of the images',
    unset: "the model's: 128, or 224 of mobilenet-unet",
    section: 'bench',
    commands: ['bench'],
  },
  profile: {
    kind: flag(),
    help: 'tell the time by operator and by layer, too',
    section: 'bench',
    commands: ['bench'],
  },

  bare: {
    kind: flag(),
    help: 'the model alone: normalised floats in, logits out',
    section: 'file',
    commands: ['export'],
  },
  exportSize: {
    kind: wordOr(['free'], pixelSize()),
    flag: 'size',
    help: 'the image size that the file takes (not with --bare)',
    unset: 'free',
    section: 'file',
    commands: ['export'],
  },
  precision: {
    kind: choice(['float32', 'float16', 'int8']),
    help: 'how numbers are stored: float16 halves the file, int8 makes it a quarter',
    unset: 'float32',
    section: 'file',
    commands: ['export'],
  },
  calibration: {
    kind: text('DIR', 'a folder'),
    flag: 'data',
    help: 'labelled images like those in use, to see the ranges of values on (int8)',
    unset: "the run's own: ranges from its training part, both precisions scored on its validation part",
    section: 'file',
    commands: ['export'],
  },
  license: {
    kind: text('TEXT', 'a name such as CC-BY-4.0'),
    help: 'what may be done with the weights; travels in the file',
    section: 'file',
    commands: ['export'],
  },

  port: {
    kind: whole(0, 65_535),
    help: 'port to listen on; 0 takes one that is free',
    unset: '8787',
    section: 'server',
    commands: ['serve'],
  },
  host: {
    kind: text('ADDRESS', 'an address of this machine'),
    help: 'address to listen on; 0.0.0.0 serves the network',
    unset: '127.0.0.1, this machine alone',
    section: 'server',
    commands: ['serve'],
  },
  maxUpload: {
    kind: real({ above: 0, max: 1024 }),
    help: 'largest image file that is taken, in MiB',
    unset: '32',
    section: 'server',
    commands: ['serve'],
  },
  maxPixels: {
    kind: real({ above: 0, max: 268 }),
    help: 'largest image that is taken, in millions of pixels',
    unset: '33.5',
    section: 'server',
    commands: ['serve'],
  },
  places: {
    kind: whole(1, 10_000),
    help: 'requests held at once; more are told to come again',
    unset: '32',
    section: 'server',
    commands: ['serve'],
  },

  to: {
    kind: text('DIR', 'a folder'),
    help: 'where to put it',
    unset: 'a folder of its name; for weights, the cache',
    section: 'general',
    commands: ['fetch'],
  },
  out: {
    kind: text('PATH', 'a path'),
    help: 'where results are written: a folder, or for export a file',
    section: 'general',
    commands: [...LEARNING, ...USING, 'demo', 'export', 'report', 'doctor'],
    needed: ['predict', 'export'],
  },
  device: {
    kind: choice(['cpu', 'cuda', 'webgpu', 'coreml', 'dml']),
    help: 'what computes',
    unset: 'cpu',
    section: 'general',
    commands: [...LEARNING, ...USING, 'serve', 'bench'],
  },
  threads: {
    kind: whole(1, 1024),
    help: 'threads of the computation',
    unset: 'one a core',
    section: 'general',
    commands: [...LEARNING, ...USING, 'demo', 'serve', 'bench'],
  },
  json: {
    kind: flag(),
    help: 'print one JSON object to standard output and nothing else',
    section: 'general',
    commands: COMMAND_NAMES,
  },
} as const satisfies { readonly [K in keyof OptionValues]: OptionRow<OptionValues[K]> };

export type OptionName = keyof OptionValues;

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
} & { readonly [K in Exclude<TakenBy<C>, NeededBy<C>>]?: OptionValues[K] };

/** Options with their values, as given. */
export type GivenOptions = Partial<Record<OptionName, OptionValues[OptionName]>>;

/** An option of a command, as the table has it. */
export interface OptionEntry extends OptionRow<OptionValues[OptionName]> {
  readonly name: OptionName;
  readonly flag: string;
}

/** The options that a command takes, in the order of the table. */
export function optionsOf(command: CommandName): OptionEntry[] {
  return OPTION_ENTRIES.filter(({ commands }) => commands.includes(command));
}

/** The whole table, row by row. */
export const OPTION_ENTRIES: readonly OptionEntry[] = Object.entries(OPTIONS).map(([name, row]) => ({
  flag: flagName(name),
  ...(row as OptionRow<OptionValues[OptionName]>),
  name: name as OptionName,
}));
