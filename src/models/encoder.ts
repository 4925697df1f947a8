/**
 * Encoders: networks for classifying images, of which a segmentation model takes the maps of falling size
 * instead of the classes.
 */
import type { Tensor } from '../graph/index.js';
import type { Module } from '../nn/index.js';
import type { Setting } from '../settings/index.js';
import { choice, flag } from '../settings/index.js';

export interface Encoder extends Module {
  /** Channels of each map, the image itself first. Map k is 2ᵏ times smaller than the image. */
  readonly widths: readonly number[];
  /** N×C×H×W, with H and W multiples of 2ᵏ for the last k, to the maps, the largest first. */
  maps(image: Tensor): Tensor[];
}

export interface FrozenEncoderOptions {
  /**
   * Whether the encoder starts frozen (see {@link Module.freeze}), as it should with pretrained weights;
   * default true.
   */
  readonly freezeEncoder?: boolean;
  /**
   * Batch norms of a frozen encoder: `frozen` (default) uses their stored statistics; `training` normalises by
   * each batch and updates the statistics, as published code does that freezes only the weights.
   */
  readonly encoderBn?: EncoderBn;
}

export type EncoderBn = 'frozen' | 'training';

const FREEZE_ENCODER: Setting<boolean> = {
  kind: flag(),
  default: true,
  help: 'keep the weights of the encoder fixed; for pretrained weights',
};

const ENCODER_BN: Setting<EncoderBn> = {
  kind: choice(['frozen', 'training']),
  default: 'frozen',
  help: 'batch norms of a frozen encoder: use stored statistics, or normalise by each batch and update them',
};

/** The settings of {@link FrozenEncoderOptions}. */
export const FROZEN_ENCODER_OPTIONS = { freezeEncoder: FREEZE_ENCODER, encoderBn: ENCODER_BN };

/** An encoder that can start from published weights. */
export interface PretrainedEncoder {
  /** The architecture whose weight files fit the encoder, in torchvision's naming. */
  readonly architecture: string;
  /** The field of the model that takes the weights. */
  readonly field: 'encoder';
  /** The normalisation of images that the weights expect: ImageNet's mean and deviation by channel. */
  readonly normalization: 'imagenet';
  /** Learning rate of Adam while the encoder is frozen. */
  readonly learningRate: number;
}

/**
 * Learning rate of Adam for what follows a frozen encoder. A range test reads off 3 to 15 times too low a rate
 * there, beside grid searches: see docs/choosing.md.
 */
export const FROZEN_ENCODER_RATE = 5e-3;

/** The encoder of a model in its field `encoder`, pretrained on ImageNet. */
export const pretrainedOnImageNet = (architecture: string): PretrainedEncoder => ({
  architecture,
  field: 'encoder',
  normalization: 'imagenet',
  learningRate: FROZEN_ENCODER_RATE,
});

/** Freezes an encoder as its model's options say. */
export function freezeAs(
  encoder: Encoder,
  { freezeEncoder, encoderBn }: Required<FrozenEncoderOptions>,
): void {
  if (!freezeEncoder) return;
  if (encoderBn === 'training') encoder.freezeWeights();
  else encoder.freeze();
}
