/**
 * MobileNetV2 (Sandler et al. 2018), with torchvision's layers and names, so that its weights load by name.
 *
 * An inverted residual expands its input by a 1×1 convolution, applies a depthwise convolution, and projects to
 * fewer channels without an activation. If input and output have the same shape, the input is added.
 */
import type { Tensor } from '../../graph/index.js';
import { add, globalAvgPool2d, reshape } from '../../graph/index.js';
import type { Layer } from '../../nn/index.js';
import { BatchNorm2d, Conv2d, Dropout, heNormal, Linear, Module, ReLU6, Sequential } from '../../nn/index.js';
import { ConvNormActivation } from '../conv-norm-activation.js';
import type { Encoder } from '../encoder.js';
import type { EncoderEntry, EncoderOptions } from './encoder-entry.js';
import { torchvisionFile } from './encoder-entry.js';
import { StrideChain } from './stages.js';

/** Rows of the paper's table 2: expansion t, output channels c, repeats n, stride s of the first repeat. */
const TABLE = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** The last block at 1/2, 1/4, 1/8, 1/16 and 1/32 of the image, counted from 0. */
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

/** The first `count` of the 19 feature blocks. */
function featureBlocks(options: EncoderOptions, count = 19): Layer[] {
  const { channels = 3 } = options;
  const chain = new StrideChain(options);
  const stem = { ...chain.next(2), activation: ReLU6 };
  const blocks: Layer[] = [new ConvNormActivation(channels, 32, 3, stem)];
  let width = 32;
  for (const [expansion, outChannels, repeats, firstStride] of TABLE) {
    for (let i = 0; i < repeats; i++) {
      const { stride, dilation } = chain.next(i === 0 ? firstStride : 1);
      blocks.push(new InvertedResidual(width, outChannels, expansion, stride, dilation));
      width = outChannels;
    }
  }
  blocks.push(new ConvNormActivation(width, 1280, 1, { activation: ReLU6 }));
  return blocks.slice(0, count);
}

/**
 * The encoder: feature maps of 16, 24, 32, 96 and 320 channels at 1/2 … 1/32 of the image; 1,811,712 parameters.
 * It omits the 19th block, which only adds channels for the classifier.
 */
export class MobileNetV2Encoder extends Module implements Encoder {
  readonly widths: readonly number[];
  readonly features: readonly Layer[];

  constructor(options: EncoderOptions = {}) {
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

/** The complete classifier: 19 feature blocks, 3,504,872 parameters for 1,000 classes. */
export class MobileNetV2 extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor(options: EncoderOptions & { readonly classes?: number; readonly dropout?: number } = {}) {
    super();
    const { classes = 1000, dropout = 0.2 } = options;
    this.features = new Sequential(...featureBlocks(options));
    this.classifier = new Sequential(new Dropout(dropout), new Linear(1280, classes));
  }

  /** N×C×H×W to logits of N×classes. */
  forward(image: Tensor): Tensor {
    const pooled = globalAvgPool2d(this.features.forward(image));
    return this.classifier.forward(reshape(pooled, pooled.shape.slice(0, 2)));
  }
}

/**
 * MobileNetV2's module names in both libraries. torchvision numbers its 19 feature blocks consecutively. timm groups
 * the 17 inverted residuals among them into seven stages (Sandler et al. 2018, table 2: n = 1, 2, 3, 4, 3, 3, 1)
 * and names each block's layers by their function. The first block has no expansion, so it has two layers fewer.
 */
function timmNames() {
  const pairs: [torchvision: string, timm: string][] = [
    ['features.0.0', 'conv_stem'],
    ['features.0.1', 'bn1'],
    ['features.18.0', 'conv_head'],
    ['features.18.1', 'bn2'],
    ['classifier.1', 'classifier'],
  ];
  let block = 1;
  [1, 2, 3, 4, 3, 3, 1].forEach((blocks, stage) => {
    for (let i = 0; i < blocks; i++, block++) {
      const conv = `features.${block}.conv`;
      const inner = `blocks.${stage}.${i}`;
      const layers =
        block === 1
          ? { '0.0': 'conv_dw', '0.1': 'bn1', '1': 'conv_pw', '2': 'bn2' }
          : { '0.0': 'conv_pw', '0.1': 'bn1', '1.0': 'conv_dw', '1.1': 'bn2', '2': 'conv_pwl', '3': 'bn3' };
      for (const [ours, theirs] of Object.entries(layers))
        pairs.push([`${conv}.${ours}`, `${inner}.${theirs}`]);
    }
  });
  return {
    /** torchvision's name of a tensor, given timm's. Other names are returned unchanged. */
    fromTimm: renaming(new Map(pairs.map(([ours, theirs]) => [theirs, ours]))),
    /** timm's name of a tensor, given torchvision's. */
    toTimm: renaming(new Map(pairs)),
  };
}

/** Renames a tensor's module, which is its name without the last part (`weight`, `running_mean`, …). */
function renaming(modules: ReadonlyMap<string, string>): (name: string) => string {
  return (name) => {
    const dot = name.lastIndexOf('.');
    const module = modules.get(name.slice(0, dot));
    return module === undefined ? name : module + name.slice(dot);
  };
}

export const MOBILENET_V2_TIMM_NAMES = timmNames();

export const MOBILENET_V2: EncoderEntry = {
  title: 'MobileNetV2',
  source: 'Sandler et al. 2018',
  create: (options) => new MobileNetV2Encoder(options),
  atrous: true,
  firstConvolution: 'features.0.0.weight',
  // The 19th block expands the last feature map for the classifier.
  beyondEncoder: ['features.18.', 'classifier.'],
  published: { imagenet: torchvisionFile('mobilenet_v2-7ebf99e0.pth') },
  fromTimm: MOBILENET_V2_TIMM_NAMES.fromTimm,
};
