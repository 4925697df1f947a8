/**
 * MobileNetV2 (Sandler et al. 2018), with torchvision's layers and names, so that its weights fit by name.
 *
 * An inverted residual widens its input by a 1×1 convolution, filters each channel for itself, and narrows
 * again without an activation; where the shape stays, the input is added.
 */
import type { Tensor } from '../graph/index.js';
import { add, globalAvgPool2d, reshape } from '../graph/index.js';
import type { Layer } from '../nn/index.js';
import { BatchNorm2d, Conv2d, Dropout, heNormal, Linear, Module, ReLU6, Sequential } from '../nn/index.js';
import { ConvNormActivation } from './conv-norm-activation.js';
import type { Encoder } from './encoder.js';

/** Rows of the paper's table 2: expansion t, output channels c, repeats n, stride s of the first. */
const TABLE = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** Blocks that end the maps of 1/2, 1/4, 1/8, 1/16 and 1/32, counted from 0. */
const STAGE_ENDS = [1, 3, 6, 13, 17] as const;

class InvertedResidual extends Module {
  readonly conv: Sequential;
  private readonly shortcut: boolean;

  constructor(inChannels: number, outChannels: number, expansion: number, stride: number, dilation: number) {
    super();
    const hidden = inChannels * expansion;
    const activation = ReLU6;
    this.shortcut = stride === 1 && inChannels === outChannels;
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [new ConvNormActivation(inChannels, hidden, 1, { activation })]),
      new ConvNormActivation(hidden, hidden, 3, { stride, dilation, groups: hidden, activation }),
      new Conv2d(hidden, outChannels, 1, { bias: false, init: heNormal }),
      new BatchNorm2d(outChannels),
    );
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.shortcut ? add(x, y) : y;
  }
}

export interface MobileNetV2Options {
  /** Input channels; default 3. */
  readonly channels?: number;
  /**
   * How much smaller the last map may be; default 32. With 16 the last step down is taken by convolutions
   * whose taps lie apart instead ("atrous", Chen et al. 2018). The weights stay the same.
   */
  readonly outputStride?: 16 | 32;
}

/** The first `count` of the 19 feature blocks. */
function featureBlocks(options: MobileNetV2Options, count = 19): Layer[] {
  const { channels = 3, outputStride = 32 } = options;
  const blocks: Layer[] = [new ConvNormActivation(channels, 32, 3, { stride: 2, activation: ReLU6 })];
  let [width, reduction, dilation] = [32, 2, 1];
  for (const [expansion, outChannels, repeats, firstStride] of TABLE) {
    for (let i = 0; i < repeats; i++) {
      const wanted = i === 0 ? firstStride : 1;
      const stride = reduction * wanted > outputStride ? 1 : wanted;
      blocks.push(new InvertedResidual(width, outChannels, expansion, stride, dilation));
      // A step that was not taken spreads the taps of all filters after it.
      dilation *= wanted / stride;
      reduction *= stride;
      width = outChannels;
    }
  }
  blocks.push(new ConvNormActivation(width, 1280, 1, { activation: ReLU6 }));
  return blocks.slice(0, count);
}

/**
 * The encoder: maps of 16, 24, 32, 96 and 320 channels at 1/2 … 1/32 of the image. The 19th block, which
 * only widens for the classifier, is left out: 1,811,712 parameters.
 */
export class MobileNetV2Encoder extends Module implements Encoder {
  readonly widths: readonly number[];
  readonly features: readonly Layer[];

  constructor(options: MobileNetV2Options = {}) {
    super();
    this.widths = [options.channels ?? 3, 16, 24, 32, 96, 320];
    this.features = featureBlocks(options, 18);
  }

  maps(image: Tensor): Tensor[] {
    const maps = [image];
    let x = image;
    for (const [i, block] of this.features.entries()) {
      x = block.forward(x);
      if (STAGE_ENDS.some((end) => end === i)) maps.push(x);
    }
    return maps;
  }
}

/** The whole network for classifying images: 19 feature blocks, 3,504,872 parameters for 1,000 classes. */
export class MobileNetV2 extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor(options: MobileNetV2Options & { readonly classes?: number; readonly dropout?: number } = {}) {
    super();
    const { classes = 1000, dropout = 0.2 } = options;
    this.features = new Sequential(...featureBlocks(options));
    this.classifier = new Sequential(new Dropout(dropout), new Linear(1280, classes));
  }

  /** N×C×H×W to scores of N×classes. */
  forward(image: Tensor): Tensor {
    const pooled = globalAvgPool2d(this.features.forward(image));
    return this.classifier.forward(reshape(pooled, pooled.shape.slice(0, 2)));
  }
}
