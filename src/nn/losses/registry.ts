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

/** Makes each loss with its defaults. */
export const LOSSES: Readonly<Record<string, () => Loss>> = {
  bce: () => binaryCrossEntropy(),
  'boundary-cross-entropy': () => boundaryCrossEntropy(),
  'cross-entropy': () => crossEntropy(),
  dice: () => dice(),
  focal: () => focal(),
  jaccard: () => jaccard(),
  'lovasz-hinge': () => lovaszHinge(),
  'lovasz-softmax': () => lovaszSoftmax(),
  'top-k': () => topKCrossEntropy(),
  tversky: () => tversky(),
};

/**
 * Reads `NAME[:WEIGHT][+NAME…]`; a weight is a number above 0, 1 when not given.
 *
 * @throws UsageError naming the losses there are, or the range of a weight.
 */
export function parseLosses(text: string): LossTerm[] {
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
    return { name: name!, weight: value, loss: make() };
  });
  const names = terms.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`"${text}" has ${twice} twice: give it one weight`);
  return terms;
}
