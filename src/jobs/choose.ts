/**
 * Chooses the settings that the user did not give, from facts about the data set and the machine. Each choice comes
 * with a reason. It is a pure function: the same facts give the same settings. The machine's speed is one of the facts.
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
import type { MaskClasses } from '../labels/label-set.js';
import { BatchNorm2d } from '../nn/index.js';
import { flagName } from '../settings/index.js';
import { FEATURE_EPOCHS, isWorthKeeping } from './keep-features.js';
import { suitableNormalization, type ValueFacts } from './choose-normalization.js';
import { patchSize, reasonForPatches, type ScaleFacts } from './choose-patch.js';
import { RUN_SETTINGS } from '../training/run-settings.js';
import { modelOptions, modelToTake } from './model-settings.js';
import type { TrainSettings } from './train-options.js';
import { defined } from './train-options.js';

/** Facts about a data set. `data-facts.ts` derives them from a few of its training samples. */
export interface DataFacts {
  /** Number of training samples. */
  readonly samples: number;
  /** Height and width of a typical image, in pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: readonly string[];
  /** Whether classes overlap; see `Dataset.multiLabel`. */
  readonly multiLabel?: boolean | undefined;
  /** Share of the labelled pixels by class, 0 to 1. They add up to 1, unless classes overlap. */
  readonly shares: readonly number[];
  /** Whether images are in colour. */
  readonly coloured: boolean;
  /** Whether images have an up and a down; see `orientation.ts`. */
  readonly oriented: boolean;
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
  /** Value for `encoderWeights`, of weights that are on this machine; undefined if there are none. */
  readonly pretrained: string | undefined;
  /** Bytes that kept features of a frozen encoder may take; undefined if they are not kept. */
  readonly featureMemory?: number | undefined;
  /** How long a training step takes beside the estimate of `estimateStepCost`. */
  readonly slowness: number;
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
/** Candidate sizes, largest first: the side of a square of the same area. */
const SIDES = [512, 448, 384, 320, 256, 224, 192, 160, 128, 96];
/** Smaller images are enlarged to this size for a pretrained encoder, which learned on objects of about this size. */
const PRETRAINED_SIDE = 256;
/** Sides are multiples of this, or of the model's divisor if that is larger. */
const SIDE_STEP = 32;
/** Share of the time for training steps. The rest goes to validation, checkpoints and the range test. */
const TRAINING_SHARE = 0.8;
/** Minimum steps of a run for a range test, which itself takes about a hundred steps. */
const MIN_STEPS_FOR_RANGE_TEST = 600;
/** Below this mean IoU of a perfect mask at the decoder's size, the decoder goes on to the full size. */
const LEAST_DECODER_SCORE = 0.9;
/** The share of pixels below which a class counts as rare. */
const RARE_CLASS_SHARE = 0.05;
/** The share of pixels below which one of several classes may never be predicted, unless its weight is raised. */
const MISSED_CLASS_SHARE = 0.02;

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

  const { model, weights } = chooseModel(machine, given, choose);
  const entry = modelEntry(model);
  const { widths } = entry;
  const frozen = entry.pretrained && weights !== 'none' && given.freezeEncoder !== false;
  const variant = (width?: number) =>
    variantOf(model, entry, data, { ...given, ...settings, encoderWeights: weights }, width);
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
  const time = (minutes * 60e6 * machine.threads * TRAINING_SHARE) / machine.slowness;
  /** Number of samples that can be trained on in the time. */
  const samplesInTime = (size: Size, cost: StepCost, samples = data.samples) => {
    const { microseconds, frozen } = cost;
    const pixels = size.height * size.width;
    const whole = time / (pixels * microseconds);
    const { keepFeatures = RUN_SETTINGS.keepFeatures.default } = given;
    const asked = keepFeatures === 'auto' ? isWorthKeeping(cost) : keepFeatures !== 'off';
    const fits = frozen && samples * pixels * frozen.bytes <= (machine.featureMemory ?? 0);
    if (!asked || !fits || whole <= samples) return whole;
    // The first visit to each sample takes the whole time.
    const epochs = typeof keepFeatures === 'number' ? keepFeatures : FEATURE_EPOCHS;
    const later = microseconds - frozen.microseconds * (1 - 1 / epochs);
    return samples + (time - samples * pixels * microseconds) / (pixels * later);
  };

  // With a frozen encoder only the decoder is trained, which needs fewer samples. Enlarging images costs time, too, and
  // pays only if each of them is still seen often.
  const enough = ({ height, width }: Size): number => {
    if (!frozen) return clamp(30 * data.samples, 1500, 8000);
    const enlarged = height * width > data.height * data.width;
    return clamp(8 * data.samples, 1200, enlarged ? 10_000 : 2000);
  };
  const sizes = sizesOf(data, narrow.divisor, frozen ? PRETRAINED_SIDE : 0);
  // All models with a frozen encoder get the image size of the default pretrained model. A more expensive one then
  // trains for fewer epochs, of which it needs few, but on images of the same resolution.
  const usual = frozen
    ? variantOf(PRETRAINED_MODEL, modelEntry(PRETRAINED_MODEL), data, { encoderWeights: weights })
    : narrow;
  const whole =
    sizeGiven(given) ??
    sizes.find((each) => samplesInTime(each, usual.cost) >= enough(each)) ??
    sizes.at(-1)!;
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
      sizeReason(size, data, sizes, given, samplesInTime(size, narrow.cost)),
    );
  }

  chooseDecoderStride(entry, data, patch ? 1 : scaleOf(size, data), given, choose);
  /** The samples that the model sees. */
  const shown = patch ? { ...data, samples: data.samples * patchesOf(data, size) } : data;
  const plenty = clamp(60 * shown.samples, 3000, 16_000);
  const width =
    given.width ??
    widths?.find((each) => samplesInTime(size, variant(each).cost, shown.samples) >= plenty) ??
    widths?.at(-1);
  if (widths) chooseWidth(entry, width!, given, choose);
  const { cost, normed } = variant(width);
  const samplesSeen =
    given.epochs === undefined ? samplesInTime(size, cost, shown.samples) : given.epochs * shown.samples;

  const batch = batchFor(shown, machine, size, cost, samplesSeen);
  choose({ batch: batch.size }, `${batch.size} images`, batch.reason);
  chooseLoss(data, given, choose);
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

