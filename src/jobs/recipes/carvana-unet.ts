/**
 * Cars: D. Falbel and S. Keydana, "Image segmentation with U-Net" (RStudio AI blog, 2019), in Keras. The U-Net
 * of 31 million weights with dropout of 0.5 at the bottom, RMSprop with a learning rate of 1e-5 that stays.
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
    'Contrast and saturation are multiplied by 0.7 to 1.3; the published code draws both factors from 0.5 to 0.7, so that they are only ever lowered (--as-published).',
    'Masks are resized nearest; the published code resizes them like images (--as-published, its blended values rounded to a class, where the published loss takes them as they are).',
    'A fifth of the cars is held out, all 16 pictures of each; the published code holds out a fifth of the pictures, so that each car is trained on, too. --as-published does not repeat that: no sample of a group straddles parts.',
  ],
  published: [
    { what: 'Dice, epoch 5', value: 0.87, score: 'valid.dice' },
    { what: 'binary accuracy, epoch 5', value: 0.95, score: 'valid.pixelAccuracy' },
  ],
};
