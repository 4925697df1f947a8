/**
 * A U-Net whose contracting path is an encoder. Each decoder block upsamples its input by a transposed
 * convolution and concatenates the encoder's feature map of that size. The last block concatenates the image.
 */
import type { Tensor } from '../graph/index.js';
import { concat, relu } from '../graph/index.js';
import { Conv2d, ConvTranspose2d, Module } from '../nn/index.js';
import type { Encoder } from './encoder.js';
import { paddedToDivisor } from './padding.js';

/** Output channels of the decoder blocks, the smallest size first. */
const WIDTHS = [256, 128, 64, 32, 16] as const;

/** 2×2 transposed convolution, ReLU, concatenation with the skip, 3×3 convolution, ReLU. */
class DecoderBlock extends Module {
  readonly upsample: ConvTranspose2d;
  readonly conv: Conv2d;

  constructor(inChannels: number, skipChannels: number, outChannels: number) {
    super();
    this.upsample = new ConvTranspose2d(inChannels, outChannels, 2, { stride: 2 });
    this.conv = new Conv2d(outChannels + skipChannels, outChannels, 3, { padding: 1 });
  }

  forward(x: Tensor, skip: Tensor): Tensor {
    return relu(this.conv.forward(concat([relu(this.upsample.forward(x)), skip], 1)));
  }
}

export class EncoderUNet<E extends Encoder = Encoder> extends Module {
  readonly divisor: number;
  readonly decoder: readonly DecoderBlock[];
  readonly head: Conv2d;

  /** @param classes output channels */
  constructor(
    readonly encoder: E,
    classes: number,
  ) {
    super();
    const [bottom, ...skips] = encoder.widths.toReversed() as [number, ...number[]];
    const widths = WIDTHS.slice(-skips.length);
    this.divisor = 2 ** skips.length;
    this.decoder = widths.map((to, i) => new DecoderBlock(i === 0 ? bottom : widths[i - 1]!, skips[i]!, to));
    this.head = new Conv2d(widths.at(-1)!, classes, 3, { padding: 1 });
  }

  /** N×channels×H×W to logits of N×classes×H×W. */
  forward(image: Tensor): Tensor {
    return paddedToDivisor(image, this.divisor, (padded) => {
      const [bottom, ...skips] = this.encoder.maps(padded).toReversed() as [Tensor, ...Tensor[]];
      return this.head.forward(this.decoder.reduce((x, block, i) => block.forward(x, skips[i]!), bottom));
    });
  }
}
