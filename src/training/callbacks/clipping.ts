/** Bounds on gradients before each step. */
import type { Callback } from '../callback.js';

/** @param options `norm`: greatest norm of all gradients together; `value`: greatest magnitude of any one. */
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
