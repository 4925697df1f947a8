/**
 * DeepLabV3+ on a MobileNetV2 (Chen, Zhu, Papandreou, Schroff & Adam 2018). The encoder stops at 1/16 of the
 * image; atrous convolutions look around at several distances at once ("atrous spatial pyramid pooling"); the
 * result is enlarged bilinearly, joined with the encoder's map of 1/4, and enlarged once more.
 *
 * As the paper does for small encoders, 3×3 convolutions are depthwise-separable.
 */
import type { Tensor } from '../graph/index.js';
import { concat, globalAvgPool2d, relu, resize } from '../graph/index.js';
import { Conv2d, Module, Sequential } from '../nn/index.js';
import type { Settings } from '../settings/index.js';
import { checkSettings, whole } from '../settings/index.js';
import { ConvNormActivation } from './conv-norm-activation.js';
import type { FrozenEncoderOptions } from './encoder.js';
import { freezeAs, FROZEN_ENCODER_OPTIONS, pretrainedOnImageNet } from './encoder.js';
import { MobileNetV2Encoder } from './mobilenet-v2.js';
import { defineModel } from './model-entry.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import { paddedToDivisor } from './padding.js';

export interface DeepLabV3PlusOptions extends SharedOptions, FrozenEncoderOptions {
  /** Channels of the pyramid and the decoder; default 256. */
  readonly decoderWidth?: number;
}

export const DEEPLABV3PLUS_OPTIONS: Settings<Required<DeepLabV3PlusOptions>> = {
  ...SHARED_OPTIONS,
  ...FROZEN_ENCODER_OPTIONS,
  decoderWidth: { kind: whole(8, 1024), default: 256, help: 'channels of the pyramid and the decoder' },
};

/** Distances between taps, for maps of 1/16. */
const RATES = [6, 12, 18] as const;

/** Channels to which the map of 1/4 is narrowed, so that it does not outweigh the pyramid. */
const LOW_LEVEL_WIDTH = 48;

const size = (x: Tensor) => [x.shape[2]!, x.shape[3]!] as const;

const enlarge = (x: Tensor, like: Tensor) => resize(x, size(like), { mode: 'bilinear' });

/** 3×3 on each channel for itself, then 1×1 across; batch norm and ReLU after either. */
const separable = (from: number, to: number, dilation = 1) =>
  new Sequential(
    new ConvNormActivation(from, from, 3, { groups: from, dilation }),
    new ConvNormActivation(from, to, 1),
  );

class AtrousPyramid extends Module {
  readonly branches: readonly (ConvNormActivation | Sequential)[];
  /** Sees the whole image. No batch norm: of one image's single pixel there is no variance. */
  readonly pooled: Conv2d;
  readonly project: ConvNormActivation;

  constructor(from: number, to: number) {
    super();
    this.branches = [new ConvNormActivation(from, to, 1), ...RATES.map((rate) => separable(from, to, rate))];
    this.pooled = new Conv2d(from, to, 1);
    this.project = new ConvNormActivation((RATES.length + 2) * to, to, 1);
  }

  forward(x: Tensor): Tensor {
    const whole = relu(this.pooled.forward(globalAvgPool2d(x)));
    const views = this.branches.map((branch) => branch.forward(x));
    return this.project.forward(concat([...views, enlarge(whole, x)], 1));
  }
}

export class DeepLabV3Plus extends Module {
  readonly divisor = 16;
  readonly encoder: MobileNetV2Encoder;
  readonly pyramid: AtrousPyramid;
  readonly lowLevel: ConvNormActivation;
  readonly decoder: Sequential;
  readonly head: Conv2d;

  constructor(options: DeepLabV3PlusOptions = {}) {
    super();
    const resolved = checkSettings('DeepLabV3Plus', DEEPLABV3PLUS_OPTIONS, options);
    const { channels, classes, decoderWidth: width } = resolved;
    this.encoder = new MobileNetV2Encoder({ channels, outputStride: 16 });
    freezeAs(this.encoder, resolved);
    this.pyramid = new AtrousPyramid(this.encoder.widths.at(-1)!, width);
    this.lowLevel = new ConvNormActivation(this.encoder.widths[2]!, LOW_LEVEL_WIDTH, 1);
    this.decoder = new Sequential(separable(width + LOW_LEVEL_WIDTH, width), separable(width, width));
    this.head = new Conv2d(width, classes, 1);
  }

  /** N×channels×H×W to logits of N×classes×H×W. */
  forward(image: Tensor): Tensor {
    return paddedToDivisor(image, this.divisor, (padded) => {
      const maps = this.encoder.maps(padded);
      const low = this.lowLevel.forward(maps[2]!);
      const high = enlarge(this.pyramid.forward(maps.at(-1)!), low);
      return enlarge(this.head.forward(this.decoder.forward(concat([high, low], 1))), padded);
    });
  }
}

export const DEEPLABV3PLUS = defineModel<DeepLabV3PlusOptions>({
  title: 'DeepLabV3+',
  description: 'DeepLabV3+ (Chen et al. 2018) on a MobileNetV2 pretrained on ImageNet',
  options: DEEPLABV3PLUS_OPTIONS,
  create: (options) => new DeepLabV3Plus(options),
  pretrained: pretrainedOnImageNet('mobilenet_v2'),
  // In U-Net and SegNet, `width` counts the filters at the full size.
  renamed: { width: 'decoderWidth' },
});
