/**
 * Pets from scratch: D. Bird and N. Singh, "Efficient image segmentation using PyTorch", part 2 (2023): SegNet
 * with four poolings at 128², Adam, the learning rate times 0.7 every seven epochs.
 *
 * Published: an accuracy of 88.28% on the full Oxford-IIIT Pet set. The authors ask whether a focal loss would
 * help the thin border class: `--loss focal`.
 */
import type { Recipe } from './recipe.js';

export const PETS_SEGNET: Recipe = {
  name: 'pets-segnet',
  summary: 'pets from scratch, SegNet, 128²',
  source: 'N. Singh, D. Bird: Efficient image segmentation using PyTorch, part 2 (2023)',
  format: 'oxford-pets',
  settings: {
    model: 'segnet',
    stages: 4,
    width: 64,
    head: 'norm-relu',
    size: 128,
    normalize: 'none',
    augment: 'pets-segnet',
    loss: 'cross-entropy',
    optimizer: 'adam',
    lr: 1e-3,
    schedule: 'step',
    stepEpochs: 7,
    stepFactor: 0.7,
    batch: 64,
    epochs: 20,
    monitor: 'pixelAccuracy',
  },
  asPublished: {},
  differences: [
    'Images are resized with a triangle filter and masks with nearest-neighbour interpolation. The published code uses nearest-neighbour for both. --as-published does not reproduce that: prediction always uses the filter, and training must resize in the same way.',
    'The best epoch is chosen on a fifth of the training part, and the official test part is evaluated once at the end. The published code evaluates every epoch on the test part.',
  ],
  published: [{ what: 'pixel accuracy on the test part', value: 0.8828, score: 'test.pixelAccuracy' }],
};
