import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../test/golden/optim.json' with { type: 'json' };
import type { ArrayRule } from '../runtime/index.js';
import { DeviceArray, HostKernels } from '../runtime/index.js';
import { clampRule, clippingFactor, gradientNorm, scaleRule } from './index.js';

const kernels = new HostKernels();

async function applied(rule: ArrayRule, values: Float32Array): Promise<Float32Array> {
  const gradient = DeviceArray.from('gradient', values);
  await kernels.update([{ rule, arrays: [{ gradient }] }]);
  return gradient.values;
}

const gradients = () => Float32Array.from({ length: 19 }, (_, i) => (((i * 53) % 97) - 48) / 32);

describe('clipping by the norm', () => {
  it.each(golden.clipping)('to $maxNorm equals PyTorch', async ({ maxNorm, norm, gradients: expected }) => {
    const own = gradientNorm([gradients().subarray(0, 7), gradients().subarray(7)]);
    expect(own).toBeCloseTo(norm, 9);
    const clipped = await applied(scaleRule(clippingFactor(own, maxNorm)), gradients());
    expected.forEach((value, i) => expect(clipped[i]).toBeCloseTo(value, 6));
  });

  it('never leaves a norm above the bound, and never turns the direction', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.float32Array({ minLength: 1, noNaN: true, min: -1e6, max: 1e6 }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        async (values, maxNorm) => {
          const norm = gradientNorm([values]);
          const clipped = await applied(scaleRule(clippingFactor(norm, maxNorm)), values);
          expect(norm).toBeCloseTo(Math.hypot(...values), -Math.log10(norm * 1e-9 + 1e-9));
          expect(gradientNorm([clipped])).toBeLessThanOrEqual(maxNorm * (1 + 1e-6));
          clipped.forEach((value, i) => expect(value * values[i]!).toBeGreaterThanOrEqual(0));
        },
      ),
    );
  });

  it('leaves gradients alone if their norm is not finite', () => {
    expect(clippingFactor(gradientNorm([Float32Array.of(1, Infinity, 2)]), 1)).toBe(1);
    expect(clippingFactor(gradientNorm([Float32Array.of(NaN)]), 1)).toBe(1);
  });

  it('refuses a bound that is not above 0', () => {
    expect(() => clippingFactor(1, 0)).toThrow('clipGradNorm: maxNorm must be a number above 0; got 0.');
  });
});

describe('clipping by value', () => {
  it('clamps to the interval and keeps NaN', async () => {
    const values = Float32Array.of(-3, -0.5, 0, 0.5, 3, Infinity, NaN);
    expect(await applied(clampRule(1), values)).toEqual(Float32Array.of(-1, -0.5, 0, 0.5, 1, 1, NaN));
    expect(() => clampRule(-1)).toThrow('clipGradValue: maxValue must be a number above 0; got -1.');
  });
});
