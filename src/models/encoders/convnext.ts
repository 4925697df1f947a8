/**
 * ConvNeXt-Tiny (Liu et al. 2022), with torchvision's layers and names, so that its weights load by name. A stem
 * reduces the image to 1/4; four stages of blocks follow, with a strided convolution between them. A block applies a
 * depthwise 7×7 convolution, layer norm, and a perceptron of one hidden layer to each pixel's channels. Stochastic
 * depth, which torchvision applies while it trains, is left out.
 */
import type { Tensor } from '../../graph/index.js';
import { add, mul, transpose } from '../../graph/index.js';
import type { Layer } from '../../nn/index.js';
import {
  constantInit,
  Conv2d,
  GELU,
  LayerNorm,
  Linear,
  Module,
  Parameter,
  Sequential,
} from '../../nn/index.js';
import type { Encoder } from '../encoder.js';
import type { EncoderEntry, EncoderOptions } from './encoder-entry.js';
import { torchvisionFile } from './encoder-entry.js';

/** Channels and blocks of each stage. */
const STAGES = [
  [96, 3],
  [192, 3],
  [384, 9],
  [768, 3],
] as const;

const EPSILON = 1e-6;

/** Initial factor of a block's result, before its input is added. */
const LAYER_SCALE = 1e-6;

/** Layer norm over the channels of N×C×H×W. */
class ChannelNorm extends LayerNorm {
  constructor(channels: number) {
    super(channels, { epsilon: EPSILON, axis: 1 });
  }
}

/** Moves the channels of N×C×H×W to the end, or back. */
class MoveChannels extends Module {
  constructor(private readonly to: 'last' | 'first') {
    super();
  }

  forward(x: Tensor): Tensor {
    return transpose(x, this.to === 'last' ? [0, 2, 3, 1] : [0, 3, 1, 2]);
  }
}

class Block extends Module {
  readonly layer_scale: Parameter;
  readonly block: Sequential;

  constructor(channels: number) {
    super();
    this.layer_scale = new Parameter([channels, 1, 1], constantInit(LAYER_SCALE));
    this.block = new Sequential(
      new Conv2d(channels, channels, 7, { padding: 3, groups: channels }),
      new MoveChannels('last'),
      new LayerNorm(channels, { epsilon: EPSILON }),
      new Linear(channels, 4 * channels),
      new GELU(),
      new Linear(4 * channels, channels),
      new MoveChannels('first'),
    );
  }

  forward(x: Tensor): Tensor {
    return add(mul(this.layer_scale, this.block.forward(x)), x);
  }
}

/** The encoder: feature maps of 96, 192, 384 and 768 channels at 1/4 … 1/32 of the image, and none at 1/2. */
export class ConvNeXtEncoder extends Module implements Encoder {
  readonly widths: readonly number[];
  readonly features: readonly Layer[];

  constructor({ channels = 3 }: EncoderOptions = {}) {
    super();
    this.widths = [channels, 0, ...STAGES.map(([width]) => width)];
    this.features = STAGES.flatMap(([width, blocks], i) => {
      const before = STAGES[i - 1]?.[0];
      const smaller =
        before === undefined
          ? new Sequential(new Conv2d(channels, width, 4, { stride: 4 }), new ChannelNorm(width))
          : new Sequential(new ChannelNorm(before), new Conv2d(before, width, 2, { stride: 2 }));
      return [smaller, new Sequential(...Array.from({ length: blocks }, () => new Block(width)))];
    });
  }

  maps(image: Tensor): (Tensor | undefined)[] {
    const maps: (Tensor | undefined)[] = [image, undefined];
    let x = image;
    for (const [i, layer] of this.features.entries()) {
      x = layer.forward(x);
      if (i % 2 === 1) maps.push(x);
    }
    return maps;
  }
}

export const CONVNEXT_TINY: EncoderEntry = {
  title: 'ConvNeXt-Tiny',
  source: 'Liu et al. 2022',
  create: (options) => new ConvNeXtEncoder(options),
  atrous: false,
  firstConvolution: 'features.0.0.weight',
  beyondEncoder: ['classifier.'],
  published: { imagenet: torchvisionFile('convnext_tiny-983f1562.pth') },
};
