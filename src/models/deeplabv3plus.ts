/**
 * DeepLabV3+ on any encoder of the registry (Chen, Zhu, Papandreou, Schroff & Adam 2018). The encoder has output
 * stride 16, or 32 if its convolutions cannot be dilated. It is followed by parallel atrous convolutions with
 * different dilations ("atrous spatial pyramid pooling"). Their output is upsampled bilinearly to 1/4 of the image size,
 * concatenated with the encoder's feature map of that size, convolved, and upsampled to the full size.
 *
 * 3×3 convolutions are depthwise-separable, as in the paper for small encoders.
 */
import type { Tensor } from '../graph/index.js';
import { concat, globalAvgPool2d, relu, resize } from '../graph/index.js';
import { Conv2d, Module, Sequential } from '../nn/index.js';
import type { Settings } from '../settings/index.js';
import { checkSettings, whole } from '../settings/index.js';
import { ConvNormActivation } from './conv-norm-activation.js';
import type { Encoder } from './encoder.js';
import { FROZEN_ENCODER_OPTIONS, pretrainedOnImageNet } from './encoder.js';
import type { AnyEncoderOptions } from './encoders/encoder-option.js';
import { DEFAULT_ENCODER, ENCODER_OPTION, encoderOf } from './encoders/encoder-option.js';
import { encoderEntry } from './encoders/registry.js';
import { defineModel } from './model-entry.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import { paddedToDivisor } from './padding.js';

export interface DeepLabV3PlusOptions extends SharedOptions, AnyEncoderOptions {
  /** Channels of the pyramid and the decoder; default 256. */
  readonly decoderWidth?: number;
}

export const DEEPLABV3PLUS_OPTIONS: Settings<Required<DeepLabV3PlusOptions>> = {
  ...SHARED_OPTIONS,
  encoder: ENCODER_OPTION,
  ...FROZEN_ENCODER_OPTIONS,
  decoderWidth: { kind: whole(8, 1024), default: 256, help: 'channels of the pyramid and the decoder' },
};

/** Dilations of the pyramid's 3×3 convolutions, for output stride 16. */
const RATES = [6, 12, 18] as const;

/** The feature map at 1/4 is reduced to this many channels, so that it does not outweigh the pyramid. */
const LOW_LEVEL_WIDTH = 48;

const size = (x: Tensor) => [x.shape[2]!, x.shape[3]!] as const;

const upsample = (x: Tensor, like: Tensor) => resize(x, size(like), { mode: 'bilinear' });

/** A depthwise 3×3 and a pointwise 1×1 convolution, each followed by batch norm and ReLU. */
const separable = (from: number, to: number, dilation = 1) =>
  new Sequential(
    new ConvNormActivation(from, from, 3, { groups: from, dilation }),
    new ConvNormActivation(from, to, 1),
  );

class AtrousPyramid extends Module {
  readonly branches: readonly (ConvNormActivation | Sequential)[];
  /**
   * The 1×1 convolution after global average pooling. It has no batch norm: with a batch of one image, a channel
   * has a single value and its variance is 0.
   */
  readonly pooled: Conv2d;
  readonly project: ConvNormActivation;

  /** @param outputStride of the encoder. Dilations are halved for 32, so that they span as many pixels of the image. */
  constructor(from: number, to: number, outputStride: 16 | 32) {
    super();
    this.branches = [
      new ConvNormActivation(from, to, 1),
      ...RATES.map((rate) => separable(from, to, (rate * 16) / outputStride)),
    ];
    this.pooled = new Conv2d(from, to, 1);
    this.project = new ConvNormActivation((RATES.length + 2) * to, to, 1);
  }

  forward(x: Tensor): Tensor {
    const pooled = relu(this.pooled.forward(globalAvgPool2d(x)));
    const branches = this.branches.map((branch) => branch.forward(x));
    return this.project.forward(concat([...branches, upsample(pooled, x)], 1));
  }
}

export class DeepLabV3Plus extends Module {
  readonly divisor: 16 | 32;
  readonly encoder: Encoder;
  readonly pyramid: AtrousPyramid;
  readonly lowLevel: ConvNormActivation;
  readonly decoder: Sequential;
  readonly head: Conv2d;

  constructor(options: DeepLabV3PlusOptions = {}) {
    super();
    const resolved = checkSettings('DeepLabV3Plus', DEEPLABV3PLUS_OPTIONS, options);
    const { channels, classes, decoderWidth: width } = resolved;
    const outputStride = encoderEntry(resolved.encoder).atrous ? 16 : 32;
    this.divisor = outputStride;
    this.encoder = encoderOf(resolved, { channels, outputStride });
    this.pyramid = new AtrousPyramid(this.encoder.widths.at(-1)!, width, outputStride);
    this.lowLevel = new ConvNormActivation(this.encoder.widths[2]!, LOW_LEVEL_WIDTH, 1);
    this.decoder = new Sequential(separable(width + LOW_LEVEL_WIDTH, width), separable(width, width));
    this.head = new Conv2d(width, classes, 1);
  }

  /** N×channels×H×W to logits of N×classes×H×W. */
  forward(image: Tensor): Tensor {
    return paddedToDivisor(image, this.divisor, (padded) => {
      const maps = this.encoder.maps(padded);
      const low = this.lowLevel.forward(maps[2]!);
      const high = upsample(this.pyramid.forward(maps.at(-1)!), low);
      return upsample(this.head.forward(this.decoder.forward(concat([high, low], 1))), padded);
    });
  }
}

export const DEEPLABV3PLUS = defineModel<DeepLabV3PlusOptions>({
  title: 'DeepLabV3+',
  description: 'DeepLabV3+ (Chen et al. 2018) on an encoder pretrained on ImageNet',
  options: DEEPLABV3PLUS_OPTIONS,
  create: (options) => new DeepLabV3Plus(options),
  pretrained: pretrainedOnImageNet(DEFAULT_ENCODER),
  // `width` now means only the filters at full size of U-Net and SegNet.
  renamed: { width: 'decoderWidth' },
});
