/**
 * Chooses the settings that the user did not give, from facts about the data set and the machine. Each choice comes
 * with a reason. It is a pure function: the same facts give the same settings. Nothing is timed here;
 * `time-budget.ts` measures later how many steps fit into the given minutes.
 *
 * The choices are made in this order:
 * 1. the model;
 * 2. the image size: the largest at which the narrowest model still sees enough samples in the time;
 * 3. the model's width: the widest that still sees twice as many samples;
 * 4. batch size, loss, augmentation and learning rate.
 */
import type { ModelEntry, StepCost } from '../models/index.js';
import { patchesOf } from '../data/index.js';
import { createModel, estimateStepCost, modelEntry, PRETRAINED_MODEL } from '../models/index.js';
import { BatchNorm2d } from '../nn/index.js';
import { flagName } from '../settings/index.js';
import { suitableNormalization, type ValueFacts } from './choose-normalization.js';
import { patchSize, reasonForPatches, type ScaleFacts } from './choose-patch.js';
import { modelOptions, modelToTake } from './model-settings.js';
import type { TrainSettings } from './train-options.js';

/** Facts about a data set. `data-facts.ts` derives them from a few of its training samples. */
export interface DataFacts {
  /** Number of training samples. */
  readonly samples: number;
  /** Height and width of a typical image, in pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: readonly string[];
  /** Share of the labelled pixels by class, 0 to 1. They add up to 1. */
  readonly shares: readonly number[];
  /** Whether these are photographs in colour, like those that pretrained encoders were trained on. */
  readonly photographs: boolean;
  /** The scale of images and objects; undefined if it is not known. Then whole images are resized. */
  readonly scale?: ScaleFacts;
  /** The values that images use; undefined if they are not known. */
  readonly values?: ValueFacts;
}

export interface MachineFacts {
  /** Number of compute threads. */
  readonly threads: number;
  /** Bytes of memory. */
  readonly memory: number;
  /** Value for `encoderWeights` that needs no download; undefined if there is none. */
  readonly pretrained: string | undefined;
}

export interface Choice {
  /** Flag names of the settings, separated by commas. */
  readonly setting: string;
  readonly value: string;
  readonly reason: string;
}

export interface Chosen {
  /** Only settings that the user did not give. */
  readonly settings: TrainSettings;
  readonly choices: readonly Choice[];
}

/** Default length of a run. It is enough for most small data sets. */
const DEFAULT_MINUTES = 15;
/** Candidate lengths of an image's longer side, largest first. */
const SIDES = [512, 448, 384, 320, 256, 224, 192, 160, 128, 96];
/** Sides are multiples of this, or of the model's divisor if that is larger. */
const SIDE_STEP = 32;
/** Share of the time for training steps. The rest goes to validation, checkpoints and the range test. */
const TRAINING_SHARE = 0.8;
/** Minimum steps of a run for a range test, which itself takes about a hundred steps. */
const MIN_STEPS_FOR_RANGE_TEST = 600;
/** The share of pixels below which a class counts as rare. */
const RARE_CLASS_SHARE = 0.05;

