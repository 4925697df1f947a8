/** What encoders that are chains of blocks have in common: strides that become dilations, and a map for each size. */
import type { Tensor } from '../../graph/index.js';
import type { Layer } from '../../nn/index.js';
import type { EncoderOptions } from './encoder-entry.js';

/** Tells consecutive convolutions their stride and dilation, so that none reduces the image below 1/outputStride. */
export class StrideChain {
  /** Strides of 2 so far, those that became dilations included. */
  halvings = 0;
  private reduction = 1;
  private dilation = 1;
  private readonly outputStride: number;

  constructor({ outputStride = 32 }: EncoderOptions) {
    this.outputStride = outputStride;
  }

  /** The geometry of the next convolution, which has this stride in the published network. */
  next(published: number): { readonly stride: number; readonly dilation: number } {
    const { dilation } = this;
    const stride = this.reduction * published > this.outputStride ? 1 : published;
    this.halvings += Math.log2(published);
    this.reduction *= stride;
    // A stride that is left out becomes a dilation of all later convolutions.
    this.dilation *= published / stride;
    return { stride, dilation };
  }
}

/**
 * The image, and the output of the last block of each size.
 *
 * @param halvings how often the image's size is halved up to each block, that block included
 */
export function mapsOf(image: Tensor, blocks: readonly Layer[], halvings: readonly number[]): Tensor[] {
  const maps = [image];
  let x = image;
  for (const [i, block] of blocks.entries()) {
    x = block.forward(x);
    if (halvings[i + 1] !== halvings[i]) maps.push(x);
  }
  return maps;
}

/** The multiple of 8 nearest to `channels`, not below 0.9 times it (the rule of the MobileNets and EfficientNets). */
export function multipleOf8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}
