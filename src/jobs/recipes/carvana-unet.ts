/**
 * Cars: D. Falbel and S. Keydana, "Image segmentation with U-Net" (RStudio AI blog, 2019), in Keras. It trains the
 * U-Net with 31 million weights and a dropout of 0.5 at the bottom, by RMSprop with a constant learning rate of 1e-5.
 *
 * Published after 5 epochs at 128²: Dice about 0.87 and binary accuracy about 0.95 on a fifth of the images.
 */
import type { Recipe } from './recipe.js';

export const CARVANA_UNET: Recipe = {
  name: 'carvana-unet',
  summary: 'cars at 128², U-Net with dropout at the bottom, RMSprop',
  source: 'D. Falbel, S. Keydana: Image segmentation with U-Net (RStudio AI blog, 2019)',
  format: 'carvana',
  settings: {
    model: 'unet',
    width: 64,
    depth: 5,
    batchNorm: false,
    upsampling: 'transposed',
    dropout: 0.5,
    dropoutAt: 'bottom',
    size: 128,
    normalize: 'none',
    augment: 'carvana-unet',
    loss: 'bce',
    optimizer: 'rmsprop',
    // Keras's defaults; PyTorch's are 0.99 and 1e-8.
    alpha: 0.9,
    eps: 1e-7,
    lr: 1e-5,
    schedule: 'constant',
    batch: 32,
    epochs: 5,
    val: 0.2,
    monitor: 'dice',
  },
  asPublished: { augment: 'carvana-unet-as-published', maskInterpolation: 'as-image' },
  differences: [
    'Contrast and saturation are multiplied by 0.7 to 1.3. The published code draws both factors from 0.5 to 0.7, so both are always reduced (--as-published).',
    'Masks are resized with nearest-neighbour interpolation. The published code resizes them like images and uses the interpolated values in the loss; --as-published rounds them to a class.',
    'A fifth of the cars is held out, with all 16 pictures of each. The published code holds out a fifth of the pictures, so that other pictures of the same cars are trained on. --as-published does not reproduce that: a group is never divided between parts.',
  ],
  published: [
    { what: 'Dice, epoch 5', value: 0.87, score: 'valid.dice' },
    { what: 'binary accuracy, epoch 5', value: 0.95, score: 'valid.pixelAccuracy' },
  ],
};
