/**
 * EfficientNet-B0 … B3 (Tan & Le 2019), with torchvision's layers and names, so that its weights load by name.
 *
 * A block expands its input by a 1×1 convolution, applies a depthwise convolution and squeeze-and-excitation, and
 * projects to fewer channels without an activation. If input and output have the same shape, the input is added.
 * Stochastic depth, which torchvision applies while it trains, is left out.
 */
import type { Tensor } from '../../graph/index.js';
import { add, sigmoid, silu } from '../../graph/index.js';
import type { Layer } from '../../nn/index.js';
import { Module, Sequential, SiLU } from '../../nn/index.js';
import { ConvNormActivation } from '../conv-norm-activation.js';
import type { Encoder } from '../encoder.js';
import type { EncoderEntry, EncoderOptions } from './encoder-entry.js';
import { torchvisionFile } from './encoder-entry.js';
import { SqueezeExcitation } from './squeeze-excitation.js';
import { mapsOf, multipleOf8, StrideChain } from './stages.js';

/** Rows of the paper's table 1: expansion, kernel, stride of the first block, output channels, blocks. */
const TABLE = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

/** Factors of the channels and of the blocks. */
const SCALES = { b0: [1, 1], b1: [1, 1.1], b2: [1.1, 1.2], b3: [1.2, 1.4] } as const;

export type EfficientNetSize = keyof typeof SCALES;

interface BlockShape {
  readonly from: number;
  readonly to: number;
  readonly expansion: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

class Block extends Module {
  readonly block: Sequential;
  private readonly shortcut: boolean;

  constructor({ from, to, expansion, kernel, stride, dilation }: BlockShape) {
    super();
    const hidden = multipleOf8(from * expansion);
    const activation = SiLU;
    this.shortcut = stride === 1 && from === to;
    this.block = new Sequential(
      ...(hidden === from ? [] : [new ConvNormActivation(from, hidden, 1, { activation })]),
      new ConvNormActivation(hidden, hidden, kernel, { stride, dilation, groups: hidden, activation }),
      new SqueezeExcitation(hidden, Math.max(1, Math.floor(from / 4)), silu, sigmoid),
      new ConvNormActivation(hidden, to, 1, { activation: 'none' }),
    );
  }

  forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    return this.shortcut ? add(y, x) : y;
  }
}

/**
 * The encoder: feature maps at 1/2 … 1/32 of the image, of 16, 24, 40, 112 and 320 channels in B0. The last
 * convolution of the network, which only adds channels for the classifier, is left out.
 */
export class EfficientNetEncoder extends Module implements Encoder {
  readonly widths: readonly number[];
  readonly features: readonly Layer[];
  private readonly halvings: readonly number[];

  constructor(size: EfficientNetSize, options: EncoderOptions = {}) {
    super();
    const { channels = 3 } = options;
    const [wider, deeper] = SCALES[size];
    const chain = new StrideChain(options);
    let from = multipleOf8(32 * wider);
    const stem = new ConvNormActivation(channels, from, 3, { ...chain.next(2), activation: SiLU });
    const halvings = [chain.halvings];
    const widths = [channels];
    const stages = TABLE.map(([expansion, kernel, firstStride, filters, repeats], row) => {
      const to = multipleOf8(filters * wider);
      const blocks = Array.from({ length: Math.ceil(repeats * deeper) }, (_, i) => {
        const geometry = chain.next(i === 0 ? firstStride : 1);
        const block = new Block({ from, to, expansion, kernel, ...geometry });
        from = to;
        return block;
      });
      halvings.push(chain.halvings);
      if (TABLE[row + 1]?.[2] !== 1) widths.push(to);
      return new Sequential(...blocks);
    });
    this.widths = widths;
    this.features = [stem, ...stages];
    this.halvings = halvings;
  }

  maps(image: Tensor): Tensor[] {
    return mapsOf(image, this.features, this.halvings);
  }
}

const entry = (size: EfficientNetSize, file: string): EncoderEntry => ({
  title: `EfficientNet-${size.toUpperCase()}`,
  source: 'Tan & Le 2019',
  create: (options) => new EfficientNetEncoder(size, options),
  atrous: true,
  firstConvolution: 'features.0.0.weight',
  beyondEncoder: ['features.8.', 'classifier.'],
  published: { imagenet: torchvisionFile(file) },
});

export const EFFICIENTNET_B0 = entry('b0', 'efficientnet_b0_rwightman-3dd342df.pth');
export const EFFICIENTNET_B1 = entry('b1', 'efficientnet_b1_rwightman-533bc792.pth');
export const EFFICIENTNET_B2 = entry('b2', 'efficientnet_b2_rwightman-bcdf34b7.pth');
export const EFFICIENTNET_B3 = entry('b3', 'efficientnet_b3_rwightman-cf984f9c.pth');
