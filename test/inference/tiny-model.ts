/** Small models for the tests of inference. */
import type { Tensor } from '../../src/graph/index.js';
import { mul, sub } from '../../src/graph/index.js';
import { CLASS_PALETTE } from '../../src/images/palette.js';
import type { ModelCard } from '../../src/inference/model-card.js';
import type { UNet } from '../../src/models/index.js';
import { UNet as UNetModel } from '../../src/models/index.js';
import { Module, ModelState } from '../../src/nn/index.js';
import { Random } from '../../src/random/index.js';
import type { Raster } from '../../src/images/raster.js';

/** A card of a model for RGB bytes of 32×32, changed as `changes` says. */
export function tinyCard(classes: number, changes: Partial<ModelCard> = {}): ModelCard {
  const channels = changes.channels ?? 3;
  const options = { channels, classes: classes === 2 ? 1 : classes, width: 4, depth: 2, batchNorm: true };
  return {
    model: { name: 'unet', options },
    classes: Array.from({ length: classes }, (_, i) => (i === 0 ? 'background' : `class ${i}`)),
    channels,
    maxValue: 255,
    height: 32,
    width: 32,
    normalization: {
      kind: 'fixed',
      name: 'own',
      mean: Array.from({ length: channels }, (_, c) => 0.4 + 0.05 * c),
      std: Array.from({ length: channels }, (_, c) => 0.2 + 0.03 * c),
    },
    palette: Array.from({ length: classes }, (_, i) => {
      const [red, green, blue] = CLASS_PALETTE.subarray(3 * i, 3 * i + 3);
      return [red!, green!, blue!] as const;
    }),
    ...changes,
  };
}

/** The U-Net that a tiny card names, its weights drawn large enough to tell pixels apart. */
export function tinyUNet(card: ModelCard, seed = 9): { model: UNet; state: ModelState } {
  const model = new UNetModel(card.model.options);
  const state = ModelState.initialize(model, seed);
  const random = new Random(seed, 'statistics');
  for (const slot of state.slots) {
    // Running statistics as a trained model would have them: not 0 and 1.
    if (slot.name.endsWith('running_mean'))
      state.values(slot).forEach((_, i, all) => (all[i] = random.normal() * 0.1));
    if (slot.name.endsWith('running_var'))
      state.values(slot).forEach((_, i, all) => (all[i] = random.uniform(0.5, 2)));
    // Logits that differ from pixel to pixel more than from class to class.
    if (slot.name === 'head.bias') state.values(slot).fill(0);
    if (slot.name === 'head.weight') {
      const values = state.values(slot);
      for (let k = 0; k < values.length; k += 4)
        values.set(
          [9, -9, 7, -7].map((v, c) => (c === k / 4 ? -v : v)),
          k,
        );
    }
  }
  return { model, state };
}

/** Two classes told apart by brightness: the logit is 4·(x − ½) of the one channel. */
export class Brightness extends Module {
  forward(x: Tensor): Tensor {
    return mul(sub(x, 0.5), 4);
  }
}

/** A card for {@link Brightness} at a size: pixels are 0…1, not shifted. */
export function brightnessCard(height: number, width: number): ModelCard {
  const normalization = { kind: 'fixed', name: 'none', mean: [0], std: [1] } as const;
  return tinyCard(2, {
    channels: 1,
    height,
    width,
    normalization,
    model: { name: 'brightness', options: {} },
  });
}

/** Noise with some structure: waves of several lengths. */
export function testImage(width: number, height: number, channels = 3, maxValue = 255): Raster {
  const random = new Random(width, height, 'image');
  const data =
    maxValue === 255 ? new Uint8Array(width * height * channels) : new Uint16Array(width * height * channels);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++, i++) {
        const wave = Math.sin(x / (3 + c)) + Math.cos(y / (5 - c / channels)) + Math.sin((x + y) / 17);
        data[i] = Math.max(0, Math.min(maxValue, (0.5 + wave / 6 + random.uniform(-0.1, 0.1)) * maxValue));
      }
    }
  }
  return { width, height, channels, data };
}
