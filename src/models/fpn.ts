/**
 * The feature pyramid network for segmentation (Lin et al. 2017; Kirillov, Girshick, He & Dollár 2019, "Panoptic
 * feature pyramid networks", figure 3). 1×1 convolutions bring the encoder's maps at 1/4 … 1/32 to one number of
 * channels. Each map is added to the next larger one, upsampled. Then each is convolved and upsampled to 1/4, their sum
 * is classified, and the logits are resized to the full size.
 */
import type { Tensor } from '../graph/index.js';
import { add, relu, resize } from '../graph/index.js';
import type { Layer } from '../nn/index.js';
import { Conv2d, Module } from '../nn/index.js';
import type { Settings } from '../settings/index.js';
import { checkSettings, whole } from '../settings/index.js';
import type { DecoderNorm } from './decoder-norm.js';
import { DECODER_NORM, normOf } from './decoder-norm.js';
import type { Encoder } from './encoder.js';
import { FROZEN_ENCODER_OPTIONS, pretrainedOnImageNet } from './encoder.js';
import type { AnyEncoderOptions } from './encoders/encoder-option.js';
import { DEFAULT_ENCODER, ENCODER_OPTION, encoderOf } from './encoders/encoder-option.js';
import { defineModel } from './model-entry.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import { paddedToDivisor } from './padding.js';

export interface FpnOptions extends SharedOptions, AnyEncoderOptions {
  /** Channels of the pyramid; default 128. */
  readonly decoderWidth?: number;
  /** Norm after each 3×3 convolution; default `group`, as in the paper. */
  readonly decoderNorm?: DecoderNorm;
}

export const FPN_OPTIONS: Settings<Required<FpnOptions>> = {
  ...SHARED_OPTIONS,
  encoder: ENCODER_OPTION,
  ...FROZEN_ENCODER_OPTIONS,
  decoderWidth: { kind: whole(1, 1024), default: 128, help: 'channels of the pyramid' },
  decoderNorm: { ...DECODER_NORM, default: 'group' },
};

/** The first map of the pyramid: at 1/2² of the image's size. */
const FIRST = 2;

/** 3×3 convolution, norm, ReLU. */
class ConvBlock extends Module {
  readonly conv: Conv2d;
  readonly norm?: Layer;

  constructor(width: number, kind: DecoderNorm) {
    super();
    this.conv = new Conv2d(width, width, 3, { padding: 1, bias: kind === 'none' });
    const norm = normOf(kind, width);
    if (norm) this.norm = norm;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return relu(this.norm?.forward(y) ?? y);
  }
}

/** A level of the pyramid on its way to 1/4: convolution and doubling, as often as needed; without doubling, one convolution. */
class LevelHead extends Module {
  readonly blocks: readonly ConvBlock[];

  constructor(
    private readonly doublings: number,
    width: number,
    norm: DecoderNorm,
  ) {
    super();
    this.blocks = Array.from({ length: Math.max(1, doublings) }, () => new ConvBlock(width, norm));
  }

  forward(x: Tensor): Tensor {
    return this.blocks.reduce((y, block) => {
      const convolved = block.forward(y);
      return this.doublings === 0 ? convolved : doubled(convolved, 'bilinear');
    }, x);
  }
}

const doubled = (x: Tensor, mode: 'nearest' | 'bilinear') =>
  resize(x, [2 * x.shape[2]!, 2 * x.shape[3]!], { mode });

export class Fpn extends Module {
  readonly divisor: number;
  readonly encoder: Encoder;
  readonly lateral: readonly Conv2d[];
  readonly levels: readonly LevelHead[];
  readonly head: Conv2d;

  constructor(options: FpnOptions = {}) {
    super();
    const resolved = checkSettings('Fpn', FPN_OPTIONS, options);
    const { channels, classes, decoderWidth: width, decoderNorm } = resolved;
    this.encoder = encoderOf(resolved, { channels });
    this.divisor = 2 ** (this.encoder.widths.length - 1);
    const widths = this.encoder.widths.slice(FIRST);
    this.lateral = widths.map((from) => new Conv2d(from, width, 1));
    this.levels = widths.map((_, i) => new LevelHead(i, width, decoderNorm));
    this.head = new Conv2d(width, classes, 1);
  }

  /** N×channels×H×W to logits of N×classes×H×W. */
  forward(image: Tensor): Tensor {
    return paddedToDivisor(image, this.divisor, (padded) => {
      const maps = this.encoder.maps(padded).slice(FIRST);
      const pyramid: Tensor[] = [];
      for (const [i, convolution] of [...this.lateral.entries()].reverse()) {
        const lateral = convolution.forward(maps[i]!);
        const coarser = pyramid[0];
        pyramid.unshift(coarser ? add(lateral, doubled(coarser, 'nearest')) : lateral);
      }
      const sum = pyramid.map((map, i) => this.levels[i]!.forward(map)).reduce((a, b) => add(a, b));
      const logits = this.head.forward(sum);
      return resize(logits, [padded.shape[2]!, padded.shape[3]!], { mode: 'bilinear' });
    });
  }
}

export const FPN = defineModel<FpnOptions>({
  title: 'FPN',
  description: 'a feature pyramid network (Lin et al. 2017) on an encoder pretrained on ImageNet',
  options: FPN_OPTIONS,
  create: (options) => new Fpn(options),
  pretrained: pretrainedOnImageNet(DEFAULT_ENCODER),
});
