/**
 * LAMB (You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020,
 * algorithm 2, with the identity as φ).
 */
import { add, div, greater, logicalAnd, mul, sqrt, sub, sum, where } from '../graph/index.js';
import type { Tensor } from '../graph/index.js';
import { arrayRule } from '../runtime/index.js';
import { pair, real } from '../settings/index.js';
import type { OptimizerDefinition, OptimizerOptions, OptimizerParameters } from './optimizer.js';
import { LEARNING_RATE, Optimizer, WEIGHT_DECAY } from './optimizer.js';

export interface LAMBOptions extends OptimizerOptions {
  /** Decay of the running means of the gradient and of its square, each in [0, 1). */
  betas: readonly [number, number];
  /** Added to the square root of the mean square, at least 0. */
  eps: number;
}

const norm = (x: Tensor): Tensor => sqrt(sum(mul(x, x)));

const DEFINITION: OptimizerDefinition<LAMBOptions> = {
  type: 'LAMB',
  title: 'LAMB, whose step is in proportion to the norm of each weight tensor',
  settings: {
    lr: { ...LEARNING_RATE, default: 1e-3 },
    betas: {
      kind: pair(real({ min: 0, below: 1 })),
      help: 'decay of the running means of the gradient and of its square',
      default: [0.9, 0.999],
    },
    eps: { kind: real({ min: 0 }), help: 'added to the square root of the mean square', default: 1e-6 },
    weightDecay: { ...WEIGHT_DECAY, default: 0.01 },
  },
  rule({ lr, betas: [beta1, beta2], eps, weightDecay }, { step }) {
    const decays = weightDecay !== 0;
    return arrayRule({
      kind: `lamb ${decays}`,
      arrays: ['weight', 'gradient', 'exp_avg', 'exp_avg_sq'],
      numbers: {
        lr,
        beta1,
        gain1: 1 - beta1,
        beta2,
        gain2: 1 - beta2,
        eps,
        weightDecay,
        meanScale: 1 / (1 - beta1 ** step),
        rootScale: 1 / Math.sqrt(1 - beta2 ** step),
      },
      update({ weight, gradient, exp_avg, exp_avg_sq }, n) {
        const mean = add(mul(n.beta1, exp_avg), mul(n.gain1, gradient));
        const square = add(mul(n.beta2, exp_avg_sq), mul(mul(n.gain2, gradient), gradient));
        const ratio = div(mul(n.meanScale, mean), add(mul(sqrt(square), n.rootScale), n.eps));
        const change = decays ? add(ratio, mul(n.weightDecay, weight)) : ratio;
        const [weightNorm, changeNorm] = [norm(weight), norm(change)];
        const usable = logicalAnd(greater(weightNorm, 0), greater(changeNorm, 0));
        const trust = where(usable, div(weightNorm, changeNorm), 1);
        return {
          weight: sub(weight, mul(mul(n.lr, trust), change)),
          exp_avg: mean,
          exp_avg_sq: square,
        };
      },
    });
  },
};

/**
 * With m, v as in Adam and r = m̂ / (√v̂ + eps) + weightDecay · w: w ← w − lr · ‖w‖ / ‖r‖ · r, where norms are
 * over a whole parameter and the quotient is 1 if one of them is 0. For large batches.
 *
 * Defaults: lr 1e-3, betas (0.9, 0.999), eps 1e-6, weightDecay 0.01.
 */
export class LAMB extends Optimizer<LAMBOptions> {
  static readonly definition = DEFINITION;

  /** @throws UsageError if an option is out of range. */
  constructor(parameters: OptimizerParameters<LAMBOptions>, options: Partial<LAMBOptions> = {}) {
    super(DEFINITION, parameters, options);
  }
}
