/**
 * Adam (Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1) and AdamW
 * (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2), as PyTorch
 * implements them. They differ only in how weight decay is applied.
 */
import { add, div, mul, sqrt, sub } from '../graph/index.js';
import type { ArrayRule } from '../runtime/index.js';
import { arrayRule } from '../runtime/index.js';
import { pair, real } from '../settings/index.js';
import type { OptimizerDefinition, OptimizerOptions, OptimizerParameters } from './optimizer.js';
import { LEARNING_RATE, Optimizer, WEIGHT_DECAY } from './optimizer.js';

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the running means of the gradient and of its square, each in [0, 1). */
  betas: readonly [number, number];
  /** Added to the square root of the mean square, at least 0. */
  eps: number;
}

function definition(type: string, title: string, decoupled: boolean): OptimizerDefinition<AdamOptions> {
  return {
    type,
    title,
    settings: {
      lr: { ...LEARNING_RATE, default: 1e-3 },
      betas: {
        kind: pair(real({ min: 0, below: 1 })),
        help: 'decay of the running means of the gradient and of its square',
        default: [0.9, 0.999],
      },
      eps: {
        kind: real({ min: 0 }),
        help: 'added to the square root of the mean square',
        default: 1e-8,
      },
      weightDecay: { ...WEIGHT_DECAY, default: decoupled ? 0.01 : 0 },
    },
    rule: (options, { step }) => adamRule(options, step, decoupled),
  };
}

function adamRule(options: AdamOptions, step: number, decoupled: boolean): ArrayRule {
  const { lr, eps, weightDecay } = options;
  const [beta1, beta2] = options.betas;
  const addsDecay = !decoupled && weightDecay !== 0;
  const shrinks = decoupled && weightDecay !== 0;
  return arrayRule({
    kind: `adam ${addsDecay} ${shrinks}`,
    arrays: ['weight', 'gradient', 'exp_avg', 'exp_avg_sq'],
    numbers: {
      beta1,
      gain1: 1 - beta1,
      beta2,
      gain2: 1 - beta2,
      eps,
      stepSize: lr / (1 - beta1 ** step),
      rootScale: 1 / Math.sqrt(1 - beta2 ** step),
      weightDecay,
      shrink: 1 - lr * weightDecay,
    },
    update({ weight, gradient, exp_avg, exp_avg_sq }, n) {
      const g = addsDecay ? add(gradient, mul(n.weightDecay, weight)) : gradient;
      const mean = add(mul(n.beta1, exp_avg), mul(n.gain1, g));
      const square = add(mul(n.beta2, exp_avg_sq), mul(mul(n.gain2, g), g));
      const change = div(mul(n.stepSize, mean), add(mul(sqrt(square), n.rootScale), n.eps));
      const decayed = shrinks ? mul(n.shrink, weight) : weight;
      return { weight: sub(decayed, change), exp_avg: mean, exp_avg_sq: square };
    },
  });
}

/**
 * m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − lr · m̂ / (√v̂ + eps) with m̂ = m / (1 − β₁ᵗ) and
 * v̂ = v / (1 − β₂ᵗ). g includes weightDecay · w.
 *
 * Defaults: lr 1e-3, betas (0.9, 0.999), eps 1e-8, weightDecay 0.
 */
export class Adam extends Optimizer<AdamOptions> {
  static readonly definition = definition('Adam', 'Adam', false);

  /** @throws UsageError if an option is out of range. */
  constructor(parameters: OptimizerParameters<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(Adam.definition, parameters, options);
  }
}

/**
 * Adam that first multiplies the weights by 1 − lr · weightDecay, instead of adding weight decay to the gradient.
 *
 * Defaults: lr 1e-3, betas (0.9, 0.999), eps 1e-8, weightDecay 0.01.
 */
export class AdamW extends Optimizer<AdamOptions> {
  static readonly definition = definition('AdamW', 'AdamW, with decoupled weight decay', true);

  /** @throws UsageError if an option is out of range. */
  constructor(parameters: OptimizerParameters<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(AdamW.definition, parameters, options);
  }
}
