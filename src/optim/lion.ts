/** Lion (Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2). */
import { add, mul, sign, sub } from '../graph/index.js';
import { arrayRule } from '../runtime/index.js';
import { pair, real } from '../settings/index.js';
import type { OptimizerDefinition, OptimizerOptions, OptimizerParameters } from './optimizer.js';
import { LEARNING_RATE, Optimizer, WEIGHT_DECAY } from './optimizer.js';

export interface LionOptions extends OptimizerOptions {
  /** Weight of the momentum in the step, and decay of the momentum, each in [0, 1). */
  betas: readonly [number, number];
}

const DEFINITION: OptimizerDefinition<LionOptions> = {
  type: 'Lion',
  title: 'Lion, which steps by the sign of the momentum',
  settings: {
    lr: { ...LEARNING_RATE, default: 1e-4 },
    betas: {
      kind: pair(real({ min: 0, below: 1 })),
      help: 'weight of the momentum in the step, and decay of the momentum',
      default: [0.9, 0.99],
    },
    weightDecay: { ...WEIGHT_DECAY, default: 0 },
  },
  rule({ lr, betas: [beta1, beta2], weightDecay }) {
    const decays = weightDecay !== 0;
    return arrayRule({
      kind: `lion ${decays}`,
      arrays: ['weight', 'gradient', 'exp_avg'],
      numbers: { lr, beta1, gain1: 1 - beta1, beta2, gain2: 1 - beta2, weightDecay },
      update({ weight, gradient, exp_avg }, n) {
        const direction = sign(add(mul(n.beta1, exp_avg), mul(n.gain1, gradient)));
        const change = decays ? add(direction, mul(n.weightDecay, weight)) : direction;
        return {
          weight: sub(weight, mul(n.lr, change)),
          exp_avg: add(mul(n.beta2, exp_avg), mul(n.gain2, gradient)),
        };
      },
    });
  },
};

/**
 * w ← w − lr · (sign(β₁m + (1 − β₁)g) + weightDecay · w), m ← β₂m + (1 − β₂)g. The paper advises a learning rate
 * 3 to 10 times smaller than Adam's, and weight decay larger by the same factor.
 *
 * Defaults: lr 1e-4, betas (0.9, 0.99), weightDecay 0.
 */
export class Lion extends Optimizer<LionOptions> {
  static readonly definition = DEFINITION;

  /** @throws UsageError if an option is out of range. */
  constructor(parameters: OptimizerParameters<LionOptions>, options: Partial<LionOptions> = {}) {
    super(DEFINITION, parameters, options);
  }
}
