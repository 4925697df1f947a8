/**
 * Stochastic gradient descent with momentum (Polyak 1964; Nesterov's variant as in Sutskever et al.,
 * "On the importance of initialization and momentum in deep learning", ICML 2013), as PyTorch has it.
 */
import { UsageError } from '../errors/index.js';
import { add, mul, sub } from '../graph/index.js';
import { Optimizer } from './optimizer.js';
import type {
  GroupMemory,
  OptimizerOptions,
  OptimizerRules,
  ParameterGroup,
  ParameterGroupInit,
  ParameterSlice,
} from './optimizer.js';
import { requireBoolean, requireInRange } from './range.js';
import type { UpdatedParameter, UpdateRule } from './update-rule.js';

export interface SGDOptions extends OptimizerOptions {
  /** Share of the velocity that is kept, in [0, 1]; 0 is plain gradient descent. */
  momentum: number;
  /** Share of the new gradient that the velocity leaves out after its first step, in [0, 1]. */
  dampening: number;
  /** Looks one velocity ahead; needs momentum above 0 and dampening 0. */
  nesterov: boolean;
}

const RULES: OptimizerRules<SGDOptions> = {
  type: 'SGD',
  defaults: { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false },
  check({ lr, momentum, dampening, weightDecay, nesterov }) {
    requireInRange('SGD', 'lr', lr, { min: 0 });
    requireInRange('SGD', 'momentum', momentum, { min: 0, max: 1 });
    requireInRange('SGD', 'dampening', dampening, { min: 0, max: 1 });
    requireInRange('SGD', 'weightDecay', weightDecay, { min: 0 });
    requireBoolean('SGD', 'nesterov', nesterov);
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new UsageError(
        `SGD: nesterov needs momentum in (0, 1] and dampening 0, got momentum ${momentum} and dampening ${dampening}.`,
      );
    }
  },
};

/**
 * v ← momentum · v + (1 − dampening) · g (v ← g in the first step), w ← w − lr · v; with `nesterov`
 * w ← w − lr · (g + momentum · v). g includes weightDecay · w.
 *
 * Defaults: lr 1e-3, everything else 0 or off.
 */
export class SGD extends Optimizer<SGDOptions> {
  /** @throws UsageError where an option is out of range. */
  constructor(
    parameters: readonly ParameterSlice[] | readonly ParameterGroupInit<SGDOptions>[],
    options: Partial<SGDOptions> = {},
  ) {
    super(RULES, parameters, options);
  }

  override setMomentum(momentum: number): void {
    for (const group of this.groups) group.momentum = momentum;
  }

  protected override update(
    group: ParameterGroup & SGDOptions,
    memory: GroupMemory,
    weights: Float32Array,
    gradients: Float32Array,
  ): void {
    const { lr, momentum, weightDecay, nesterov } = group;
    if (momentum === 0) {
      for (const { offset, length } of group.parameters) {
        const end = offset + length;
        descend(weights.subarray(offset, end), gradients.subarray(offset, end), lr, weightDecay);
      }
      return;
    }
    // The first velocity is the gradient itself, undamped: with v = 0, a gain of 1 gives just that.
    const gain = memory.has('momentum_buffer') ? 1 - group.dampening : 1;
    const velocity = memory.moment('momentum_buffer');
    let start = 0;
    for (const { offset, length } of group.parameters) {
      const end = offset + length;
      descendWithMomentum(
        weights.subarray(offset, end),
        gradients.subarray(offset, end),
        velocity.subarray(start, start + length),
        lr,
        weightDecay,
        momentum,
        gain,
        nesterov ? 1 : 0,
        nesterov ? momentum : 1,
      );
      start += length;
    }
  }

  protected override rule(group: ParameterGroup & SGDOptions, memory: GroupMemory): UpdateRule {
    const { lr, momentum, dampening, weightDecay, nesterov } = group;
    const gain = memory.has('momentum_buffer') ? 1 - dampening : 1;
    const hasVelocity = momentum !== 0;
    const decays = weightDecay !== 0;
    return {
      kind: `sgd ${hasVelocity} ${decays} ${nesterov}`,
      numbers: { lr, momentum, weightDecay, gain },
      moments: hasVelocity ? ['momentum_buffer'] : [],
      update(weight, slope, moments, n): UpdatedParameter {
        const gradient = decays ? add(slope, mul(n.weightDecay!, weight)) : slope;
        if (!hasVelocity) return { weight: sub(weight, mul(n.lr!, gradient)), moments: {} };
        const v = add(mul(n.momentum!, moments.momentum_buffer!), mul(n.gain!, gradient));
        const direction = nesterov ? add(gradient, mul(n.momentum!, v)) : v;
        return { weight: sub(weight, mul(n.lr!, direction)), moments: { momentum_buffer: v } };
      },
    };
  }
}

function descend(weights: Float32Array, gradients: Float32Array, lr: number, weightDecay: number): void {
  const n = weights.length;
  for (let i = 0; i < n; i++) {
    const weight = weights[i]!;
    weights[i] = weight - lr * (gradients[i]! + weightDecay * weight);
  }
}

/** The direction is `ofGradient` · g + `ofVelocity` · v, so that one loop serves both kinds of momentum. */
function descendWithMomentum(
  weights: Float32Array,
  gradients: Float32Array,
  velocity: Float32Array,
  lr: number,
  weightDecay: number,
  momentum: number,
  gain: number,
  ofGradient: number,
  ofVelocity: number,
): void {
  const n = weights.length;
  for (let i = 0; i < n; i++) {
    const weight = weights[i]!;
    const gradient = gradients[i]! + weightDecay * weight;
    const v = momentum * velocity[i]! + gain * gradient;
    velocity[i] = v;
    weights[i] = weight - lr * (ofGradient * gradient + ofVelocity * v);
  }
}
