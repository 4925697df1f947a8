/**
 * ResNet-18 and ResNet-34 (He et al. 2016), with torchvision's layers and names, so that its weights load by
 * name. A stem reduces the image to 1/4; four layers of basic blocks follow. A basic block adds its input to the
 * result of two 3×3 convolutions.
 */
import type { Tensor } from '../graph/index.js';
import { add, globalAvgPool2d, maxPool2d, relu, reshape } from '../graph/index.js';
import { BatchNorm2d, Conv2d, heNormal, Linear, Module, Sequential } from '../nn/index.js';
import type { Encoder } from './encoder.js';

/** Number of basic blocks in each of the four layers. */
const BLOCKS = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3] } as const;

const WIDTHS = [64, 128, 256, 512] as const;

export type ResNetDepth = keyof typeof BLOCKS;

const conv = (from: number, to: number, size: number, stride: number) =>
  new Conv2d(from, to, size, { stride, padding: (size - 1) / 2, bias: false, init: heNormal });

class BasicBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  /** Projects the input to the output's shape where the two differ. */
  readonly downsample?: Sequential;

  constructor(inChannels: number, outChannels: number, stride: number) {
    super();
    this.conv1 = conv(inChannels, outChannels, 3, stride);
    this.bn1 = new BatchNorm2d(outChannels);
    this.conv2 = conv(outChannels, outChannels, 3, 1);
    this.bn2 = new BatchNorm2d(outChannels);
    if (stride !== 1 || inChannels !== outChannels) {
      this.downsample = new Sequential(
        conv(inChannels, outChannels, 1, stride),
        new BatchNorm2d(outChannels),
      );
    }
  }

  forward(x: Tensor): Tensor {
    const y = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(y)), this.downsample?.forward(x) ?? x));
  }
}

export interface ResNetOptions {
  /** 18 (default) or 34. */
  readonly depth?: ResNetDepth;
  /** Input channels; default 3. */
  readonly channels?: number;
}

/** The encoder: feature maps of 64, 64, 128, 256 and 512 channels at 1/2 … 1/32 of the image. */
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
    const layer = (i: 0 | 1 | 2 | 3) =>
      new Sequential(
        ...Array.from({ length: BLOCKS[depth][i] }, (_, k) =>
          k === 0
            ? new BasicBlock(WIDTHS[Math.max(i - 1, 0)]!, WIDTHS[i], i === 0 ? 1 : 2)
            : new BasicBlock(WIDTHS[i], WIDTHS[i], 1),
        ),
      );
    this.widths = [channels, 64, ...WIDTHS];
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

/** The complete classifier: 11,689,512 parameters at depth 18, 21,797,672 at 34. */
export class ResNet extends ResNetEncoder {
  readonly fc: Linear;

  constructor(options: ResNetOptions & { readonly classes?: number } = {}) {
    super(options);
    this.fc = new Linear(512, options.classes ?? 1000);
  }

  /** N×C×H×W to logits of N×classes. */
  forward(image: Tensor): Tensor {
    const pooled = globalAvgPool2d(this.maps(image).at(-1)!);
    return this.fc.forward(reshape(pooled, pooled.shape.slice(0, 2)));
  }
}
