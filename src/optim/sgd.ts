/**
 * Stochastic gradient descent with momentum (Polyak 1964; Nesterov's variant as in Sutskever et al.,
 * "On the importance of initialization and momentum in deep learning", ICML 2013), as PyTorch implements it.
 */
import { UsageError } from '../errors/index.js';
import { add, mul, sub } from '../graph/index.js';
import { arrayRule } from '../runtime/index.js';
import { flag, real } from '../settings/index.js';
import type { OptimizerDefinition, OptimizerOptions, OptimizerParameters } from './optimizer.js';
import { LEARNING_RATE, MOMENTUM, Optimizer, WEIGHT_DECAY } from './optimizer.js';

export interface SGDOptions extends OptimizerOptions {
  /** Fraction of the velocity that is kept, in [0, 1]; 0 is plain gradient descent. */
  momentum: number;
  /** Fraction of the gradient that is not added to the velocity, in [0, 1]. It has no effect in the first step. */
  dampening: number;
  /** Nesterov momentum; needs momentum above 0 and dampening 0. */
  nesterov: boolean;
}

const DEFINITION: OptimizerDefinition<SGDOptions> = {
  type: 'SGD',
  title: 'stochastic gradient descent',
  settings: {
    lr: { ...LEARNING_RATE, default: 1e-3 },
    momentum: { ...MOMENTUM, default: 0 },
    dampening: {
      kind: real({ min: 0, max: 1 }),
      help: 'fraction of the gradient that is not added to the velocity',
      default: 0,
    },
    nesterov: { kind: flag(), help: 'Nesterov momentum', default: false },
    weightDecay: { ...WEIGHT_DECAY, default: 0 },
  },
  trainDefaults: { momentum: 0.9 },
  check({ momentum, dampening, nesterov }) {
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new UsageError(
        `SGD: nesterov needs momentum above 0 and dampening 0; got momentum ${momentum} and dampening ${dampening}.`,
      );
    }
  },
  rule({ lr, momentum, dampening, weightDecay, nesterov }, { has }) {
    const hasVelocity = momentum !== 0;
    const decays = weightDecay !== 0;
    // The first velocity is the gradient itself, without dampening.
    const gain = has('momentum_buffer') ? 1 - dampening : 1;
    return arrayRule({
      kind: `sgd ${hasVelocity} ${decays} ${nesterov}`,
      arrays: ['weight', 'gradient', ...(hasVelocity ? (['momentum_buffer'] as const) : [])],
      numbers: { lr, momentum, weightDecay, gain },
      update({ weight, gradient, momentum_buffer }, n) {
        const g = decays ? add(gradient, mul(n.weightDecay, weight)) : gradient;
        if (!hasVelocity) return { weight: sub(weight, mul(n.lr, g)) };
        const velocity = add(mul(n.momentum, momentum_buffer), mul(n.gain, g));
        const direction = nesterov ? add(g, mul(n.momentum, velocity)) : velocity;
        return { weight: sub(weight, mul(n.lr, direction)), momentum_buffer: velocity };
      },
    });
  },
};

/**
 * v ← momentum · v + (1 − dampening) · g (v ← g in the first step), w ← w − lr · v; with `nesterov`
 * w ← w − lr · (g + momentum · v). g includes weightDecay · w.
 *
 * Defaults: lr 1e-3, everything else 0 or off.
 */
export class SGD extends Optimizer<SGDOptions> {
  static readonly definition = DEFINITION;

  /** @throws UsageError if an option is out of range. */
  constructor(parameters: OptimizerParameters<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super(DEFINITION, parameters, options);
  }
}
