/**
 * ResNet-18, 34 and 50 (He et al. 2016), with torchvision's layers and names, so that its weights load by name. A
 * stem reduces the image to 1/4; four layers of blocks follow. A block adds its input to the result of two 3×3
 * convolutions, or in ResNet-50 of a 3×3 convolution between two 1×1 ones, which work on a quarter of the channels.
 */
import type { Tensor } from '../../graph/index.js';
import { add, globalAvgPool2d, maxPool2d, relu, reshape } from '../../graph/index.js';
import { BatchNorm2d, Conv2d, heNormal, Linear, Module, Sequential } from '../../nn/index.js';
import type { Encoder } from '../encoder.js';
import type { EncoderEntry, EncoderOptions } from './encoder-entry.js';
import { torchvisionFile } from './encoder-entry.js';
import { StrideChain } from './stages.js';

/** Number of blocks in each of the four layers. */
const BLOCKS = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3] } as const;

const WIDTHS = [64, 128, 256, 512] as const;

export type ResNetDepth = keyof typeof BLOCKS;

/** The channels of a bottleneck's output, divided by those of its 3×3 convolution. */
const EXPANSION = 4;

const conv = (from: number, to: number, size: number, stride = 1, dilation = 1) =>
  new Conv2d(from, to, size, {
    stride,
    dilation,
    padding: (dilation * (size - 1)) / 2,
    bias: false,
    init: heNormal,
  });

/** Projects the input to the output's shape where the two differ. */
const projection = (from: number, to: number, stride: number) =>
  stride === 1 && from === to ? undefined : new Sequential(conv(from, to, 1, stride), new BatchNorm2d(to));

class BasicBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample?: Sequential;

  constructor(inChannels: number, outChannels: number, stride: number, dilation: number) {
    super();
    this.conv1 = conv(inChannels, outChannels, 3, stride, dilation);
    this.bn1 = new BatchNorm2d(outChannels);
    this.conv2 = conv(outChannels, outChannels, 3, 1, dilation);
    this.bn2 = new BatchNorm2d(outChannels);
    const downsample = projection(inChannels, outChannels, stride);
    if (downsample) this.downsample = downsample;
  }

  forward(x: Tensor): Tensor {
    const y = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(y)), this.downsample?.forward(x) ?? x));
  }
}

class Bottleneck extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly downsample?: Sequential;

  constructor(inChannels: number, outChannels: number, stride: number, dilation: number) {
    super();
    const width = outChannels / EXPANSION;
    this.conv1 = conv(inChannels, width, 1);
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = conv(width, width, 3, stride, dilation);
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = conv(width, outChannels, 1);
    this.bn3 = new BatchNorm2d(outChannels);
    const downsample = projection(inChannels, outChannels, stride);
    if (downsample) this.downsample = downsample;
  }

  forward(x: Tensor): Tensor {
    let y = relu(this.bn1.forward(this.conv1.forward(x)));
    y = relu(this.bn2.forward(this.conv2.forward(y)));
    return relu(add(this.bn3.forward(this.conv3.forward(y)), this.downsample?.forward(x) ?? x));
  }
}

export interface ResNetOptions extends EncoderOptions {
  /** 18 (default), 34 or 50. */
  readonly depth?: ResNetDepth;
}

/**
 * The encoder: feature maps at 1/2 … 1/32 of the image, of 64, 64, 128, 256 and 512 channels, or in ResNet-50 of 64,
 * 256, 512, 1024 and 2048.
 */
export class ResNetEncoder extends Module implements Encoder {
  readonly widths: readonly number[];
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;

  constructor(options: ResNetOptions = {}) {
    super();
    const { depth = 18, channels = 3 } = options;
    const Block = depth === 50 ? Bottleneck : BasicBlock;
    const widths = WIDTHS.map((width) => (depth === 50 ? EXPANSION * width : width));
    const chain = new StrideChain(options);
    chain.next(4);
    const layer = (i: 0 | 1 | 2 | 3) =>
      new Sequential(
        ...Array.from({ length: BLOCKS[depth][i] }, (_, k) => {
          const { stride, dilation } = chain.next(k === 0 && i > 0 ? 2 : 1);
          return new Block(k > 0 ? widths[i]! : (widths[i - 1] ?? 64), widths[i]!, stride, dilation);
        }),
      );
    this.widths = [channels, 64, ...widths];
    this.conv1 = conv(channels, 64, 7, 2);
    this.bn1 = new BatchNorm2d(64);
    this.layer1 = layer(0);
    this.layer2 = layer(1);
    this.layer3 = layer(2);
    this.layer4 = layer(3);
  }

  maps(image: Tensor): Tensor[] {
    const maps = [image, relu(this.bn1.forward(this.conv1.forward(image)))];
    let x = maxPool2d(maps[1]!, 3, { stride: 2, padding: 1 });
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) {
      x = layer.forward(x);
      maps.push(x);
    }
    return maps;
  }
}

/** The complete classifier: 11,689,512 parameters at depth 18, 21,797,672 at 34, 25,557,032 at 50. */
export class ResNet extends ResNetEncoder {
  readonly fc: Linear;

  constructor(options: ResNetOptions & { readonly classes?: number } = {}) {
    super(options);
    this.fc = new Linear(this.widths.at(-1)!, options.classes ?? 1000);
  }

  /** N×C×H×W to logits of N×classes. */
  forward(image: Tensor): Tensor {
    const pooled = globalAvgPool2d(this.maps(image).at(-1)!);
    return this.fc.forward(reshape(pooled, pooled.shape.slice(0, 2)));
  }
}

const entry = (depth: ResNetDepth, files: Readonly<Record<string, string>>): EncoderEntry => ({
  title: `ResNet-${depth}`,
  source: 'He et al. 2016',
  create: (options) => new ResNetEncoder({ ...options, depth }),
  atrous: true,
  firstConvolution: 'conv1.weight',
  beyondEncoder: ['fc.'],
  published: Object.fromEntries(Object.entries(files).map(([name, file]) => [name, torchvisionFile(file)])),
});

export const RESNET18 = entry(18, { imagenet: 'resnet18-f37072fd.pth' });
export const RESNET34 = entry(34, { imagenet: 'resnet34-b627a593.pth' });
export const RESNET50 = entry(50, {
  imagenet: 'resnet50-0676ba61.pth',
  'imagenet-v2': 'resnet50-11ad3fa6.pth',
});
