/** Gradient clipping, by the norm of all gradients together or value by value, as PyTorch has it. */
import { checkValue, real } from '../settings/index.js';

const POSITIVE = real({ above: 0 });

/** The Euclidean norm, summed in double precision, always in the same order. */
export function gradientNorm(gradients: Float32Array): number {
  // Four running sums: one would wait for its own addition at every element.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const n = gradients.length;
  const whole = n - (n % 4);
  for (let i = 0; i < whole; i += 4) {
    const p = gradients[i]!;
    const q = gradients[i + 1]!;
    const r = gradients[i + 2]!;
    const s = gradients[i + 3]!;
    a += p * p;
    b += q * q;
    c += r * r;
    d += s * s;
  }
  for (let i = whole; i < n; i++) a += gradients[i]! * gradients[i]!;
  return Math.sqrt(a + b + (c + d));
}

/**
 * What gradients of that norm are multiplied by: min(1, maxNorm / (norm + 1e-6)); 1 where it is not finite.
 *
 * @throws UsageError unless `maxNorm` is above 0.
 */
export function clippingFactor(norm: number, maxNorm: number): number {
  checkValue('clipGradNorm: maxNorm', POSITIVE, maxNorm);
  return Number.isFinite(norm) ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
}

/**
 * Scales `gradients` in place so that their Euclidean norm is at most `maxNorm` (Pascanu et al., "On the
 * difficulty of training recurrent neural networks", ICML 2013): the factor is
 * min(1, maxNorm / (norm + 1e-6)).
 *
 * @returns the norm before clipping. Where it is not finite no factor helps: the gradients are left as
 *   they are, and the caller decides.
 * @throws UsageError unless `maxNorm` is above 0.
 */
export function clipGradNorm(gradients: Float32Array, maxNorm: number): number {
  const norm = gradientNorm(gradients);
  const factor = clippingFactor(norm, maxNorm);
  if (factor < 1) {
    const n = gradients.length;
    for (let i = 0; i < n; i++) gradients[i] = gradients[i]! * factor;
  }
  return norm;
}

/**
 * Clamps every gradient in place to [−maxValue, maxValue]; NaN stays NaN.
 * @throws UsageError unless `maxValue` is above 0.
 */
export function clipGradValue(gradients: Float32Array, maxValue: number): void {
  checkValue('clipGradValue: maxValue', POSITIVE, maxValue);
  const n = gradients.length;
  for (let i = 0; i < n; i++) {
    const gradient = gradients[i]!;
    if (gradient > maxValue) gradients[i] = maxValue;
    else if (gradient < -maxValue) gradients[i] = -maxValue;
  }
}