/** Chooses the settings that are not in `given`. */
export function chooseSettings(data: DataFacts, machine: MachineFacts, given: TrainSettings): Chosen {
  const choices: Choice[] = [];
  const settings: Record<string, unknown> = {};
  const choose: Choose = (chosen, value, reason, asked = given) => {
    const open = Object.entries(chosen).filter(([name]) => asked[name as keyof TrainSettings] === undefined);
    if (open.length === 0) return;
    Object.assign(settings, Object.fromEntries(open));
    choices.push({ setting: open.map(([name]) => flagName(name)).join(', '), value, reason });
  };

  const { model, weights } = chooseModel(data, machine, given, choose);
  const entry = modelEntry(model);
  const { widths } = entry;
  const frozen = entry.pretrained && weights !== 'none' && given.freezeEncoder !== false;
  const variant = (width?: number) =>
    variantOf(model, entry, data, { ...given, encoderWeights: weights }, width);
  const narrow = variant(given.width ?? widths?.at(-1));
  if (given.epochs === undefined) {
    choose(
      { minutes: DEFAULT_MINUTES },
      `${DEFAULT_MINUTES} minutes`,
      'enough for most small data sets; --minutes changes it',
    );
  }
  const minutes = given.epochs === undefined ? (given.minutes ?? DEFAULT_MINUTES) : DEFAULT_MINUTES;
  /** Thread-microseconds for training steps. */
  const time = minutes * 60e6 * machine.threads * TRAINING_SHARE;
  /** Number of samples that can be trained on in the time. @param microseconds per pixel and thread. */
  const samplesInTime = ({ height, width }: Size, microseconds: number) =>
    time / (height * width * microseconds);

  const enough = clamp(30 * data.samples, 1500, 8000);
  const sizes = sizesOf(data, narrow.divisor);
  // All models with a frozen encoder get the image size of the default pretrained model. A more expensive one then
  // trains for fewer epochs, of which it needs few, but on images of the same resolution.
  const { microseconds } = (
    frozen
      ? variantOf(PRETRAINED_MODEL, modelEntry(PRETRAINED_MODEL), data, { encoderWeights: weights })
      : narrow
  ).cost;
  const whole =
    sizeGiven(given) ?? sizes.find((each) => samplesInTime(each, microseconds) >= enough) ?? sizes.at(-1)!;
  const patch = choosePatch(data, whole, narrow.divisor, given);
  const size = patch?.size ?? whole;
  if (patch) {
    // `auto` asks for patches whose size is chosen.
    const open = given.patch === 'auto' ? { ...given, patch: undefined } : given;
    choose({ patch: size }, `${size.height}×${size.width}`, patch.reason, open);
  } else {
    choose(
      { size },
      `${size.height}×${size.width}`,
      sizeReason(size, data, sizes, given, samplesInTime(size, narrow.cost.microseconds)),
    );
  }

  /** The samples that the model sees. */
  const shown = patch ? { ...data, samples: data.samples * patchesOf(data, size) } : data;
  const plenty = clamp(60 * shown.samples, 3000, 16_000);
  const width =
    given.width ??
    widths?.find((each) => samplesInTime(size, variant(each).cost.microseconds) >= plenty) ??
    widths?.at(-1);
  if (widths) chooseWidth(entry, width!, given, choose);
  const { cost, normed } = variant(width);
  const samplesSeen =
    given.epochs === undefined ? samplesInTime(size, cost.microseconds) : given.epochs * shown.samples;

  const batch = batchFor(shown, machine, size, cost, samplesSeen);
  choose({ batch: batch.size }, `${batch.size} images`, batch.reason);
  chooseLoss(data, choose);
  const values = data.values && suitableNormalization(data.values, !patch);
  if (values) choose({ normalize: values.normalize }, values.normalize!, values.reason);
  const { augment, reason } = augmentationFor(shown, samplesSeen);
  choose({ augment }, augment, reason);
  const rate = frozen ? entry.pretrained!.learningRate : entry.learningRate;
  chooseRate(rate, normed, samplesSeen / (given.batch ?? batch.size), given, choose);
  return { settings: settings as TrainSettings, choices };
}

/** Patches that are chosen or given, and why; undefined for whole images. */
function choosePatch(
  { scale, height, width }: DataFacts,
  whole: Size,
  divisor: number,
  { patch, size, sampler, maskInterpolation, normalize }: TrainSettings,
): { size: Size; reason: string } | undefined {
  const needsWhole = sampler === 'weighted' || maskInterpolation === 'as-image' || normalize === 'min-max';
  if (patch === 'none' || (patch === undefined && (size !== undefined || needsWhole))) return undefined;
  if (patch !== undefined && patch !== 'auto') {
    return { size: typeof patch === 'number' ? { height: patch, width: patch } : patch, reason: 'as given' };
  }
  const facts = scale ?? { sizes: [{ height, width }], objects: [], scoreAfterShrinking: () => 1 };
  const reason = reasonForPatches(facts, whole);
  if (reason === undefined && patch === undefined) return undefined;
  const sized = patchSize(facts, Math.max(SIDE_STEP, divisor));
  return { size: sized, reason: reason ?? 'a few objects and their surroundings at source scale' };
}

