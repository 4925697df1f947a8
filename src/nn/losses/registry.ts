/** Losses by name, and sums of them as the command line writes them: `cross-entropy+dice`, `bce:0.7+dice:0.3`. */
import { UsageError } from '../../errors/index.js';
import { binaryCrossEntropy } from './binary-cross-entropy.js';
import { boundaryCrossEntropy } from './boundary-cross-entropy.js';
import { crossEntropy } from './cross-entropy.js';
import { dice } from './dice.js';
import { focal } from './focal.js';
import type { Loss, LossTerm } from './loss.js';
import { lovaszHinge, lovaszSoftmax } from './lovasz.js';
import { topKCrossEntropy } from './top-k-cross-entropy.js';
import { jaccard, tversky } from './tversky.js';

/** What may be said of the losses of a sum, each taken by those that know it. */
export interface LossSettings {
  /**
   * How much a pixel of each class counts: of cross-entropy, boundary-cross-entropy and focal; of bce their
   * quotient, as the weight of class 1 beside class 0.
   */
  readonly classWeights?: readonly number[] | undefined;
  /** γ of the focal loss. */
  readonly focalGamma?: number | undefined;
}

/** Makes each loss; what is not said is its default. */
export const LOSSES: Readonly<Record<string, (settings?: LossSettings) => Loss>> = {
  bce: ({ classWeights } = {}) => binaryCrossEntropy(classWeights && positiveWeightOf(classWeights)),
  'boundary-cross-entropy': ({ classWeights } = {}) => boundaryCrossEntropy(classWeights && { classWeights }),
  'cross-entropy': ({ classWeights } = {}) => crossEntropy(classWeights && { classWeights }),
  dice: () => dice(),
  focal: ({ classWeights, focalGamma } = {}) =>
    focal({ ...(classWeights && { classWeights }), ...(focalGamma !== undefined && { gamma: focalGamma }) }),
  jaccard: () => jaccard(),
  'lovasz-hinge': () => lovaszHinge(),
  'lovasz-softmax': () => lovaszSoftmax(),
  'top-k': () => topKCrossEntropy(),
  tversky: () => tversky(),
};

/** Losses that know each setting. */
const TAKERS: Readonly<Record<keyof LossSettings, readonly string[]>> = {
  classWeights: ['bce', 'boundary-cross-entropy', 'cross-entropy', 'focal'],
  focalGamma: ['focal'],
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
 * Reads `NAME[:WEIGHT][+NAME…]`; a weight is a number above 0, 1 when not given.
 *
 * @throws UsageError naming the losses there are, the range of a weight, or a setting that none of them knows.
 */
export function parseLosses(text: string, settings: LossSettings = {}): LossTerm[] {
  const terms = text.split('+').map((part): LossTerm => {
    const [name, weight = '1', ...rest] = part.trim().split(':');
    const make = Object.hasOwn(LOSSES, name!) ? LOSSES[name!] : undefined;
    if (!make)
      throw new UsageError(`there is no loss "${name}"; choose among ${Object.keys(LOSSES).join(', ')}`);
    const value = Number(weight);
    if (rest.length > 0 || weight.trim() === '' || !(value > 0 && value < Infinity)) {
      throw new UsageError(
        `the weight of a loss is a number above 0, as in bce:0.7+dice:0.3; "${part}" has none`,
      );
    }
    return { name: name!, weight: value, loss: make(settings) };
  });
  const names = terms.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`"${text}" has ${twice} twice: give it one weight`);
  for (const [setting, takers] of Object.entries(TAKERS)) {
    if (settings[setting as keyof LossSettings] === undefined) continue;
    if (takers.some((taker) => names.includes(taker))) continue;
    throw new UsageError(
      `${setting} is of ${takers.join(', ')}, and "${text}" has none of these: leave it out, or add one`,
    );
  }
  return terms;
}
