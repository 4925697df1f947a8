/**
 * Lesions in brain MRI: S. Keydana, "Brain image segmentation with torch" (RStudio AI blog, 2020), on the LGG
 * set of Buda et al. (2019). It trains the U-Net with 31 million weights, without batch norm, and with a dropout of
 * 0.6 between the convolutions of every block. Slices are sampled with weights that depend on the area of the lesion.
 *
 * Published results after 20 epochs: binary cross-entropy 0.102 and Dice loss 0.749. Both are means over validation
 * batches of four slices. Most slices have no lesion, and without a lesion the Dice loss is near 1 unless the
 * prediction is empty as well. The literature reports Dice per patient, over all slices of a patient together. Its
 * mean is 0.82 (Buda et al.) to 0.836.
 */
import type { Recipe } from './recipe.js';

export const BRAIN_MRI_UNET: Recipe = {
  name: 'brain-mri-unet',
  summary: 'lesions in brain MRI: U-Net with dropout, slices sampled by lesion area',
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
    'Masks are transformed with nearest-neighbour interpolation, and pixels from outside the image are ignored. The published code interpolates the mask of a scaled slice like an image and pads it with background (--as-published; interpolated values are rounded to a class).',
    'Scaling and rotation are done in one resampling step. The published code first resizes, then crops or pads, then rotates.',
    'The best epoch is the one with the best Dice over all pixels of the validation part. With --as-published it is the one with the lowest loss, which computes Dice over batches of mostly empty slices. The published code saves every epoch and uses the last one: --checkpoint last.',
    'Dice is computed over all pixels and for each patient. softDice is computed as in the published code.',
    'Slices keep their size up to 256×256, which is the size in the full data set.',
  ],
  published: [
    { what: 'binary cross-entropy, epoch 20, mean over batches', value: 0.102, score: 'valid.losses.bce' },
    { what: 'Dice loss, epoch 20, mean over batches', value: 0.749, score: 'valid.losses.dice' },
    { what: 'mean Dice by patient (literature)', value: 0.82, to: 0.836, score: 'valid.meanGroupDice' },
  ],
};
