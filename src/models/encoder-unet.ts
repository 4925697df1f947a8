/**
 * A U-Net whose contracting path is an encoder. Each decoder block upsamples its input, concatenates the encoder's
 * feature map of that size if there is one, and convolves. The last block concatenates the image.
 *
 * The default decoder is that of Keydana's book, on which the recipe `pets-mobilenet-unet` is based: transposed
 * convolutions, one convolution a block, no norm. {@link UNET_DECODER_OPTIONS} make it that of
 * segmentation_models.pytorch: nearest neighbour, two convolutions, batch norm.
 */
import type { Tensor } from '../graph/index.js';
import { concat, relu, resize } from '../graph/index.js';
import type { Layer } from '../nn/index.js';
import { Conv2d, ConvTranspose2d, heNormal, Module, Upsample } from '../nn/index.js';
import type { Settings } from '../settings/index.js';
import { whole, wholeOf } from '../settings/index.js';
import type { DecoderNorm } from './decoder-norm.js';
import { DECODER_NORM, normOf } from './decoder-norm.js';
import { auxiliaryHeads, DEEP_SUPERVISION, superviseLevels } from './deep-supervision.js';
import type { Encoder } from './encoder.js';
import { paddedToDivisor } from './padding.js';
import type { Upsampling } from './upsampling.js';
import { UPSAMPLING } from './upsampling.js';

export interface UNetDecoderOptions {
  /** How a block upsamples: 2×2 transposed convolution and ReLU (default), or interpolation without weights. */
  readonly upsampling?: Upsampling;
  /** 3×3 convolutions of a block, each followed by the norm and ReLU; default 1. */
  readonly decoderConvs?: number;
  /** Norm after each of them, which then have no bias; default `none`. Group norm has 8 groups. */
  readonly decoderNorm?: DecoderNorm;
  /** Channels of a block at the full size; default 16. Each smaller block has twice as many. */
  readonly decoderWidth?: number;
  /**
   * Size of the image divided by that of the last block; default 1. With 2 or 4 the decoder ends there, and the
   * logits are resized bilinearly: the blocks at the full size cost the most time and memory.
   */
  readonly decoderStride?: 1 | 2 | 4;
  /** Whether training adds the loss of the smaller blocks' logits; default false. */
  readonly deepSupervision?: boolean;
}

export const UNET_DECODER_OPTIONS: Settings<Required<UNetDecoderOptions>> = {
  upsampling: UPSAMPLING,
  decoderConvs: {
    kind: whole(1, 2),
    default: 1,
    help: 'number of 3×3 convolutions at each size of the decoder',
  },
  decoderNorm: DECODER_NORM,
  decoderWidth: {
    kind: whole(1, 1024),
    default: 16,
    help: 'channels of the decoder: in a U-Net at the full size, doubled at each halving; in fpn and deeplabv3plus at every size',
  },
  deepSupervision: DEEP_SUPERVISION,
  decoderStride: {
    kind: wholeOf([1, 2, 4]),
    default: 1,
    help: "the decoder stops at 1/N of the image's size, and the logits are resized bilinearly",
  },
};

/**
 * The decoder that `train` uses by default. It learns from few steps, because of its batch norms, and a step takes two
 * thirds of the time of a decoder at full size: see docs/choosing.md. Recipes name the published decoder.
 */
export const TRAIN_DECODER = {
  upsampling: 'nearest',
  decoderConvs: 2,
  decoderNorm: 'batch',
  decoderStride: 2,
} as const satisfies UNetDecoderOptions;

/** Upsampling, concatenation with the skip, and one or two times: 3×3 convolution, norm, ReLU. */
class DecoderBlock extends Module {
  readonly upsample: ConvTranspose2d | Upsample;
  readonly conv: Conv2d;
  readonly norm?: Layer;
  readonly conv2?: Conv2d;
  readonly norm2?: Layer;

  constructor(
    inChannels: number,
    skipChannels: number,
    outChannels: number,
    { upsampling, decoderConvs, decoderNorm }: Required<UNetDecoderOptions>,
  ) {
    super();
    const bias = decoderNorm === 'none';
    const conv = (from: number) =>
      new Conv2d(from, outChannels, 3, { padding: 1, bias, ...(!bias && { init: heNormal }) });
    const norm = () => normOf(decoderNorm, outChannels);
    const transposed = upsampling === 'transposed';
    this.upsample = transposed
      ? new ConvTranspose2d(inChannels, outChannels, 2, { stride: 2 })
      : new Upsample(2, upsampling);
    this.conv = conv((transposed ? outChannels : inChannels) + skipChannels);
    if (!bias) this.norm = norm()!;
    if (decoderConvs === 1) return;
    this.conv2 = conv(outChannels);
    if (!bias) this.norm2 = norm()!;
  }

  forward(x: Tensor, skip: Tensor | undefined): Tensor {
    const upsampled = this.upsample.forward(x);
    const larger = this.upsample instanceof Upsample ? upsampled : relu(upsampled);
    let y = this.conv.forward(skip ? concat([larger, skip], 1) : larger);
    y = relu(this.norm?.forward(y) ?? y);
    if (!this.conv2) return y;
    y = this.conv2.forward(y);
    return relu(this.norm2?.forward(y) ?? y);
  }
}

/** The default values of {@link UNET_DECODER_OPTIONS}: the published decoder. */
const PUBLISHED = Object.fromEntries(
  Object.entries(UNET_DECODER_OPTIONS).map(([name, setting]) => [name, setting.default]),
) as unknown as Required<UNetDecoderOptions>;

export class EncoderUNet<E extends Encoder = Encoder> extends Module {
  readonly divisor: number;
  readonly decoder: readonly DecoderBlock[];
  readonly auxiliary?: readonly Conv2d[];
  readonly head: Conv2d;

  /** @param classes output channels */
  constructor(
    readonly encoder: E,
    classes: number,
    options: UNetDecoderOptions = {},
  ) {
    super();
    const resolved = { ...PUBLISHED, ...options };
    const { decoderWidth: width, decoderStride } = resolved;
    const [bottom, ...skips] = encoder.widths.toReversed() as [number, ...number[]];
    const blocks = Math.max(1, skips.length - Math.log2(decoderStride));
    const widths = skips.map((_, i) => width << (skips.length - 1 - i)).slice(0, blocks);
    this.divisor = 2 ** skips.length;
    this.decoder = widths.map(
      (to, i) => new DecoderBlock(i === 0 ? bottom : widths[i - 1]!, skips[i]!, to, resolved),
    );
    if (resolved.deepSupervision) this.auxiliary = auxiliaryHeads(widths, classes);
    this.head = new Conv2d(widths.at(-1)!, classes, 3, { padding: 1 });
  }

  /** N×channels×H×W to logits of N×classes×H×W. */
  forward(image: Tensor): Tensor {
    return paddedToDivisor(image, this.divisor, (padded) => {
      const [bottom, ...skips] = this.encoder.maps(padded).toReversed();
      const size = [padded.shape[2]!, padded.shape[3]!] as const;
      const levels: Tensor[] = [];
      let x = bottom!;
      for (const [i, block] of this.decoder.entries()) {
        x = block.forward(x, skips[i]);
        levels.push(x);
      }
      if (this.auxiliary && this.training) superviseLevels(this.auxiliary, levels, size, image);
      return resize(this.head.forward(x), size, { mode: 'bilinear' });
    });
  }
}
