import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../test/golden/optim.json' with { type: 'json' };
import { clipGradNorm, clipGradValue, gradientNorm } from './index.js';

const gradients = () => Float32Array.from({ length: 19 }, (_, i) => (((i * 53) % 97) - 48) / 32);

describe('clipGradNorm', () => {
  it.each(golden.clipping)('to $maxNorm equals PyTorch', ({ maxNorm, norm, gradients: expected }) => {
    const clipped = gradients();
    expect(clipGradNorm(clipped, maxNorm)).toBeCloseTo(norm, 9);
    expected.forEach((value, i) => expect(clipped[i]).toBeCloseTo(value, 6));
  });

  it('never leaves a norm above the bound, and never turns the direction', () => {
    fc.assert(
      fc.property(
        fc.float32Array({ minLength: 1, noNaN: true, min: -1e6, max: 1e6 }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        (values, maxNorm) => {
          const clipped = Float32Array.from(values);
          const norm = clipGradNorm(clipped, maxNorm);
          expect(norm).toBeCloseTo(Math.hypot(...values), -Math.log10(norm * 1e-9 + 1e-9));
          expect(gradientNorm(clipped)).toBeLessThanOrEqual(maxNorm * (1 + 1e-6));
          clipped.forEach((value, i) => expect(value * values[i]!).toBeGreaterThanOrEqual(0));
        },
      ),
    );
  });

  it('leaves gradients alone whose norm is not finite, and returns that norm', () => {
    const broken = Float32Array.of(1, Infinity, 2);
    expect(clipGradNorm(broken, 1)).toBe(Infinity);
    expect(broken).toEqual(Float32Array.of(1, Infinity, 2));
    expect(clipGradNorm(Float32Array.of(NaN), 1)).toBeNaN();
  });

  it('refuses a bound that is not above 0', () => {
    expect(() => clipGradNorm(gradients(), 0)).toThrow(
      'clipGradNorm: maxNorm must be a number above 0; got 0.',
    );
  });
});

describe('clipGradValue', () => {
  it('clamps to the interval and keeps NaN', () => {
    const values = Float32Array.of(-3, -0.5, 0, 0.5, 3, Infinity, NaN);
    clipGradValue(values, 1);
    expect(values).toEqual(Float32Array.of(-1, -0.5, 0, 0.5, 1, 1, NaN));
    expect(() => clipGradValue(values, -1)).toThrow(
      'clipGradValue: maxValue must be a number above 0; got -1.',
    );
  });
});
