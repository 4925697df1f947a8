/**
 * Encoders: networks for classifying images, of which a segmentation model takes the maps of falling size
 * instead of the classes.
 */
import type { Tensor } from '../graph/index.js';
import type { Module } from '../nn/index.js';
import type { FlagOption } from './options.js';

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
}

export const FREEZE_ENCODER: FlagOption = {
  kind: 'flag',
  default: true,
  description: 'keep the encoder as it is, batch norms included: for pretrained weights',
};
