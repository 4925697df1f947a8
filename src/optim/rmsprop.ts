/**
 * RMSprop (Hinton, "Neural networks for machine learning", lecture 6e, 2012; centred as in Graves,
 * "Generating sequences with recurrent neural networks", 2013), as PyTorch has it: eps is added outside
 * the root.
 */
import type { Tensor } from '../graph/index.js';
import { add, div, maximum, mul, sqrt, sub } from '../graph/index.js';
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
import type { UpdateRule } from './update-rule.js';

export interface RMSpropOptions extends OptimizerOptions {
  /** Decay of the running mean of the squared gradient, in [0, 1]. Keras calls it rho. */
  alpha: number;
  /** Added to the root of the mean square, at least 0. */
  eps: number;
  /** Share of the velocity that is kept, in [0, 1]. */
  momentum: number;
  /** Divides by the deviation around the running mean of the gradient, not around zero. */
  centered: boolean;
}

const RULES: OptimizerRules<RMSpropOptions> = {
  type: 'RMSprop',
  defaults: { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: false },
  check({ lr, alpha, eps, weightDecay, momentum, centered }) {
    requireInRange('RMSprop', 'lr', lr, { min: 0 });
    requireInRange('RMSprop', 'alpha', alpha, { min: 0, max: 1 });
    requireInRange('RMSprop', 'eps', eps, { min: 0 });
    requireInRange('RMSprop', 'weightDecay', weightDecay, { min: 0 });
    requireInRange('RMSprop', 'momentum', momentum, { min: 0, max: 1 });
    requireBoolean('RMSprop', 'centered', centered);
  },
};

/**
 * s ← αs + (1 − α)g², w ← w − lr · g / (√s + eps). With `centered` s − a² stands for s, where
 * a ← αa + (1 − α)g; with momentum b ← momentum · b + g / (√s + eps), w ← w − lr · b. g includes
 * weightDecay · w. Rounding can take s − a² below zero, where PyTorch turns to NaN; here it counts as 0.
 *
 * Defaults: lr 1e-2, alpha 0.99, eps 1e-8, the rest 0 or off.
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  /** @throws UsageError where an option is out of range. */
  constructor(
    parameters: readonly ParameterSlice[] | readonly ParameterGroupInit<RMSpropOptions>[],
    options: Partial<RMSpropOptions> = {},
  ) {
    super(RULES, parameters, options);
  }

  override setMomentum(momentum: number): void {
    for (const group of this.groups) group.momentum = momentum;
  }

  protected override update(
    group: ParameterGroup & RMSpropOptions,
    memory: GroupMemory,
    weights: Float32Array,
    gradients: Float32Array,
  ): void {
    const { lr, alpha, eps, weightDecay, momentum } = group;
    const square = memory.moment('square_avg');
    const mean = group.centered ? memory.moment('grad_avg') : undefined;
    const velocity = momentum > 0 ? memory.moment('momentum_buffer') : undefined;
    let start = 0;
    for (const { offset, length } of group.parameters) {
      const end = offset + length;
      const stop = start + length;
      const w = weights.subarray(offset, end);
      const g = gradients.subarray(offset, end);
      const s = square.subarray(start, stop);
      const a = mean?.subarray(start, stop);
      const b = velocity?.subarray(start, stop);
      if (a === undefined && b === undefined) descendPlainly(w, g, s, lr, alpha, eps, weightDecay);
      else descendGenerally(w, g, s, a, b, lr, alpha, eps, weightDecay, momentum);
      start = stop;
    }
  }

  protected override rule(group: ParameterGroup & RMSpropOptions): UpdateRule {
    const { lr, alpha, eps, weightDecay, momentum, centered } = group;
    const decays = weightDecay !== 0;
    const hasVelocity = momentum > 0;
    return {
      kind: `rmsprop ${decays} ${centered} ${hasVelocity}`,
      numbers: { lr, alpha, gain: 1 - alpha, eps, weightDecay, momentum },
      moments: ['square_avg', ...(centered ? ['grad_avg'] : []), ...(hasVelocity ? ['momentum_buffer'] : [])],
      update(weight, slope, moments, n) {
        const gradient = decays ? add(slope, mul(n.weightDecay!, weight)) : slope;
        const s = add(mul(n.alpha!, moments.square_avg!), mul(mul(n.gain!, gradient), gradient));
        const next: Record<string, Tensor> = { square_avg: s };
        let variance = s;
        if (centered) {
          const a = add(mul(n.alpha!, moments.grad_avg!), mul(n.gain!, gradient));
          next.grad_avg = a;
          variance = maximum(sub(s, mul(a, a)), 0);
        }
        let direction = div(gradient, add(sqrt(variance), n.eps!));
        if (hasVelocity) {
          direction = add(direction, mul(n.momentum!, moments.momentum_buffer!));
          next.momentum_buffer = direction;
        }
        return { weight: sub(weight, mul(n.lr!, direction)), moments: next };
      },
    };
  }
}

function descendPlainly(
  weights: Float32Array,
  gradients: Float32Array,
  square: Float32Array,
  lr: number,
  alpha: number,
  eps: number,
  weightDecay: number,
): void {
  const n = weights.length;
  const gain = 1 - alpha;
  for (let i = 0; i < n; i++) {
    const weight = weights[i]!;
    const gradient = gradients[i]! + weightDecay * weight;
    const s = alpha * square[i]! + gain * gradient * gradient;
    square[i] = s;
    weights[i] = weight - (lr * gradient) / (Math.sqrt(s) + eps);
  }
}

function descendGenerally(
  weights: Float32Array,
  gradients: Float32Array,
  square: Float32Array,
  mean: Float32Array | undefined,
  velocity: Float32Array | undefined,
  lr: number,
  alpha: number,
  eps: number,
  weightDecay: number,
  momentum: number,
): void {
  const n = weights.length;
  const gain = 1 - alpha;
  for (let i = 0; i < n; i++) {
    const weight = weights[i]!;
    const gradient = gradients[i]! + weightDecay * weight;
    const s = alpha * square[i]! + gain * gradient * gradient;
    square[i] = s;
    let variance = s;
    if (mean !== undefined) {
      const a = alpha * mean[i]! + gain * gradient;
      mean[i] = a;
      variance = Math.max(0, s - a * a);
    }
    let direction = gradient / (Math.sqrt(variance) + eps);
    if (velocity !== undefined) {
      direction += momentum * velocity[i]!;
      velocity[i] = direction;
    }
    weights[i] = weight - lr * direction;
  }
}
