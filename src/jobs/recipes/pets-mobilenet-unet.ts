/**
 * Pets on a pretrained encoder: S. Keydana, "Deep Learning and Scientific Computing with R torch" (2023),
 * chapter 19, image segmentation, with luz. It trains a U-Net on a frozen MobileNetV2: only the decoder is trained.
 *
 * Published: a validation loss of 0.2161 at best, on the full Oxford-IIIT Pet set (cross-entropy over pet,
 * background and border at 224²).
 *
 * The author read the learning rate of 0.01 from the curve of a learning-rate finder, and the recipe uses it.
 * `--lr auto` runs the finder instead.
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
    upsampling: 'transposed',
    decoderConvs: 1,
    decoderNorm: 'none',
    decoderStride: 1,
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
    'The batch norms of the frozen encoder use their pretrained statistics. The published code freezes only the weights, so the batch norms use the statistics of each batch (--as-published).',
    'The best epoch is chosen on a fifth of the training part, and the official test part is evaluated once at the end. The published code chooses the epoch on the test part, which --as-published does not reproduce.',
    'Images are resized with a triangle filter, which widens when it shrinks an image (antialiasing).',
  ],
  published: [{ what: 'cross-entropy, best epoch, on the test part', value: 0.2161, score: 'test.loss' }],
};
