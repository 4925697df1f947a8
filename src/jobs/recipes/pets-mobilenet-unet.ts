/**
 * Pets on a pretrained encoder: S. Keydana, "Deep Learning and Scientific Computing with R torch" (2023),
 * chapter 19, image segmentation, with luz. A U-Net on MobileNetV2, only the expanding path learns.
 *
 * Published: a validation loss of 0.2161 at best, on the full Oxford-IIIT Pet set (cross-entropy over pet,
 * background and border at 224²).
 *
 * Its learning rate came from a finder's curve: `--lr auto` runs the finder, the recipe keeps the 0.01 that the
 * author read off hers.
 */
import type { Recipe } from './recipe.js';

export const PETS_MOBILENET_UNET: Recipe = {
  name: 'pets-mobilenet-unet',
  summary: 'pets on a frozen MobileNetV2, 224²',
  source: 'S. Keydana: Deep Learning and Scientific Computing with R torch (2023), chapter 19',
  format: 'oxford-pets',
  settings: {
    model: 'mobilenet-unet',
    encoderWeights: 'imagenet',
    freezeEncoder: true,
    size: 224,
    normalize: 'imagenet',
    augment: 'vertical-flip',
    loss: 'cross-entropy',
    optimizer: 'adam',
    lr: 0.01,
    schedule: 'one-cycle',
    batch: 32,
    epochs: 20,
    patience: 2,
    monitor: 'loss',
  },
  asPublished: { encoderBn: 'training' },
  differences: [
    'The batch norms of the frozen encoder stay as they were trained; the published code stops the weights alone, so their statistics follow each batch (--as-published).',
    'The best epoch is chosen on a fifth of the training part, and the official test part is scored once at the end; the published code chooses on the test part, which --as-published does not repeat.',
    'Images are resized by one definition, a triangle filter that widens when it shrinks an image.',
  ],
  published: [{ what: 'cross-entropy, best epoch, on the test part', value: 0.2161, score: 'test.loss' }],
};
