/**
 * Chooses the settings that were left open, from what is known about the data set and the machine, each with a
 * reason. A pure function: the same facts give the same settings, and nothing is timed here. How many steps fit
 * into the minutes is measured later (`time-budget.ts`).
 *
 * In this order: the model; the size of the images (the largest at which a narrow model still sees enough samples
 * in the time); the width of the model (the widest that sees twice as many); then batch, augmentation, loss and
 * learning rate.
 */
import type { ModelEntry, StepCost } from '../models/index.js';
import { createModel, estimateStepCost, modelEntry, PRETRAINED_MODEL } from '../models/index.js';
import { BatchNorm2d } from '../nn/index.js';
import { flagName } from '../settings/index.js';
import { modelOptions, modelToTake } from './model-settings.js';
import type { TrainSettings } from './train-options.js';

/** Facts about a data set, which `data-facts.ts` finds from a few of its training samples. */
export interface DataFacts {
  /** Training samples. */
  readonly samples: number;
  /** Pixels of a typical image. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: readonly string[];
  /** Share of the labelled pixels, by class; together 1. */
  readonly shares: readonly number[];
  /** Whether these are photographs in colour, like those that pretrained encoders were trained on. */
  readonly photographs: boolean;
}

export interface MachineFacts {
  /** Threads that compute. */
  readonly threads: number;
  /** Bytes of memory. */
  readonly memory: number;
  /** The value of `encoderWeights` that needs no download; undefined if there is none. */
  readonly pretrained: string | undefined;
}

export interface Choice {
  /** Names of the settings, as the command line has them. */
  readonly setting: string;
  readonly value: string;
  readonly reason: string;
}

export interface Chosen {
  /** Only what was left open. */
  readonly settings: TrainSettings;
  readonly choices: readonly Choice[];
}

/** Length of a run if none is given: enough for most small sets, and no long wait. */
const MINUTES = 15;
/** Sides that are tried, the longer one of an image, the largest first. */
const SIDES = [512, 448, 384, 320, 256, 224, 192, 160, 128, 96];
/** Sides are multiples of this, or of the model's own divisor if that is larger. */
const SIDE_STEP = 32;
/** The rest of the time goes to validation, checkpoints and the range test. */
const SHARE_FOR_STEPS = 0.8;
/** A run of fewer steps is not worth the hundred that a range test takes. */
const STEPS_WORTH_A_TEST = 600;
/** The share of pixels below which a class counts as rare. */
const RARE = 0.05;

/** Settings for what `given` leaves open. */
export function chooseSettings(data: DataFacts, machine: MachineFacts, given: TrainSettings): Chosen {
  const choices: Choice[] = [];
  const settings: Record<string, unknown> = {};
  const choose = (chosen: Partial<TrainSettings>, value: string, reason: string) => {
    const open = Object.entries(chosen).filter(([name]) => given[name as keyof TrainSettings] === undefined);
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
    choose({ minutes: MINUTES }, `${MINUTES} minutes`, 'good for most small sets; --minutes changes it');
  }
  const length = given.epochs === undefined ? (given.minutes ?? MINUTES) : MINUTES;
  const time = length * 60e6 * machine.threads * SHARE_FOR_STEPS;
  /** Samples that fit into the time. */
  const seen = ({ height, width }: Size, microseconds: number) => time / (height * width * microseconds);

  const enough = clamp(30 * data.samples, 1500, 8000);
  const sizes = sizesOf(data, narrow.divisor);
  // Models with a frozen encoder get the size of the one that is taken for photographs: what they cost more costs
  // epochs, of which they need few, and not detail.
  const { microseconds } = (
    frozen
      ? variantOf(PRETRAINED_MODEL, modelEntry(PRETRAINED_MODEL), data, { encoderWeights: weights })
      : narrow
  ).cost;
  const size = sizeGiven(given) ?? sizes.find((each) => seen(each, microseconds) >= enough) ?? sizes.at(-1)!;
  choose(
    { size },
    `${size.height}×${size.width}`,
    sizeReason(size, data, sizes, given, seen(size, narrow.cost.microseconds)),
  );

  const plenty = clamp(60 * data.samples, 3000, 16_000);
  const width =
    given.width ??
    widths?.find((each) => seen(size, variant(each).cost.microseconds) >= plenty) ??
    widths?.at(-1);
  if (widths) chooseWidth(entry, width!, given, choose);
  const { cost, normed } = variant(width);
  const samplesSeen =
    given.epochs === undefined ? seen(size, cost.microseconds) : given.epochs * data.samples;

  const batch = batchFor(data, machine, size, cost, samplesSeen);
  choose({ batch: batch.size }, `${batch.size} images`, batch.reason);
  chooseLoss(data, choose);
  const { augment, reason } = augmentationFor(data, samplesSeen);
  choose({ augment }, augment, reason);
  const rate = frozen ? entry.pretrained!.learningRate : entry.learningRate;
  chooseRate(rate, normed, samplesSeen / (given.batch ?? batch.size), given, choose);
  return { settings: settings as TrainSettings, choices };
}

