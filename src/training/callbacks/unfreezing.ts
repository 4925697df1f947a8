/** Unfreezes a part of the model after some epochs, so that first the new layers are trained and then all. */
import { UsageError } from '../../errors/index.js';
import type { Module } from '../../nn/index.js';
import type { OptimizerOptions } from '../../optim/index.js';
import type { Callback } from '../callback.js';
import type { Learner } from '../learner.js';

export interface UnfreezingOptions {
  /** A module that was frozen (`module.freeze()`) before the learner was created. */
  readonly module: Module;
  /** Number of epochs before it is unfrozen, at least 1. */
  readonly after: number;
  /** Optimizer options of its parameter group, where they differ from the others, such as a lower `lr`. */
  readonly options?: Partial<OptimizerOptions>;
}

/**
 * Unfreezes the weights of `module` after `after` epochs. Its batch norms stay in the mode that they had: those of a
 * module frozen by `freeze()` go on to use their stored statistics, which suits small batches. A resumed run needs this
 * callback too.
 */
export function unfreezing({ module, after, options }: UnfreezingOptions): Callback {
  if (!Number.isInteger(after) || after < 1)
    throw new UsageError(`unfreezing: after must be a whole number from 1, not ${after}`);
  let done = false;
  const unfreeze = async (learner: Learner) => {
    done = true;
    module.unfreezeWeights();
    await learner.unfreeze(options);
  };
  return {
    name: 'unfreezing',
    async epochStart({ epoch, learner }) {
      if (!done && epoch >= after) await unfreeze(learner);
    },
    state: () => ({ done }),
    async beforeLoad(learner, state) {
      if ((state as { done: boolean }).done) await unfreeze(learner);
    },
  };
}