type Choose = (chosen: Partial<TrainSettings>, value: string, reason: string, given?: TrainSettings) => void;

interface Size {
  readonly height: number;
  readonly width: number;
}

function chooseModel(
  { photographs, channels }: DataFacts,
  machine: MachineFacts,
  given: TrainSettings,
  choose: Choose,
): { model: string; weights: string } {
  // If the user names a model but no weights, it is trained from scratch.
  const available = given.model === undefined ? machine.pretrained : undefined;
  const weights = given.encoderWeights ?? available ?? 'none';
  const model = given.model ?? modelToTake(given, photographs && weights !== 'none');
  if (given.model !== undefined) return { model, weights };
  if (model === PRETRAINED_MODEL) {
    const reason =
      given.encoderWeights === undefined
        ? 'the images are photographs, and an encoder pretrained on photographs is available'
        : 'the model that can use these weights';
    choose({ model, encoderWeights: weights }, `${model} on ${weights} weights`, reason);
    return { model, weights };
  }
  const fetchable =
    photographs && channels === 3 && machine.pretrained === undefined && given.encoderWeights === undefined;
  const advice = fetchable
    ? 'trained from scratch; for photographs, an encoder from `pixelwise fetch mobilenet_v2` would help'
    : 'trained from scratch; works for any kind of image';
  choose({ model }, model, advice);
  return { model, weights: 'none' };
}

/** Properties of a model with given options that the choices depend on. */
interface Variant {
  readonly cost: StepCost;
  readonly divisor: number;
  /** Whether it has batch norms. */
  readonly normed: boolean;
}

function variantOf(
  name: string,
  { cost, widths }: ModelEntry,
  { channels, classes }: DataFacts,
  settings: TrainSettings,
  width?: number,
): Variant {
  if (cost) return { cost, divisor: 1, normed: true };
  const options = modelOptions(name, widths ? { ...settings, width } : settings);
  const model = createModel(name, { ...options, channels, classes: classes.length });
  return {
    cost: estimateStepCost(model, channels),
    divisor: model.divisor ?? 1,
    normed: [...model.namedModules()].some(([, module]) => module instanceof BatchNorm2d),
  };
}

/** Chooses the width, and batch norm, which the published model lacks but training uses by default. */
function chooseWidth(
  { widths, trainDefaults }: ModelEntry,
  width: number,
  given: TrainSettings,
  choose: Choose,
): void {
  const { batchNorm } = trainDefaults as TrainSettings;
  if (given.width !== undefined)
    choose({ batchNorm }, 'on', 'learns faster and allows higher learning rates');
  else {
    const reason =
      width === widths!.at(-1)
        ? 'narrow, so that there is time for enough epochs'
        : 'the widest that leaves time for enough epochs';
    const norm = given.batchNorm === undefined && batchNorm ? ' with batch norm' : '';
    choose({ width, batchNorm }, `${width} filters${norm}`, reason);
  }
}

/** Candidate sizes with the aspect ratio of the images, none larger than the images, largest first. */
function sizesOf({ height, width }: DataFacts, divisor: number): Size[] {
  const longest = Math.max(height, width);
  const step = Math.max(SIDE_STEP, divisor);
  const round = (side: number) => Math.max(step, Math.round(side / step) * step);
  const own = Math.min(SIDES[0]!, round(longest));
  return [own, ...SIDES.filter((side) => side < own)].map((side) => {
    const scale = side / longest;
    return { height: round(height * scale), width: round(width * scale) };
  });
}

function sizeGiven({ size }: TrainSettings): Size | undefined {
  return typeof size === 'number' ? { height: size, width: size } : size;
}

