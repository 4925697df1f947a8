/**
 * Encoders: image-classification networks without their classifier. A segmentation model uses their feature
 * maps at several sizes.
 */
import type { Tensor } from '../graph/index.js';
import type { Module } from '../nn/index.js';
import type { Setting } from '../settings/index.js';
import { choice, flag } from '../settings/index.js';

export interface Encoder extends Module {
  /**
   * Channels of each feature map. Map 0 is the image; map k has 1/2ᵏ of its height and width. 0 where the encoder has
   * no map of that size.
   */
  readonly widths: readonly number[];
  /**
   * Returns the feature maps, the largest first; undefined where `widths` is 0.
   *
   * @param image N×C×H×W; H and W are multiples of 2ᵏ for the last map k
   */
  maps(image: Tensor): readonly (Tensor | undefined)[];
}

export interface FrozenEncoderOptions {
  /**
   * Whether the encoder starts frozen (see {@link Module.freeze}), as it should with pretrained weights;
   * default true.
   */
  readonly freezeEncoder?: boolean;
  /**
   * Batch norms of an encoder that starts frozen: `frozen` (default) uses their stored statistics, also once its
   * weights are unfrozen; `training` normalises by each batch and updates the statistics, like published code that
   * freezes only the weights.
   */
  readonly encoderBn?: EncoderBn;
}

export type EncoderBn = 'frozen' | 'training';

const FREEZE_ENCODER: Setting<boolean> = {
  kind: flag(),
  default: true,
  help: 'freeze the encoder; recommended with pretrained weights',
};

const ENCODER_BN: Setting<EncoderBn> = {
  kind: choice(['frozen', 'training']),
  default: 'frozen',
  help: 'batch norms of an encoder that starts frozen: use stored statistics, or normalise by each batch and update them',
};

/** The settings of {@link FrozenEncoderOptions}. */
export const FROZEN_ENCODER_OPTIONS = { freezeEncoder: FREEZE_ENCODER, encoderBn: ENCODER_BN };

/** An encoder that can start from published weights. */
export interface PretrainedEncoder {
  /**
   * The architecture whose weight files fit the encoder, by its name in torchvision. Another one if the model has an
   * option `encoder`: see {@link architectureOf}.
   */
  readonly architecture: string;
  /** The field of the model into which the weights are loaded. */
  readonly field: 'encoder';
  /** The image normalisation that the weights expect: ImageNet's mean and standard deviation per channel. */
  readonly normalization: 'imagenet';
  /** Adam's learning rate while the encoder is frozen. */
  readonly learningRate: number;
}

/**
 * Adam's learning rate for the layers after a frozen encoder. A range test would suggest a rate 3 to 15 times
 * lower than the best one found by grid search: see docs/choosing.md.
 */
export const FROZEN_ENCODER_RATE = 5e-3;

/** The name in torchvision of the encoder of a model with these options. */
export function architectureOf(
  { architecture }: PretrainedEncoder,
  { encoder }: Readonly<Record<string, unknown>>,
): string {
  return typeof encoder === 'string' ? encoder : architecture;
}

/** Describes an encoder pretrained on ImageNet that a model holds in its field `encoder`. */
export const pretrainedOnImageNet = (architecture: string): PretrainedEncoder => ({
  architecture,
  field: 'encoder',
  normalization: 'imagenet',
  learningRate: FROZEN_ENCODER_RATE,
});

/** Freezes an encoder according to its model's options. */
export function freezeAs(
  encoder: Encoder,
  { freezeEncoder, encoderBn }: Required<FrozenEncoderOptions>,
): void {
  if (!freezeEncoder) return;
  if (encoderBn === 'training') encoder.freezeWeights();
  else encoder.freeze();
}
