/** Lets a frozen part of the model learn from some epoch on: first the new layers, then all of it. */
import { UsageError } from '../../errors/index.js';
import type { Module } from '../../nn/index.js';
import type { OptimizerOptions } from '../../optim/index.js';
import type { Callback } from '../callback.js';
import type { Learner } from '../learner.js';

export interface UnfreezingOptions {
  /** The part, frozen (`module.freeze()`) before the learner was made. */
  readonly module: Module;
  /** Epochs done before it learns, at least 1. */
  readonly after: number;
  /** Of its weights' own parameter group, where they differ from the optimizer's: a lower `lr`, say. */
  readonly options?: Partial<OptimizerOptions>;
}

/** Unfreezes `module` at the start of the epoch that follows `after` epochs. A resumed run needs it too. */
export function unfreezing({ module, after, options }: UnfreezingOptions): Callback {
  if (!Number.isInteger(after) || after < 1)
    throw new UsageError(`unfreezing: after must be a whole number from 1, not ${after}`);
  let done = false;
  const unfreeze = async (learner: Learner) => {
    done = true;
    module.unfreeze();
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
