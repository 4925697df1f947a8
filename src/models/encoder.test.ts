import { expect, it } from 'vitest';
import { input } from '../graph/index.js';
import { traceModel } from '../nn/index.js';
import { MobileNetUNet } from './index.js';

/** How many tensors of the encoder a training step changes: weights and running statistics. */
function trained(options: { freezeEncoder?: boolean; encoderBn?: 'frozen' | 'training' }) {
  const model = new MobileNetUNet(options).train();
  const weights = model.encoder.namedParameters().filter(([, weight]) => weight.requiresGrad);
  const { updates } = traceModel(model, input('images', [2, 3, 32, 32]));
  return { weights: weights.length, statistics: [...updates].length };
}

it('freezes the weights of the encoder, and its batch norms unless they are in training mode', () => {
  expect(trained({})).toEqual({ weights: 0, statistics: 0 });
  // MobileNetV2 has 51 batch norms up to its 18th block, each with a mean and a variance.
  expect(trained({ encoderBn: 'training' })).toEqual({ weights: 0, statistics: 102 });
  expect(trained({ freezeEncoder: false })).toEqual({ weights: 153, statistics: 102 });
  expect(trained({ freezeEncoder: false, encoderBn: 'training' })).toEqual({ weights: 153, statistics: 102 });
});

it('unfreezes both kinds of frozen encoder', () => {
  for (const encoderBn of ['frozen', 'training'] as const) {
    const { encoder } = new MobileNetUNet({ encoderBn });
    encoder.unfreeze().train();
    expect(encoder.namedParameters().every(([, weight]) => weight.requiresGrad)).toBe(true);
    expect([...encoder.namedModules()].every(([, module]) => module.training)).toBe(true);
  }
});
