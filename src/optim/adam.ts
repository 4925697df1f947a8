/**
 * Adam (Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1) and AdamW
 * (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2), as PyTorch
 * has them. The two differ only in where weight decay goes, so one loop serves both.
 */
import { UsageError } from '../errors/index.js';
import { add, div, mul, sqrt, sub } from '../graph/index.js';
import { Optimizer } from './optimizer.js';
import type {
  GroupMemory,
  OptimizerOptions,
  OptimizerRules,
  ParameterGroup,
  ParameterGroupInit,
  ParameterSlice,
} from './optimizer.js';
import { requireInRange } from './range.js';
import type { UpdateRule } from './update-rule.js';

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the running means of the gradient and of its square, each in [0, 1). */
  betas: readonly [number, number];
  /** Added to the root of the mean square, at least 0. */
  eps: number;
}

function adamRules(type: 'Adam' | 'AdamW', weightDecay: number): OptimizerRules<AdamOptions> {
  return {
    type,
    defaults: { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay },
    check(options) {
      requireInRange(type, 'lr', options.lr, { min: 0 });
      if (!Array.isArray(options.betas) || options.betas.length !== 2) {
        throw new UsageError(`${type}: betas must be two numbers in [0, 1), got ${String(options.betas)}.`);
      }
      requireInRange(type, 'betas[0]', options.betas[0], { min: 0, below: 1 });
      requireInRange(type, 'betas[1]', options.betas[1], { min: 0, below: 1 });
      requireInRange(type, 'eps', options.eps, { min: 0 });
      requireInRange(type, 'weightDecay', options.weightDecay, { min: 0 });
    },
  };
}

abstract class AdamFamily extends Optimizer<AdamOptions> {
  /** Whether weight decay acts on the weights themselves instead of joining the gradient. */
  protected abstract readonly decoupled: boolean;

  override setMomentum(momentum: number): void {
    for (const group of this.groups) group.betas = [momentum, group.betas[1]];
  }

  protected override update(
    group: ParameterGroup & AdamOptions,
    memory: GroupMemory,
    weights: Float32Array,
    gradients: Float32Array,
  ): void {
    const mean = memory.moment('exp_avg');
    const square = memory.moment('exp_avg_sq');
    const { stepSize, rootScale, beta1, beta2, eps, decay, shrink } = this.numbers(group, memory);
    let start = 0;
    for (const { offset, length } of group.parameters) {
      const end = offset + length;
      descendAdaptively(
        weights.subarray(offset, end),
        gradients.subarray(offset, end),
        mean.subarray(start, start + length),
        square.subarray(start, start + length),
        stepSize,
        rootScale,
        beta1,
        beta2,
        eps,
        decay,
        shrink,
      );
      start += length;
    }
  }

  private numbers({ lr, eps, weightDecay, betas }: ParameterGroup & AdamOptions, { step }: GroupMemory) {
    const [beta1, beta2] = betas;
    return {
      beta1,
      beta2,
      eps,
      stepSize: lr / (1 - beta1 ** step),
      rootScale: 1 / Math.sqrt(1 - beta2 ** step),
      decay: this.decoupled ? 0 : weightDecay,
      shrink: this.decoupled ? 1 - lr * weightDecay : 1,
    };
  }

  protected override rule(group: ParameterGroup & AdamOptions, memory: GroupMemory): UpdateRule {
    const { weightDecay } = group;
    const numbers = this.numbers(group, memory);
    return adaptiveRule(!this.decoupled && weightDecay !== 0, this.decoupled && weightDecay !== 0, {
      ...numbers,
      gain1: 1 - numbers.beta1,
      gain2: 1 - numbers.beta2,
    });
  }
}

/** {@link descendAdaptively} as a graph. */
function adaptiveRule(decays: boolean, shrinks: boolean, numbers: UpdateRule['numbers']): UpdateRule {
  return {
    kind: `adam ${decays} ${shrinks}`,
    numbers,
    moments: ['exp_avg', 'exp_avg_sq'],
    update(weight, slope, moments, n) {
      const gradient = decays ? add(slope, mul(n.decay!, weight)) : slope;
      const m = add(mul(n.beta1!, moments.exp_avg!), mul(n.gain1!, gradient));
      const v = add(mul(n.beta2!, moments.exp_avg_sq!), mul(mul(n.gain2!, gradient), gradient));
      const way = div(mul(n.stepSize!, m), add(mul(sqrt(v), n.rootScale!), n.eps!));
      const from = shrinks ? mul(n.shrink!, weight) : weight;
      return { weight: sub(from, way), moments: { exp_avg: m, exp_avg_sq: v } };
    },
  };
}

/**
 * m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − lr · m̂ / (√v̂ + eps) with m̂ = m / (1 − β₁ᵗ) and
 * v̂ = v / (1 − β₂ᵗ). g includes weightDecay · w.
 *
 * Defaults: lr 1e-3, betas (0.9, 0.999), eps 1e-8, weightDecay 0.
 */
export class Adam extends AdamFamily {
  protected override readonly decoupled = false;

  /** @throws UsageError where an option is out of range. */
  constructor(
    parameters: readonly ParameterSlice[] | readonly ParameterGroupInit<AdamOptions>[],
    options: Partial<AdamOptions> = {},
  ) {
    super(adamRules('Adam', 0), parameters, options);
  }
}

/**
 * Adam with w ← (1 − lr · weightDecay) · w ahead of each step, in place of weight decay in the gradient.
 *
 * Defaults: lr 1e-3, betas (0.9, 0.999), eps 1e-8, weightDecay 0.01.
 */
export class AdamW extends AdamFamily {
  protected override readonly decoupled = true;

  /** @throws UsageError where an option is out of range. */
  constructor(
    parameters: readonly ParameterSlice[] | readonly ParameterGroupInit<AdamOptions>[],
    options: Partial<AdamOptions> = {},
  ) {
    super(adamRules('AdamW', 0.01), parameters, options);
  }
}

/**
 * The loop over one parameter: `decay` joins the gradient, `shrink` multiplies the weight. 31 million
 * weights take about 100 ms on one thread once compiled, near what memory allows; single-precision
 * arithmetic (Math.fround throughout) took 215 ms.
 */
function descendAdaptively(
  weights: Float32Array,
  gradients: Float32Array,
  mean: Float32Array,
  square: Float32Array,
  stepSize: number,
  rootScale: number,
  beta1: number,
  beta2: number,
  eps: number,
  decay: number,
  shrink: number,
): void {
  const n = weights.length;
  const gain1 = 1 - beta1;
  const gain2 = 1 - beta2;
  for (let i = 0; i < n; i++) {
    const weight = weights[i]!;
    const gradient = gradients[i]! + decay * weight;
    const m = beta1 * mean[i]! + gain1 * gradient;
    const v = beta2 * square[i]! + gain2 * gradient * gradient;
    mean[i] = m;
    square[i] = v;
    weights[i] = shrink * weight - (stepSize * m) / (Math.sqrt(v) * rootScale + eps);
  }
}