const scaleOf = (size: Size, { height, width }: DataFacts) =>
  Math.max(size.height, size.width) / Math.max(height, width);

/** Lets the decoder go on to the full size where its default size would lose objects. @param scale of the model's input. */
function chooseDecoderStride(
  { trainDefaults }: ModelEntry,
  data: DataFacts,
  scale: number,
  given: TrainSettings,
  choose: Choose,
): void {
  const { decoderStride: stride = 1 } = { ...(trainDefaults as TrainSettings), ...defined(given) };
  if (stride === 1 || !data.scale) return;
  const score = data.scale.scoreAfterShrinking(Math.min(1, scale / stride));
  if (score >= LEAST_DECODER_SCORE) return;
  choose(
    { decoderStride: 1 },
    '1',
    `objects are small: at 1/${stride} of the size, even a perfect mask has a mean IoU of ${round2(score)}`,
  );
}

type Choose = (chosen: Partial<TrainSettings>, value: string, reason: string, given?: TrainSettings) => void;

interface Size {
  readonly height: number;
  readonly width: number;
}

function chooseModel(
  machine: MachineFacts,
  given: TrainSettings,
  choose: Choose,
): { model: string; weights: string } {
  const weights = given.encoderWeights ?? machine.pretrained ?? 'none';
  const model = given.model ?? modelToTake(given, weights !== 'none');
  if (weights === 'none' || !modelEntry(model).pretrained) {
    choose({ model }, model, 'trained from scratch');
    return { model, weights: given.encoderWeights ?? 'none' };
  }
  choose(
    { model, encoderWeights: weights },
    `${model} on ${weights} weights`,
    'pretrained weights help with every kind of image that was tried',
  );
  return { model, weights };
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
  { channels, classes, multiLabel }: DataFacts,
  settings: TrainSettings,
  width?: number,
): Variant {
  if (cost) return { cost, divisor: 1, normed: true };
  const options = modelOptions(name, widths ? { ...settings, width } : settings);
  const model = createModel(name, { ...options, channels, classes: classes.length, multiLabel });
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

/** Candidate sizes with the aspect ratio of the images, largest first. @param least images are enlarged to this side. */
function sizesOf({ height, width }: DataFacts, divisor: number, least: number): Size[] {
  const middle = Math.sqrt(height * width);
  const step = Math.max(SIDE_STEP, divisor);
  const round = (side: number) => Math.max(step, Math.round(side / step) * step);
  const own = Math.min(SIDES[0]!, Math.max(round(middle), least));
  return [own, ...SIDES.filter((side) => side < own)].map((side) => {
    const scale = side / middle;
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

/** The loss that is taken where none is given. */
export function defaultLoss({ classes, multiLabel }: MaskClasses): string {
  return classes.length === 2 || multiLabel === true ? 'bce+dice' : 'cross-entropy+dice';
}

function chooseLoss(
  { classes, multiLabel, shares }: DataFacts,
  { loss: asked }: TrainSettings,
  choose: Choose,
): void {
  const loss = defaultLoss({ classes, multiLabel });
  const present = shares.flatMap((share, i) => (share > 0 ? [{ share, name: classes[i]! }] : []));
  const rarest = present.reduce((least, each) => (each.share < least.share ? each : least), {
    share: 1,
    name: '',
  });
  const reason =
    multiLabel === true
      ? 'classes overlap: each is decided for itself'
      : rarest.share < RARE_CLASS_SHARE
        ? `${rarest.name} has ${percent(rarest.share)} of the pixels: Dice weights every class equally`
        : 'cross-entropy scores each pixel, Dice each class as a whole';
  choose({ loss }, loss, reason);
  const mayBeMissed = classes.length > 2 && multiLabel !== true && rarest.share < MISSED_CLASS_SHARE;
  if (asked !== undefined || !mayBeMissed) return;
  choose(
    { classWeights: shares.map(raisedWeight) },
    `up to ${round2(raisedWeight(rarest.share))}`,
    `else classes as rare as ${rarest.name} may never be predicted`,
  );
}

/** √({@link RARE_CLASS_SHARE} ÷ share) of a rare class, 1 of any other, and of one that no sample shows. */
const raisedWeight = (share: number): number =>
  share > 0 ? round2(Math.sqrt(Math.max(1, RARE_CLASS_SHARE / share))) : 1;

/** Images with an up and a down are not mirrored upside down. Few images that are seen often need stronger augmentation. */
function augmentationFor(
  { coloured, oriented, samples }: DataFacts,
  samplesSeen: number,
): { augment: string; reason: string } {
  const often = samplesSeen / samples > 60;
  if (oriented) {
    const augment = coloured ? 'light' : often ? 'flip,rotate:10,scale:0.1,gamma' : 'flip';
    return { augment, reason: 'the images have an up and a down: mirrored left to right only' };
  }
  return often
    ? {
        augment: 'medical',
        reason: 'few images, seen often: flips, rotation, elastic deformation, gamma, noise',
      }
    : {
        augment: 'flip,vertical-flip,rotate:15',
        reason: 'no up and no down: mirrored both ways, turned a little',
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
