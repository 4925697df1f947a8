/**
 * What would probably improve a model, each piece of advice with its evidence: the curves, the scores by class and by
 * image, and the data. A rule without clear evidence says nothing. The limits are judgements.
 */
import { maskValueName } from '../labels/label-set.js';
import { counted, figure, intervalText, percent } from './numbers.js';
import type { ImageItem } from './pictures.js';
import type { Run } from './read-run.js';
import { risingAtEnd } from './warnings.js';

export interface Advice {
  /** The name of the rule. */
  readonly code: string;
  /** What to do, in a few words. */
  readonly action: string;
  /** Why. */
  readonly evidence: string;
  /** Ids of images that show it. */
  readonly images?: readonly string[];
}

type Rule = (run: Run) => Omit<Advice, 'code'> | undefined;

/** The lead of the training score over the validation score, in mean IoU, from which more images would help. */
export const GAP = 0.04;
/** Epochs from which curves tell something. */
const EPOCHS = 5;
/** A class is weak if its IoU is lower than the mean of the others by this. */
export const WEAK = 0.08;
/** A class in fewer training images than this is short of examples. */
export const FEW_IMAGES = 40;
/** A kind of images must differ by this much in the mean score, and by as many standard errors. */
export const DIFFERENCE = 0.03;
export const STANDARD_ERRORS = 3.5;
/** Fewer images are not divided into kinds. */
const IMAGES_FOR_KINDS = 24;
/** Half the width of an interval that makes a score uncertain. */
export const UNCERTAIN = 0.03;
/** Images named at once. */
const NAMED = 6;

const RULES: Readonly<Record<string, Rule>> = {
  labels: ({ images, config }) => {
    const doubted = (images?.items ?? [])
      .flatMap((item) => (item.labelDoubt ? [{ ...item, doubt: item.labelDoubt }] : []))
      .sort((a, b) => b.doubt.share * b.doubt.probability - a.doubt.share * a.doubt.probability);
    const [first] = doubted;
    if (!images || !first) return undefined;
    const name = (value: number) => maskValueName(config, value);
    const { truth, predicted, share, probability } = first.doubt;
    return {
      action: 'Check the labels of these images.',
      evidence: `In ${counted(doubted.length, 'image')} the model is sure of another class than the truth, over a whole region. It may be wrong, but so may the label. The largest: in ${first.id} the truth says ${name(truth)} and the model ${name(predicted)} (${percent(probability)} sure) over ${percent(share)} of the image.`,
      images: doubted.slice(0, NAMED).map(({ id }) => id),
    };
  },

  budget: (run) => {
    const { history, bestEpoch, config } = run;
    const last = history.at(-1);
    const best = history.find(({ epoch }) => epoch === bestEpoch) ?? last;
    const [train, valid] = [last?.train.meanIoU, best?.valid?.meanIoU];
    if (history.length < EPOCHS || !train || !valid) return undefined;
    const rising = risingAtEnd(run);
    if (rising) {
      return {
        action: 'Train longer.',
        evidence: `The validation score still rose at the end, from ${figure(rising.before)} to ${figure(rising.now)} over the last fifth of the ${counted(history.length, 'epoch')}. More minutes are cheaper than more labels.`,
      };
    }
    const numbers = `mean IoU is ${figure(train)} on the training images and ${figure(valid)} on the validation images`;
    if (train - valid >= GAP) {
      return {
        action: 'Label more images; more minutes will not help.',
        evidence: `At the model's size, ${numbers}, and the validation curve is flat: the model knows its ${counted(config.data.train, 'image')} better than new ones. Stronger augmentation helps a little, too.`,
      };
    }
    return {
      action: 'Neither more minutes nor more images alone will help much.',
      evidence: `The validation curve is flat, and at the model's size, ${numbers}. What is left: a larger input size (--size) or model, and the labels themselves.`,
    };
  },

  class: ({ judged, config, data, images }) => {
    // Not of the test part, on which nothing should be decided.
    const part = judged.find(({ part: name }) => name === 'valid');
    const classes = part?.scores.classes
      .map((scores, index) => ({ ...scores, index, background: index === images?.background }))
      .filter((each) => each.iou !== null && each.pixels > 0);
    if (!part || !classes || classes.length < 2) return undefined;
    const weakest = classes
      .filter(({ background }) => !background)
      .reduce<(typeof classes)[number] | undefined>(
        (least, each) => (least === undefined || each.iou! < least.iou! ? each : least),
        undefined,
      );
    if (!weakest) return undefined;
    const others = classes.filter(({ index }) => index !== weakest.index);
    const mean = others.reduce((sum, { iou }) => sum + iou!, 0) / others.length;
    if (mean - weakest.iou! < WEAK) return undefined;
    const { name, index, iou } = weakest;
    const interval = part.scores.intervals?.classes[index];
    const score = `its IoU is ${figure(iou)}${interval ? ` (${intervalText(interval)})` : ''}, that of the others ${figure(mean)} on average`;
    const examined = data?.sizes.reduce((sum, { count }) => sum + count, 0) ?? 0;
    const found = data?.classes[index]?.images ?? 0;
    const having = examined > 0 ? Math.round((found / examined) * config.data.train) : undefined;
    if (having !== undefined && having < FEW_IMAGES) {
      return {
        action: `Label more images with “${name}”.`,
        evidence: `Only about ${having} of the ${counted(config.data.train, 'training image')} have it, and ${score}.`,
      };
    }
    const row = part.scores.confusion?.[index];
    const pixels = row?.reduce((sum, cell) => sum + cell, 0) ?? 0;
    const wrong = row?.map((cell, other) => (other === index ? -1 : cell)) ?? [];
    const taken = wrong.indexOf(Math.max(...wrong));
    const confused =
      pixels > 0 && taken >= 0 && !config.multiLabel
        ? ` ${percent(wrong[taken]! / pixels)} of its pixels are taken for ${maskValueName(config, taken)}.`
        : '';
    return {
      action: `Look at the errors of “${name}”.`,
      evidence: `It is the weakest class: ${score}, although it is not rare.${confused} See whether its labels are consistent and its edges are visible at the model's size.`,
    };
  },

  kind: ({ images }) => {
    const kind = images && weakestKind(images.items);
    if (!kind) return undefined;
    return {
      action: `Add images like the ${kind.name}.`,
      evidence: `The ${kind.name} have a mean score of ${figure(kind.own)}, the others ${figure(kind.others)}: more than chance would do (${kind.errors.toFixed(1)} standard errors).${kind.hint}`,
      images: kind.examples,
    };
  },

  uncertain: ({ judged: [first] }) => {
    const intervals = first?.scores.intervals;
    const interval = intervals?.scores['meanIoU'];
    if (!first || !intervals || !interval || (interval[1] - interval[0]) / 2 < UNCERTAIN) return undefined;
    return {
      action: `Score on more ${intervals.of} before comparing models.`,
      evidence: `With ${intervals.count} ${intervals.of}, the mean IoU is only known to be in ${intervalText(interval)}: smaller differences between models may be chance.`,
    };
  },
};

