/** The losses by name, and weighted sums of them as text: `cross-entropy+dice`, `bce:0.7+dice:0.3`. */
import { UsageError } from '../../errors/index.js';
import { binaryCrossEntropy } from './binary-cross-entropy.js';
import { didYouMean, type Settings } from '../../settings/index.js';
import { boundaryCrossEntropy } from './boundary-cross-entropy.js';
import { contactCrossEntropy } from './contact-cross-entropy.js';
import { crossEntropy } from './cross-entropy.js';
import { dice } from './dice.js';
import { FOCAL_SETTINGS, focal } from './focal.js';
import { LABEL_SMOOTHING } from './label-smoothing.js';
import type { Loss, LossTerm } from './loss.js';
import { LOVASZ_SETTINGS, lovaszHinge, lovaszSoftmax } from './lovasz.js';
import { topKCrossEntropy } from './top-k-cross-entropy.js';
import { CLASS_WEIGHTS } from './truth-log-probability.js';
import { jaccard, tversky } from './tversky.js';

/** Settings of the losses in a sum. Each loss takes those that its entry names. */
export interface LossSettings {
  readonly classWeights?: readonly number[] | undefined;
  readonly focalGamma?: number | undefined;
  readonly labelSmoothing?: number | undefined;
  readonly lovaszStride?: number | undefined;
}

export const LOSS_SETTINGS: Settings<LossSettings> = {
  classWeights: CLASS_WEIGHTS,
  focalGamma: FOCAL_SETTINGS.gamma,
  labelSmoothing: LABEL_SMOOTHING,
  lovaszStride: LOVASZ_SETTINGS.stride,
};

/** A loss that has a name. */
export interface LossEntry {
  /** What it measures, as help shows it: one line, no full stop. */
  readonly help: string;
  /** Whether it is only for levels of objects (`--task objects`). */
  readonly forObjects?: true;
  /** The settings that it takes; default none. */
  readonly takes?: readonly (keyof LossSettings)[];
  /** Makes the loss. A setting that is not given has its default. */
  make(settings: LossSettings): Loss;
}

/** The losses by name. */
export const LOSSES: Readonly<Record<string, LossEntry>> = {
  bce: {
    help: 'binary cross-entropy, for two classes',
    takes: ['classWeights', 'labelSmoothing'],
    make: ({ classWeights, labelSmoothing }) =>
      binaryCrossEntropy({ ...(classWeights && positiveWeightOf(classWeights)), labelSmoothing }),
  },
  'boundary-cross-entropy': {
    help: 'cross-entropy with more weight between close objects',
    takes: ['classWeights'],
    make: ({ classWeights }) => boundaryCrossEntropy({ classWeights }),
  },
  'contact-cross-entropy': {
    help: 'cross-entropy with more weight where objects touch, for --task objects',
    forObjects: true,
    make: () => contactCrossEntropy(),
  },
  'cross-entropy': {
    help: 'cross-entropy, for several classes',
    takes: ['classWeights', 'labelSmoothing'],
    make: ({ classWeights, labelSmoothing }) => crossEntropy({ classWeights, labelSmoothing }),
  },
  dice: { help: 'soft Dice', make: () => dice() },
  focal: {
    help: 'cross-entropy with less weight on easy pixels',
    takes: ['classWeights', 'focalGamma'],
    make: ({ classWeights, focalGamma }) => focal({ classWeights, gamma: focalGamma }),
  },
  jaccard: { help: 'soft Jaccard (IoU)', make: () => jaccard() },
  'lovasz-hinge': {
    help: 'Lovász hinge, an IoU loss for two classes',
    takes: ['lovaszStride'],
    make: ({ lovaszStride: stride }) => lovaszHinge({ stride }),
  },
  'lovasz-softmax': {
    help: 'Lovász-softmax, an IoU loss',
    takes: ['lovaszStride'],
    make: ({ lovaszStride: stride }) => lovaszSoftmax({ stride }),
  },
  'top-k': { help: 'cross-entropy of the hardest tenth of the pixels', make: () => topKCrossEntropy() },
  tversky: { help: 'Tversky, Dice with a higher cost for missed pixels', make: () => tversky() },
};

function positiveWeightOf(classWeights: readonly number[]): { positiveWeight: number } {
  const [background, foreground, ...more] = classWeights;
  if (!(background! > 0 && foreground! > 0) || more.length > 0) {
    throw new UsageError(
      `bce takes the weights of two classes, both above 0, not ${classWeights.join(', ')}: use focal or cross-entropy`,
    );
  }
  return { positiveWeight: foreground! / background! };
}

/**
 * Reads `NAME[:WEIGHT][+NAME…]`. A weight is a number above 0, by default 1.
 *
 * @throws UsageError for an unknown loss, a weight out of range, or a setting that none of the losses takes.
 */
export function parseLosses(text: string, settings: LossSettings = {}): LossTerm[] {
  const terms = text.split('+').map((part): LossTerm => {
    const [name, weight = '1', ...rest] = part.trim().split(':');
    const entry = Object.hasOwn(LOSSES, name!) ? LOSSES[name!] : undefined;
    if (!entry) {
      const names = Object.keys(LOSSES);
      throw new UsageError(
        `there is no loss "${name}"; choose among ${names.join(', ')}.${didYouMean(name!, names)}`,
      );
    }
    const value = Number(weight);
    if (rest.length > 0 || weight.trim() === '' || !(value > 0 && value < Infinity)) {
      throw new UsageError(
        `the weight of a loss is a number above 0, as in bce:0.7+dice:0.3; "${part}" has none`,
      );
    }
    return { name: name!, weight: value, loss: entry.make(settings) };
  });
  const names = terms.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`"${text}" has ${twice} twice: give it one weight`);
  for (const [setting, value] of Object.entries(settings)) {
    const takes = (name: string) => LOSSES[name]!.takes?.some((taken) => taken === setting) ?? false;
    if (value === undefined || names.some(takes)) continue;
    const takers = Object.keys(LOSSES).filter(takes).join(', ');
    throw new UsageError(
      `${setting} is for ${takers}; "${text}" has none of these: leave it out, or add one`,
    );
  }
  return terms;
}
