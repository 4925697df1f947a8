/**
 * Choosing for the person: from what a data set and a machine are to the settings that were left open, each
 * with its reason. A pure function: the same facts give the same settings, and nothing here is timed. How
 * many steps fit into the minutes is measured later (`time-budget.ts`).
 *
 * The order of the choices: what model; how large the images (the largest at which a narrow model still sees
 * enough samples in the time); how wide the model (the widest that still sees plenty); then batch,
 * augmentation, loss and learning rate.
 */
import { modelEntry } from '../models/index.js';
import { flagName } from '../settings/index.js';
import { settingsApplyingTo } from '../training/run-settings.js';
import type { TrainSettings } from './train-options.js';

/** What a data set is, as `data-facts.ts` finds it from a few of its training samples. */
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
  /** Whether these are photographs in colour, such as pretrained encoders know. */
  readonly photographs: boolean;
}

export interface MachineFacts {
  /** Threads that compute. */
  readonly threads: number;
  /** Bytes of memory. */
  readonly memory: number;
  /** What `encoderWeights` would take for `mobilenet-unet` without a download; undefined where there is nothing. */
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

/** Time for a run that was told no length: good for most small sets, and no long wait. */
const MINUTES = 15;
/** Sides that are tried, the longer one of an image, the largest first. */
const SIDES = [512, 448, 384, 320, 256, 224, 192, 160, 128, 96];
/** All models halve the size up to five times. */
const SIDE_STEP = 32;
/** Widths of the U-Net that are tried. */
const WIDTHS = [64, 48, 32, 24, 16] as const;
const NARROWEST = 16;
/** A part of the time goes to validation, checkpoints and the range test. */
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

  const { model, pretrained } = chooseModel(data, machine, given, choose);
  if (given.epochs === undefined) {
    choose({ minutes: MINUTES }, `${MINUTES} minutes`, 'good for most small sets; --minutes changes it');
  }
  const length = given.epochs === undefined ? (given.minutes ?? MINUTES) : MINUTES;
  const time = length * 60e6 * machine.threads * SHARE_FOR_STEPS;
  /** Samples that fit into the time. */
  const seen = ({ height, width }: Size, first: number) =>
    time / (height * width * microsecondsPerPixel(model, first, pretrained));

  const enough = clamp(30 * data.samples, 1500, 8000);
  const widthGiven = model === 'unet' ? (given.width ?? NARROWEST) : 0;
  const sizes = sizesOf(data);
  const size = sizeGiven(given) ?? sizes.find((each) => seen(each, widthGiven) >= enough) ?? sizes.at(-1)!;
  choose(
    { size },
    `${size.height}×${size.width}`,
    sizeReason(size, data, sizes, given, seen(size, widthGiven)),
  );

  const plenty = clamp(60 * data.samples, 3000, 16_000);
  const width = WIDTHS.find((each) => seen(size, each) >= plenty) ?? NARROWEST;
  if (model === 'unet') {
    const reason =
      width === NARROWEST
        ? 'narrow, so that there is time to see the images often enough'
        : 'as wide as leaves time to see the images often enough';
    if (given.width !== undefined) choose({ batchNorm: true }, 'on', 'learns faster, and at higher rates');
    else {
      const norm = given.batchNorm === undefined ? ' with batch norm' : '';
      choose({ width, batchNorm: true }, `${width} filters${norm}`, reason);
    }
  }
  const first = model === 'unet' ? (given.width ?? width) : 0;
  const samplesSeen = given.epochs === undefined ? seen(size, first) : given.epochs * data.samples;

