/**
 * Lesions in brain MRI: S. Keydana, "Brain image segmentation with torch" (RStudio AI blog, 2020), on the LGG
 * set of Buda et al. (2019). The U-Net of 31 million weights without batch norm, dropout of 0.6 between the
 * convolutions of every block, slices drawn by the area of their lesion.
 *
 * Published after 20 epochs: binary cross-entropy 0.102 and Dice loss 0.749, means over validation batches of
 * four slices of which most have no lesion: there a Dice loss is near 1 unless nothing at all is predicted.
 * The literature's score is the Dice of each patient's slices together, 0.82 (Buda et al.) to 0.836 on average.
 */
import type { Recipe } from './recipe.js';

export const BRAIN_MRI_UNET: Recipe = {
  name: 'brain-mri-unet',
  summary: 'lesions in brain MRI, U-Net with dropout, slices drawn by lesion area',
  source:
    'S. Keydana: Brain image segmentation with torch (RStudio AI blog, 2020); data of Buda et al. (2019)',
  format: 'lgg-mri',
  settings: {
    model: 'unet',
    width: 64,
    depth: 5,
    batchNorm: false,
    upsampling: 'transposed',
    dropout: 0.6,
    dropoutAt: 'every',
    normalize: 'min-max',
    sampler: 'weighted',
    augment: 'brain-mri-unet',
    loss: 'dice:0.3+bce:0.7',
    optimizer: 'sgd',
    lr: 0.1,
    schedule: 'one-cycle',
    batch: 4,
    epochs: 20,
    keepEvery: 1,
    monitor: 'dice',
  },
  asPublished: { augment: 'brain-mri-unet-as-published', monitor: 'loss' },
  differences: [
    'Rotations are drawn from −15° to 15°; the published code draws them from 1 − 15° to 1 + 15° (--as-published).',
    'Masks are moved nearest, and what comes in from outside is ignored; the published code interpolates the mask of a scaled slice like an image and pads it with background (--as-published, its blended values rounded to a class).',
    'Scaling and rotation are one resampling; the published code resizes, crops or pads, and rotates one after the other.',
    'The best epoch has the best Dice over all pixels of the validation part; with --as-published it has the least loss, whose Dice is pooled over batches of mostly empty slices. The published code keeps every epoch and goes on with the last: --checkpoint last.',
    'Dice is scored over all pixels and for each patient; softDice repeats the published way of counting.',
    'Slices keep the size of the data up to 256², which is that of the full set.',
  ],
  published: [
    { what: 'binary cross-entropy, epoch 20, mean over batches', value: 0.102, score: 'valid.losses.bce' },
    { what: 'Dice loss, epoch 20, mean over batches', value: 0.749, score: 'valid.losses.dice' },
    { what: 'mean Dice by patient (literature)', value: 0.82, to: 0.836, score: 'valid.meanGroupDice' },
  ],
};
