/**
 * Encoders: networks for classifying images, of which a segmentation model takes the maps of falling size
 * instead of the classes.
 */
import type { Tensor } from '../graph/index.js';
import type { Module } from '../nn/index.js';
import type { ChoiceOption, FlagOption } from './options.js';

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
   * What the batch norms of a frozen encoder do: `still` (default), they are frozen too; `moving`, they
   * normalise by each batch and their statistics move, as in published code that stops the weights alone.
   */
  readonly encoderNorms?: EncoderNorms;
}

export type EncoderNorms = 'still' | 'moving';

export const FREEZE_ENCODER: FlagOption = {
  kind: 'flag',
  default: true,
  description: 'keep the encoder as it is, batch norms included: for pretrained weights',
};

export const ENCODER_NORMS: ChoiceOption<EncoderNorms> = {
  kind: 'choice',
  default: 'still',
  choices: ['still', 'moving'],
  description: 'batch norms of a frozen encoder stay as they are, or move with each batch',
};

/** Freezes an encoder as its model's options say. */
export function freezeAs(
  encoder: Encoder,
  { freezeEncoder, encoderNorms }: Required<FrozenEncoderOptions>,
): void {
  if (!freezeEncoder) return;
  if (encoderNorms === 'moving') encoder.freezeWeights();
  else encoder.freeze();
}
