/** Gradient clipping before each step. */
import type { Callback } from '../callback.js';

/** @param options `norm`: maximum L2 norm of all gradients together; `value`: maximum absolute value of each. */
export function gradientClipping(options: {
  readonly norm?: number | undefined;
  readonly value?: number | undefined;
}): Callback {
  return {
    name: 'gradientClipping',
    async backwardEnd({ learner }) {
      if (options.value !== undefined) await learner.clipGradValue(options.value);
      if (options.norm !== undefined) await learner.clipGradNorm(options.norm);
    },
  };
}
