/**
 * RMSprop (Hinton, "Neural networks for machine learning", lecture 6e, 2012; centred as in Graves,
 * "Generating sequences with recurrent neural networks", 2013), as PyTorch implements it: eps is added outside
 * the square root.
 */
import { add, div, maximum, mul, sqrt, sub } from '../graph/index.js';
import { arrayRule } from '../runtime/index.js';
import { flag, real } from '../settings/index.js';
import type { OptimizerDefinition, OptimizerOptions, OptimizerParameters } from './optimizer.js';
import { LEARNING_RATE, MOMENTUM, Optimizer, WEIGHT_DECAY } from './optimizer.js';

export interface RMSpropOptions extends OptimizerOptions {
  /** Decay of the running mean of the squared gradient, in [0, 1]. Keras calls it rho. */
  alpha: number;
  /** Added to the square root of the mean square, at least 0. */
  eps: number;
  /** Fraction of the velocity that is kept, in [0, 1]. */
  momentum: number;
  /** Divides by the standard deviation of the gradient instead of its root mean square. */
  centered: boolean;
}

const DEFINITION: OptimizerDefinition<RMSpropOptions> = {
  type: 'RMSprop',
  title: 'RMSprop',
  settings: {
    lr: { ...LEARNING_RATE, default: 1e-2 },
    alpha: {
      kind: real({ min: 0, max: 1 }),
      help: 'decay of the running mean of the squared gradient',
      default: 0.99,
    },
    eps: { kind: real({ min: 0 }), help: 'added to the square root of the mean square', default: 1e-8 },
    weightDecay: { ...WEIGHT_DECAY, default: 0 },
    momentum: { ...MOMENTUM, default: 0 },
    centered: {
      kind: flag(),
      help: 'divide by the standard deviation of the gradient instead of its root mean square',
      default: false,
    },
  },
  rule({ lr, alpha, eps, weightDecay, momentum, centered }) {
    const decays = weightDecay !== 0;
    const hasVelocity = momentum > 0;
    return arrayRule({
      kind: `rmsprop ${decays} ${centered} ${hasVelocity}`,
      arrays: [
        'weight',
        'gradient',
        'square_avg',
        ...(centered ? (['grad_avg'] as const) : []),
        ...(hasVelocity ? (['momentum_buffer'] as const) : []),
      ],
      numbers: { lr, alpha, gain: 1 - alpha, eps, weightDecay, momentum },
      update({ weight, gradient, square_avg, grad_avg, momentum_buffer }, n) {
        const g = decays ? add(gradient, mul(n.weightDecay, weight)) : gradient;
        const square = add(mul(n.alpha, square_avg), mul(mul(n.gain, g), g));
        const mean = centered ? add(mul(n.alpha, grad_avg), mul(n.gain, g)) : undefined;
        const variance = mean ? maximum(sub(square, mul(mean, mean)), 0) : square;
        const scaled = div(g, add(sqrt(variance), n.eps));
        const direction = hasVelocity ? add(scaled, mul(n.momentum, momentum_buffer)) : scaled;
        return {
          weight: sub(weight, mul(n.lr, direction)),
          square_avg: square,
          ...(mean && { grad_avg: mean }),
          ...(hasVelocity && { momentum_buffer: direction }),
        };
      },
    });
  },
};

/**
 * s ← αs + (1 − α)g², w ← w − lr · g / (√s + eps). With `centered`, s − a² replaces s, where
 * a ← αa + (1 − α)g. With momentum, b ← momentum · b + g / (√s + eps) and w ← w − lr · b. g includes
 * weightDecay · w. If rounding makes s − a² negative, it counts as 0 (PyTorch gives NaN).
 *
 * Defaults: lr 1e-2, alpha 0.99, eps 1e-8, the rest 0 or off.
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  static readonly definition = DEFINITION;

  /** @throws UsageError if an option is out of range. */
  constructor(parameters: OptimizerParameters<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    super(DEFINITION, parameters, options);
  }
}
