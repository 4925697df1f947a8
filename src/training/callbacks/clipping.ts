/** Bounds on gradients before each step. */
import { clipGradNorm, clipGradValue } from '../../optim/index.js';
import type { Callback } from '../callback.js';

/** @param options `norm`: greatest norm of all gradients together; `value`: greatest magnitude of any one. */
export function gradientClipping(options: {
  readonly norm?: number | undefined;
  readonly value?: number | undefined;
}): Callback {
  return {
    name: 'gradientClipping',
    async backwardEnd({ learner }) {
      await learner.fetchGradients();
      const gradients = learner.gradients.floats();
      if (options.value !== undefined) clipGradValue(gradients, options.value);
      if (options.norm !== undefined) clipGradNorm(gradients, options.norm);
    },
  };
}