  const batch = batchFor(data, machine, size, first, samplesSeen);
  choose({ batch: batch.size }, `${batch.size} images`, batch.reason);
  chooseLoss(data, choose);
  const { augment, reason } = augmentationFor(data, samplesSeen);
  choose({ augment }, augment, reason);
  chooseRate(model, pretrained, samplesSeen / (given.batch ?? batch.size), given, choose);
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
): { model: string; pretrained: boolean } {
  // Who names a model and no weights has it without: that is the model's default.
  const atHand = given.model === undefined ? machine.pretrained : undefined;
  const wanted = given.encoderWeights ?? atHand ?? 'none';
  const mobilenet = modelEntry('mobilenet-unet').options;
  const fits = settingsApplyingTo('model').every(
    (key) => given[key] === undefined || Object.hasOwn(mobilenet, key),
  );
  const asked = given.encoderWeights !== undefined && given.encoderWeights !== 'none';
  const model =
    given.model ?? (asked || (photographs && wanted !== 'none' && fits) ? 'mobilenet-unet' : 'unet');
  if (model === 'mobilenet-unet' && given.model === undefined) {
    const reason = asked
      ? 'takes these weights'
      : 'photographs, and an encoder that knows photographs is at hand';
    choose({ model, encoderWeights: wanted }, `mobilenet-unet on ${wanted} weights`, reason);
  } else if (model === 'unet') {
    const fetchable =
      photographs && channels === 3 && machine.pretrained === undefined && given.encoderWeights === undefined;
    const advice = fetchable
      ? 'learns from scratch; for photographs, `pixelwise fetch mobilenet_v2` gets an encoder that would help'
      : 'learns from scratch on images of any kind';
    choose({ model }, 'unet', advice);
  }
  return {
    model,
    pretrained: model === 'mobilenet-unet' && wanted !== 'none' && given.freezeEncoder !== false,
  };
}

/**
 * Core time of a training step, per pixel and thread. Of the U-Net: 4.4 MFLOP a pixel for 64 first filters,
 * falling with the square of the width, at 140 GFLOP/s a core; and what moves memory (batch norms,
 * activations), falling with the width. Others: as `bench` measured them. It need only be right within a
 * factor of two: lengths are measured, and this decides between steps that lie as far apart.
 */
function microsecondsPerPixel(model: string, width: number, frozen: boolean): number {
  switch (model) {
    case 'unet':
      return 31.5 * (width / 64) ** 2 + 0.09 * width;
    case 'mobilenet-unet':
    case 'onnx-unet':
      return frozen ? 1.7 : 3.5;
    default:
      return 10;
  }
}

/** Sizes of the shape of the images, multiples of 32, none larger than the images; the largest first. */
function sizesOf({ height, width }: DataFacts): Size[] {
  const longest = Math.max(height, width);
  const round = (side: number) => Math.max(SIDE_STEP, Math.round(side / SIDE_STEP) * SIDE_STEP);
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
  width: number,
  samplesSeen: number,
): { size: number; reason: string } {
  let batch = samples < 48 ? 4 : samplesSeen >= 16_000 ? 16 : 8;
  let reason =
    batch === 4
      ? 'few images: small batches make more steps of them'
      : batch === 8
        ? 'steady steps, and many of them'
        : 'time for many steps, which may as well be steadier';
  // Bytes for what a step keeps of a pixel, by measurement of the U-Net (64 filters) and of the frozen MobileNet.
  const perPixel = width > 0 ? 120 * width : 850;
  const bytes = () => batch * size.height * size.width * (perPixel + 8 * channels);
  while (batch > 1 && bytes() > memory / 4) {
    batch /= 2;
    reason = 'as many as memory takes with ease';
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

function chooseRate(
  model: string,
  pretrained: boolean,
  steps: number,
  given: TrainSettings,
  choose: Choose,
): void {
  const adam = given.optimizer === undefined || given.optimizer.startsWith('adam');
  if (pretrained && adam) {
    // Beside grid searches the range test read 3 to 15 times too low a rate off this curve.
    choose(
      { lr: 5e-3 },
      '0.005',
      'what a frozen encoder is trained with; a range test finds less than it bears',
    );
    return;
  }
  if (steps >= STEPS_WORTH_A_TEST) {
    choose({ lr: 'auto' }, 'auto', 'a range test of a hundred steps finds it');
    return;
  }
  const normed = model !== 'unet' || given.batchNorm !== false;
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