type Choose = (chosen: Partial<TrainSettings>, value: string, reason: string) => void;

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
  // A model that is named without weights is trained without: that is the default.
  const atHand = given.model === undefined ? machine.pretrained : undefined;
  const weights = given.encoderWeights ?? atHand ?? 'none';
  const model = given.model ?? modelToTake(given, photographs && weights !== 'none');
  if (given.model !== undefined) return { model, weights };
  if (model === PRETRAINED_MODEL) {
    const reason =
      given.encoderWeights === undefined
        ? 'photographs, and an encoder pretrained on photographs is at hand'
        : 'takes these weights';
    choose({ model, encoderWeights: weights }, `${model} on ${weights} weights`, reason);
    return { model, weights };
  }
  const fetchable =
    photographs && channels === 3 && machine.pretrained === undefined && given.encoderWeights === undefined;
  const advice = fetchable
    ? 'learns from scratch; for photographs, `pixelwise fetch mobilenet_v2` gets an encoder that would help'
    : 'learns from scratch on images of any kind';
  choose({ model }, model, advice);
  return { model, weights: 'none' };
}

/** What the choice of settings needs to know about a model with certain options. */
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

/** The width, and what else training prefers to the published model. */
function chooseWidth(
  { widths, trainDefaults }: ModelEntry,
  width: number,
  given: TrainSettings,
  choose: Choose,
): void {
  const { batchNorm } = trainDefaults as TrainSettings;
  if (given.width !== undefined) choose({ batchNorm }, 'on', 'learns faster, and at higher rates');
  else {
    const reason =
      width === widths!.at(-1)
        ? 'narrow, so that there is time to see the images often enough'
        : 'as wide as leaves time to see the images often enough';
    const norm = given.batchNorm === undefined && batchNorm ? ' with batch norm' : '';
    choose({ width, batchNorm }, `${width} filters${norm}`, reason);
  }
}

/** Sizes in the shape of the images, none larger than the images; the largest first. */
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
  // How often each is seen is then no question of time.
  if (epochs !== undefined) return size === sizes[0] ? source : `${source}; larger ones would take long`;
  const often = `each is seen about ${round2(seen / data.samples)} times`;
  return size === sizes[0] ? `${source}; ${often}` : `${source}; of this size ${often}`;
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
      ? 'few images: small batches make more steps of them'
      : batch === 8
        ? 'steady steps, and many of them'
        : 'time for many steps, which may as well be steadier';
  const bytes = () => batch * size.height * size.width * (cost.bytes + 8 * channels);
  while (batch > 1 && bytes() > memory / 4) {
    batch /= 2;
    reason = 'as many as fit well into memory';
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
    rarest.share < RARE
      ? `${rarest.name} has ${percent(rarest.share)} of the pixels: Dice counts a rare class like any other`
      : 'each pixel right, and each class as a whole';
  choose({ loss }, loss, reason);
}

/** Few images seen often need more variety; photographs have an up and a down. */
function augmentationFor(
  { photographs, samples }: DataFacts,
  samplesSeen: number,
): { augment: string; reason: string } {
  if (photographs)
    return { augment: 'light', reason: 'photographs: mirrored, a little moved, in a little other light' };
  if (samplesSeen / samples > 60) {
    return { augment: 'medical', reason: 'few images, seen often: mirrored, turned, bent, in another light' };
  }
  return {
    augment: 'flip,vertical-flip,rotate:15',
    reason: 'no photographs: mirrored both ways and turned a little',
  };
}

/** @param rate the rate of Adam that suits the model; undefined where a range test finds it. */
function chooseRate(
  rate: number | undefined,
  normed: boolean,
  steps: number,
  given: TrainSettings,
  choose: Choose,
): void {
  const adam = given.optimizer === undefined || given.optimizer.startsWith('adam');
  if (rate !== undefined && adam) {
    choose({ lr: rate }, String(rate), 'suits a frozen encoder; a range test would find a lower one');
    return;
  }
  if (steps >= STEPS_WORTH_A_TEST) {
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

/** The choices as lines for a person, aligned. */
export function choiceLines(choices: readonly Choice[]): string[] {
  if (choices.length === 0) return [];
  const flags = Math.max(...choices.map(({ setting }) => setting.length));
  const values = Math.max(...choices.map(({ value }) => value.length));
  return [
    'Chosen, since no flag says otherwise:',
    ...choices.map(
      ({ setting, value, reason }) => `  ${setting.padEnd(flags)}  ${value.padEnd(values)}  ${reason}`,
    ),
  ];
}
