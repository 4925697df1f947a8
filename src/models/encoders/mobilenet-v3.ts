/**
 * MobileNetV3, large and small (Howard et al. 2019), with torchvision's layers and names, so that its weights load
 * by name. Its blocks are those of MobileNetV2, some with squeeze-and-excitation, some with hard-swish.
 */
import type { Tensor } from '../../graph/index.js';
import { add, relu } from '../../graph/index.js';
import type { Layer } from '../../nn/index.js';
import { Hardswish, Module, ReLU, Sequential } from '../../nn/index.js';
import { ConvNormActivation } from '../conv-norm-activation.js';
import type { Encoder } from '../encoder.js';
import type { EncoderEntry, EncoderOptions } from './encoder-entry.js';
import { torchvisionFile } from './encoder-entry.js';
import { hardSigmoid, SqueezeExcitation } from './squeeze-excitation.js';
import { mapsOf, multipleOf8, StrideChain } from './stages.js';

/** A row of the paper's tables 1 and 2: kernel, expanded and output channels, squeeze, activation, stride. */
type Row = readonly [
  kernel: number,
  hidden: number,
  to: number,
  squeeze: boolean,
  activation: 'RE' | 'HS',
  stride: number,
];

const TABLES: Readonly<Record<'large' | 'small', readonly Row[]>> = {
  large: [
    [3, 16, 16, false, 'RE', 1],
    [3, 64, 24, false, 'RE', 2],
    [3, 72, 24, false, 'RE', 1],
    [5, 72, 40, true, 'RE', 2],
    [5, 120, 40, true, 'RE', 1],
    [5, 120, 40, true, 'RE', 1],
    [3, 240, 80, false, 'HS', 2],
    [3, 200, 80, false, 'HS', 1],
    [3, 184, 80, false, 'HS', 1],
    [3, 184, 80, false, 'HS', 1],
    [3, 480, 112, true, 'HS', 1],
    [3, 672, 112, true, 'HS', 1],
    [5, 672, 160, true, 'HS', 2],
    [5, 960, 160, true, 'HS', 1],
    [5, 960, 160, true, 'HS', 1],
  ],
  small: [
    [3, 16, 16, true, 'RE', 2],
    [3, 72, 24, false, 'RE', 2],
    [3, 88, 24, false, 'RE', 1],
    [5, 96, 40, true, 'HS', 2],
    [5, 240, 40, true, 'HS', 1],
    [5, 240, 40, true, 'HS', 1],
    [5, 120, 48, true, 'HS', 1],
    [5, 144, 48, true, 'HS', 1],
    [5, 288, 96, true, 'HS', 2],
    [5, 576, 96, true, 'HS', 1],
    [5, 576, 96, true, 'HS', 1],
  ],
};

export type MobileNetV3Size = keyof typeof TABLES;

const STEM = 16;
const NORM = { epsilon: 1e-3, momentum: 0.01 };

class Block extends Module {
  readonly block: Sequential;
  private readonly shortcut: boolean;

  constructor(
    from: number,
    [kernel, hidden, to, squeeze, name]: Row,
    { stride, dilation }: { readonly stride: number; readonly dilation: number },
  ) {
    super();
    const options = { activation: name === 'RE' ? ReLU : Hardswish, norm: NORM };
    const geometry = { stride, dilation, groups: hidden };
    this.shortcut = stride === 1 && from === to;
    this.block = new Sequential(
      ...(hidden === from ? [] : [new ConvNormActivation(from, hidden, 1, options)]),
      new ConvNormActivation(hidden, hidden, kernel, { ...geometry, ...options }),
      ...(squeeze
        ? [new SqueezeExcitation(hidden, multipleOf8(Math.floor(hidden / 4)), relu, hardSigmoid)]
        : []),
      new ConvNormActivation(hidden, to, 1, { ...options, activation: 'none' }),
    );
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    return this.shortcut ? add(y, x) : y;
  }
}

/**
 * The encoder: feature maps at 1/2 … 1/32 of the image, of 16, 24, 40, 112 and 160 channels (large) or 16, 16, 24, 48
 * and 96 (small). The last convolution of the network, which only adds channels for the classifier, is left out.
 */
export class MobileNetV3Encoder extends Module implements Encoder {
  readonly widths: readonly number[];
  readonly features: readonly Layer[];
  private readonly halvings: readonly number[];

  constructor(size: MobileNetV3Size, options: EncoderOptions = {}) {
    super();
    const { channels = 3 } = options;
    const chain = new StrideChain(options);
    const stem = { ...chain.next(2), activation: Hardswish, norm: NORM };
    const features: Layer[] = [new ConvNormActivation(channels, STEM, 3, stem)];
    const halvings = [chain.halvings];
    const widths = [channels];
    let from = STEM;
    for (const row of TABLES[size]) {
      const stride = row[5];
      if (stride === 2) widths.push(from);
      features.push(new Block(from, row, chain.next(stride)));
      halvings.push(chain.halvings);
      from = row[2];
    }
    this.widths = [...widths, from];
    this.features = features;
    this.halvings = halvings;
  }

  maps(image: Tensor): Tensor[] {
    return mapsOf(image, this.features, this.halvings);
  }
}

const entry = (
  size: MobileNetV3Size,
  last: number,
  files: Readonly<Record<string, string>>,
): EncoderEntry => ({
  title: `MobileNetV3-${size}`,
  source: 'Howard et al. 2019',
  create: (options) => new MobileNetV3Encoder(size, options),
  atrous: true,
  firstConvolution: 'features.0.0.weight',
  beyondEncoder: [`features.${last}.`, 'classifier.'],
  published: Object.fromEntries(Object.entries(files).map(([name, file]) => [name, torchvisionFile(file)])),
});

export const MOBILENET_V3_LARGE = entry('large', 16, {
  imagenet: 'mobilenet_v3_large-8738ca79.pth',
  'imagenet-v2': 'mobilenet_v3_large-5c1a4163.pth',
});
export const MOBILENET_V3_SMALL = entry('small', 12, { imagenet: 'mobilenet_v3_small-047dcff4.pth' });
