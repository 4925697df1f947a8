import { describe, expect, it } from 'vitest';
import { createModel, estimateStepCost, forwardOperations, trainingOperations } from './index.js';

const batch = (size: number, side: number) => ({ size, channels: 3, height: side, width: side });

/** Multiply-adds of a padded k×k convolution at stride 1. */
const conv = (from: number, to: number, side: number, k = 3) => from * to * k * k * side * side;

describe('operations', () => {
  it('agrees with a count by hand for a small U-Net', () => {
    // Two sizes, 4 and 8 filters, one logit, images of 8×8.
    const model = createModel('unet', { depth: 2, width: 4 });
    const first = conv(3, 4, 8);
    const others =
      conv(4, 4, 8) +
      conv(4, 8, 4) +
      conv(8, 8, 4) +
      // The transposed convolution computes 2×2 outputs from 8 channels for each pixel of a 4×4 map.
      8 * 4 * 2 * 2 * 4 * 4 +
      conv(8, 4, 8) +
      conv(4, 4, 8) +
      conv(4, 1, 8, 1);
    expect(forwardOperations(model, batch(1, 8))).toBe(2 * (first + others));
    expect(trainingOperations(model, batch(1, 8))).toBe(2 * (2 * first + 3 * others));
    expect(trainingOperations(model, batch(5, 8))).toBe(5 * trainingOperations(model, batch(1, 8)));
  });

  it('counts 578 GFLOP for a step of the classic U-Net on 8 images of 128×128', () => {
    const sides = [128, 64, 32, 16, 8];
    const widths = [64, 128, 256, 512, 1024];
    let sum = conv(64, 1, 128, 1);
    widths.forEach((width, i) => {
      sum += (i > 0 ? conv(widths[i - 1]!, width, sides[i]!) : 0) + conv(width, width, sides[i]!);
      if (i === 4) return;
      sum += 4 * 2 * width * width * sides[i + 1]! ** 2;
      sum += conv(2 * width, width, sides[i]!) + conv(width, width, sides[i]!);
    });
    const expected = 2 * 8 * (3 * sum + 2 * conv(3, 64, 128));
    expect(trainingOperations(createModel('unet'), batch(8, 128))).toBe(expected);
    expect(expected / 1e9).toBeCloseTo(577.6, 1);
  });

  it('counts a frozen encoder once, and no gradient of its output', () => {
    const model = createModel('mobilenet-unet', { classes: 3 });
    const forward = forwardOperations(model, batch(1, 64));
    const training = trainingOperations(model, batch(1, 64));
    const learning = createModel('mobilenet-unet', { classes: 3, freezeEncoder: false });
    expect(forwardOperations(learning, batch(1, 64))).toBe(forward);
    expect(training).toBeLessThan(trainingOperations(learning, batch(1, 64)));
    // The first transposed convolution reads only the frozen encoder: its weights have a gradient, its input has none.
    const deepest = 2 * 320 * 256 * 4 * 2 * 2;
    const encoder = forward - decoderForward();
    expect(training).toBe(encoder + 3 * decoderForward() - deepest);
  });
});

describe('estimateStepCost', () => {
  // Measured alternately on one core of a busy machine, relative to the first: 1, 1.15, 1.33, 1.9, 2.2 and 2.2.
  it.each([
    ['mobilenet-unet', {}, 1],
    ['deeplabv3plus', {}, 1.15],
    ['resnet18-unet', {}, 1.33],
    ['resnet34-unet', {}, 1.9],
    ['unet', { width: 16, batchNorm: true }, 2.2],
    ['mobilenet-unet', { freezeEncoder: false }, 2.2],
  ] as const)('of %s %o is within a factor of 1.5 of the measurement', (name, options, measured) => {
    const { microseconds } = estimateStepCost(createModel(name, { classes: 3, ...options }), 3);
    const first = estimateStepCost(createModel('mobilenet-unet', { classes: 3 }), 3).microseconds;
    expect(microseconds / first / measured).toBeGreaterThan(1 / 1.5);
    expect(microseconds / first / measured).toBeLessThan(1.5);
  });

  it('grows with the square of the width where arithmetic dominates, and does not change the mode', () => {
    const of = (width: number) => {
      const model = createModel('unet', { width }).eval();
      const cost = estimateStepCost(model, 3);
      expect(model.training).toBe(false);
      return cost;
    };
    expect(of(256).microseconds / of(128).microseconds).toBeGreaterThan(3.5);
    expect(of(64).bytes / of(32).bytes).toBeCloseTo(2, 1);
  });
});

/** Operations of the decoder for one image of 64×64, by hand. */
function decoderForward(): number {
  const from = [320, 256, 128, 64, 32];
  const skips = [96, 32, 24, 16, 3];
  const to = [256, 128, 64, 32, 16];
  const sum = to.reduce(
    (total, width, i) => {
      const side = 4 << i;
      return total + from[i]! * width * 4 * (side / 2) ** 2 + conv(width + skips[i]!, width, side);
    },
    conv(16, 3, 64),
  );
  return 2 * sum;
}