function sizeReason(
  size: Size,
  data: DataFacts,
  sizes: readonly Size[],
  { epochs }: TrainSettings,
  seen: number,
): string {
  const source = `images are ${data.height}×${data.width}`;
  // If the epochs are given, they say how often each image is seen, not the time.
  if (epochs !== undefined) return size === sizes[0] ? source : `${source}; larger ones would take long`;
  const often = `each is seen about ${round2(seen / data.samples)} times`;
  return size === sizes[0] ? `${source}; ${often}` : `${source}; at this size ${often}`;
}

function batchFor(
  { samples, channels }: DataFacts,
  { memory }: MachineFacts,
  size: Size,
  cost: StepCost,
  samplesSeen: number,
): { size: number; reason: string } {
  let batch = samples < 48 ? 4 : samplesSeen >= 16_000 ? 16 : 8;
  let reason =
    batch === 4
      ? 'few images: smaller batches give more steps per epoch'
      : batch === 8
        ? 'a balance of less noisy gradients and more steps'
        : 'enough time for many steps; larger batches make gradients less noisy';
  const bytes = () => batch * size.height * size.width * (cost.bytes + 8 * channels);
  while (batch > 1 && bytes() > memory / 4) {
    batch /= 2;
    reason = 'as many as fit comfortably into memory';
  }
  return { size: batch, reason };
}

function chooseLoss({ classes, shares }: DataFacts, choose: Choose): void {
  const loss = classes.length === 2 ? 'bce+dice' : 'cross-entropy+dice';
  const present = shares.flatMap((share, i) => (share > 0 ? [{ share, name: classes[i]! }] : []));
  const rarest = present.reduce((least, each) => (each.share < least.share ? each : least), {
    share: 1,
    name: '',
  });
  const reason =
    rarest.share < RARE_CLASS_SHARE
      ? `${rarest.name} has ${percent(rarest.share)} of the pixels: Dice weights every class equally`
      : 'cross-entropy scores each pixel, Dice each class as a whole';
  choose({ loss }, loss, reason);
}

/** Few images that are seen often need stronger augmentation. Photographs are not flipped vertically. */
function augmentationFor(
  { photographs, samples }: DataFacts,
  samplesSeen: number,
): { augment: string; reason: string } {
  if (photographs)
    return { augment: 'light', reason: 'photographs: horizontal flips, small rotations and colour changes' };
  if (samplesSeen / samples > 60) {
    return {
      augment: 'medical',
      reason: 'few images, seen often: flips, rotation, elastic deformation, gamma, noise',
    };
  }
  return {
    augment: 'flip,vertical-flip,rotate:15',
    reason: 'not photographs: flips in both directions and small rotations',
  };
}

/** @param rate a learning rate for Adam that suits the model; undefined if a range test is to find it. */
function chooseRate(
  rate: number | undefined,
  normed: boolean,
  steps: number,
  given: TrainSettings,
  choose: Choose,
): void {
  const adam = given.optimizer === undefined || given.optimizer.startsWith('adam');
  if (rate !== undefined && adam) {
    choose({ lr: rate }, String(rate), 'good for a frozen encoder; a range test would suggest a lower one');
    return;
  }
  if (steps >= MIN_STEPS_FOR_RANGE_TEST) {
    choose({ lr: 'auto' }, 'auto', 'a range test of a hundred steps finds it');
    return;
  }
  const lr = adam && normed ? 3e-3 : 1e-3;
  choose({ lr }, String(lr), 'the run is too short for a range test');
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

function round2(value: number): number {
  return Number(value.toPrecision(2));
}

function percent(share: number): string {
  return `${round2(100 * share)} %`;
}

/** The choices as aligned lines of text to print. */
export function choiceLines(choices: readonly Choice[]): string[] {
  if (choices.length === 0) return [];
  const flags = Math.max(...choices.map(({ setting }) => setting.length));
  const values = Math.max(...choices.map(({ value }) => value.length));
  return [
    'Settings chosen automatically (a flag overrides each):',
    ...choices.map(
      ({ setting, value, reason }) => `  ${setting.padEnd(flags)}  ${value.padEnd(values)}  ${reason}`,
    ),
  ];
}