/** All advice for which there is evidence, the most useful first. */
export function adviceFor(run: Run): Advice[] {
  return Object.entries(RULES).flatMap(([code, rule]) => {
    const advice = rule(run);
    return advice ? [{ code, ...advice }] : [];
  });
}

interface Kind {
  readonly name: string;
  readonly hint: string;
  readonly own: number;
  readonly others: number;
  /** The difference of the means in standard errors (Welch 1947). */
  readonly errors: number;
  /** Ids of its worst images. */
  readonly examples: readonly string[];
}

/** Quarters of the images by something that can be measured. */
const QUARTERS: readonly {
  of: (item: ImageItem) => number | undefined;
  least: string;
  most: string;
  hint?: string;
}[] = [
  {
    of: ({ brightness }) => brightness,
    least: 'darkest quarter of the images',
    most: 'brightest quarter of the images',
  },
  {
    of: ({ contrast }) => contrast,
    least: 'quarter of the images with the least contrast',
    most: 'quarter of the images with the most contrast',
  },
  {
    of: ({ foreground, areas }) => foreground / (areas.true.reduce((sum, pixels) => sum + pixels, 0) || 1),
    least: 'quarter of the images with the smallest labelled area',
    most: 'quarter of the images with the largest labelled area',
    hint: ' On small objects each wrong pixel counts more; a larger --size or --patch may help as well.',
  },
];

/** The kind of images that scores the lowest, if clearly: a quarter by brightness…, or a group. */
export function weakestKind(items: readonly ImageItem[]): Kind | undefined {
  const scored = items.filter((item): item is ImageItem & { score: number } => item.score !== null);
  if (scored.length < IMAGES_FOR_KINDS) return undefined;
  const kinds: Kind[] = [];
  const compare = (name: string, own: typeof scored, others: typeof scored, hint = ''): void => {
    const [a, b] = [momentsOf(own), momentsOf(others)];
    if (own.length < 3 || others.length < 3) return;
    const error = Math.sqrt(a.variance / own.length + b.variance / others.length);
    const errors = error > 0 ? (b.mean - a.mean) / error : 0;
    if (errors < STANDARD_ERRORS || b.mean - a.mean < DIFFERENCE) return;
    const examples = [...own]
      .sort((x, y) => x.score - y.score)
      .slice(0, NAMED)
      .map(({ id }) => id);
    kinds.push({ name, hint, own: a.mean, others: b.mean, errors, examples });
  };
  for (const { of, least, most, hint } of QUARTERS) {
    const measured = scored.filter((item) => of(item) !== undefined).sort((x, y) => of(x)! - of(y)!);
    if (measured.length < IMAGES_FOR_KINDS) continue;
    const quarter = Math.floor(measured.length / 4);
    compare(least, measured.slice(0, quarter), measured.slice(quarter), hint);
    compare(most, measured.slice(-quarter), measured.slice(0, -quarter));
  }
  const groups = new Set(scored.flatMap(({ group }) => (group === undefined ? [] : [group])));
  for (const group of groups) {
    const [own, others] = [true, false].map((inside) =>
      scored.filter((item) => (item.group === group) === inside),
    ) as [typeof scored, typeof scored];
    compare(`images of group ${group}`, own, others);
  }
  return kinds.sort((x, y) => y.errors - x.errors)[0];
}

/** Mean and variance (n − 1) of the scores. */
function momentsOf(items: readonly { readonly score: number }[]): { mean: number; variance: number } {
  const n = items.length;
  const mean = items.reduce((sum, { score }) => sum + score, 0) / n;
  const squares = items.reduce((sum, { score }) => sum + (score - mean) ** 2, 0);
  return { mean, variance: n > 1 ? squares / (n - 1) : 0 };
}
