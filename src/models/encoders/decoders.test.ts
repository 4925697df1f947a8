/** Every model that takes an encoder, on every encoder. */
import { expect, it } from 'vitest';
import { input } from '../../graph/index.js';
import { traceModel } from '../../nn/index.js';
import { createModel, ENCODER_NAMES } from '../index.js';

it.each(ENCODER_NAMES)('%s', (encoder) => {
  for (const name of ['encoder-unet', 'fpn', 'deeplabv3plus']) {
    const model = createModel(name, { encoder, channels: 1, classes: 3, decoderWidth: 8 }).train();
    const { output } = traceModel(model, input('images', [2, 1, 33, 70]));
    expect(output.shape, name).toEqual([2, 3, 33, 70]);
    const trained = model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
    expect(trained.some(([path]) => path.startsWith('encoder.'))).toBe(false);
    expect(trained.length).toBeGreaterThan(10);
  }
});
