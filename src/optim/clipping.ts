/** Gradient clipping, by the norm of all gradients together or value by value, as PyTorch implements it. */
import { maximum, minimum, mul } from '../graph/index.js';
import type { ArrayRule } from '../runtime/index.js';
import { arrayRule } from '../runtime/index.js';
import { checkValue, real } from '../settings/index.js';

const POSITIVE = real({ above: 0 });

/** The Euclidean norm of all arrays together, summed in double precision, always in the same order. */
export function gradientNorm(gradients: readonly Float32Array[]): number {
  // Four running sums: with one, each addition would wait for the one before.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (const values of gradients) {
    const n = values.length;
    const whole = n - (n % 4);
    for (let i = 0; i < whole; i += 4) {
      const p = values[i]!;
      const q = values[i + 1]!;
      const r = values[i + 2]!;
      const s = values[i + 3]!;
      a += p * p;
      b += q * q;
      c += r * r;
      d += s * s;
    }
    for (let i = whole; i < n; i++) a += values[i]! * values[i]!;
  }
  return Math.sqrt(a + b + (c + d));
}

/**
 * The factor that brings gradients to a norm of at most `maxNorm` (Pascanu et al., "On the difficulty of training
 * recurrent neural networks", ICML 2013): min(1, maxNorm / (norm + 1e-6)); 1 if the norm is not finite, since no
 * factor helps then.
 *
 * @throws UsageError unless `maxNorm` is above 0.
 */
export function clippingFactor(norm: number, maxNorm: number): number {
  checkValue('clipGradNorm: maxNorm', POSITIVE, maxNorm);
  return Number.isFinite(norm) ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
}

/** Multiplies gradients by a factor. */
export const scaleRule = (factor: number): ArrayRule =>
  arrayRule({
    kind: 'scale',
    arrays: ['gradient'],
    numbers: { factor },
    update: ({ gradient }, n) => ({ gradient: mul(gradient, n.factor) }),
  });

/**
 * Clamps gradients to [−maxValue, maxValue]; NaN stays NaN.
 * @throws UsageError unless `maxValue` is above 0.
 */
export function clampRule(maxValue: number): ArrayRule {
  checkValue('clipGradValue: maxValue', POSITIVE, maxValue);
  return arrayRule({
    kind: 'clamp',
    arrays: ['gradient'],
    numbers: { least: -maxValue, greatest: maxValue },
    update: ({ gradient }, n) => ({ gradient: minimum(maximum(gradient, n.least), n.greatest) }),
  });
}
