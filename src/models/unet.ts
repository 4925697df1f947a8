/**
 * U-Net (Ronneberger, Fischer & Brox 2015): a contracting path of double convolutions and pooling, and an
 * expanding path that upsamples and concatenates the contracting path's feature map of the same size. Unlike in
 * the paper, convolutions are padded, so that the mask has the size of the image.
 */
import type { Tensor } from '../graph/index.js';
import { concat, maxPool2d, relu } from '../graph/index.js';
import type { Layer } from '../nn/index.js';
import { BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, Module, Sequential, Upsample } from '../nn/index.js';
import type { Settings } from '../settings/index.js';
import { checkSettings, choice, flag, real, whole } from '../settings/index.js';
import { auxiliaryHeads, DEEP_SUPERVISION, superviseLevels } from './deep-supervision.js';
import { defineModel } from './model-entry.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import { paddedToDivisor } from './padding.js';
import type { Upsampling } from './upsampling.js';
import { UPSAMPLING } from './upsampling.js';

export interface UNetOptions extends SharedOptions {
  /** Number of sizes, 2 … 8; default 5, as in the paper. */
  readonly depth?: number;
  /** Filters at the full size, doubled by each pooling; default 64, as in the paper. */
  readonly width?: number;
  /** Dropout probability, 0 ≤ p < 1; default 0. */
  readonly dropout?: number;
  /**
   * Where dropout is applied: `bottom` (default) once, after the last pooling; `every` between the first ReLU and
   * the second convolution of every block.
   */
  readonly dropoutAt?: 'bottom' | 'every';
  /** Batch norm after every 3×3 convolution, which then has no bias; default false. */
  readonly batchNorm?: boolean;
  /** `transposed` (default) is a 2×2 transposed convolution; the others are followed by a 1×1 convolution. */
  readonly upsampling?: Upsampling;
  /** Whether training adds the loss of the smaller levels' logits; default false. */
  readonly deepSupervision?: boolean;
}

export const UNET_OPTIONS: Settings<Required<UNetOptions>> = {
  ...SHARED_OPTIONS,
  depth: {
    kind: whole(2, 8),
    default: 5,
    help: 'number of resolutions, from the full size to the bottleneck',
  },
  width: { kind: whole(1, 1024), default: 64, help: 'filters at the full size, doubled by each pooling' },
  dropout: { kind: real({ min: 0, max: 0.99 }), default: 0, help: 'dropout probability' },
  dropoutAt: {
    kind: choice(['bottom', 'every']),
    default: 'bottom',
    help: 'dropout once after the last pooling, or between the convolutions of every block',
  },
  batchNorm: { kind: flag(), default: false, help: 'batch norm after every 3×3 convolution' },
  upsampling: UPSAMPLING,
  deepSupervision: DEEP_SUPERVISION,
};

/** Two times: 3×3 convolution, optional batch norm, ReLU. */
export class DoubleConv extends Module {
  readonly conv1: Conv2d;
  readonly norm1?: BatchNorm2d;
  readonly dropout?: Dropout;
  readonly conv2: Conv2d;
  readonly norm2?: BatchNorm2d;

  constructor(inChannels: number, outChannels: number, batchNorm: boolean, dropout: number) {
    super();
    const conv = (from: number) => new Conv2d(from, outChannels, 3, { padding: 1, bias: !batchNorm });
    this.conv1 = conv(inChannels);
    if (batchNorm) this.norm1 = new BatchNorm2d(outChannels);
    if (dropout > 0) this.dropout = new Dropout(dropout);
    this.conv2 = conv(outChannels);
    if (batchNorm) this.norm2 = new BatchNorm2d(outChannels);
  }

  forward(x: Tensor): Tensor {
    let y = this.conv1.forward(x);
    y = relu(this.norm1?.forward(y) ?? y);
    y = this.conv2.forward(this.dropout?.forward(y) ?? y);
    return relu(this.norm2?.forward(y) ?? y);
  }
}

export class UNet extends Module {
  /** The input is padded to multiples of this, and the output is cropped back. */
  readonly divisor: number;
  readonly down: readonly DoubleConv[];
  readonly bottomDropout?: Dropout;
  readonly up: readonly Layer[];
  readonly fuse: readonly DoubleConv[];
  readonly auxiliary?: readonly Conv2d[];
  readonly head: Conv2d;

  constructor(options: UNetOptions = {}) {
    super();
    const resolved = checkSettings('UNet', UNET_OPTIONS, options);
    const { channels, classes, depth, width, dropout, dropoutAt, batchNorm, upsampling } = resolved;
    const inside = dropoutAt === 'every' ? dropout : 0;
    const widths = Array.from({ length: depth }, (_, level) => width << level);
    const upwards = widths.slice(0, -1).reverse();
    const double = (from: number, to: number) => new DoubleConv(from, to, batchNorm, inside);
    this.divisor = 2 ** (depth - 1);
    this.down = widths.map((to, level) => double(level === 0 ? channels : widths[level - 1]!, to));
    if (dropoutAt === 'bottom' && dropout > 0) this.bottomDropout = new Dropout(dropout);
    this.up = upwards.map((to) =>
      upsampling === 'transposed'
        ? new ConvTranspose2d(2 * to, to, 2, { stride: 2 })
        : new Sequential(new Upsample(2, upsampling), new Conv2d(2 * to, to, 1)),
    );
    this.fuse = upwards.map((to) => double(2 * to, to));
    if (resolved.deepSupervision) this.auxiliary = auxiliaryHeads(upwards, classes);
    this.head = new Conv2d(width, classes, 1);
  }

  /** N×channels×H×W to logits of N×classes×H×W. */
  forward(image: Tensor): Tensor {
    return paddedToDivisor(image, this.divisor, (padded) => {
      const skips: Tensor[] = [];
      let x = this.down[0]!.forward(padded);
      for (const [level, block] of this.down.slice(1).entries()) {
        skips.push(x);
        x = maxPool2d(x, 2);
        const last = level === this.down.length - 2;
        x = block.forward(last ? (this.bottomDropout?.forward(x) ?? x) : x);
      }
      const levels: Tensor[] = [];
      for (const [i, fuse] of this.fuse.entries()) {
        x = fuse.forward(concat([this.up[i]!.forward(x), skips.pop()!], 1));
        levels.push(x);
      }
      const size = [padded.shape[2]!, padded.shape[3]!] as const;
      if (this.auxiliary && this.training) superviseLevels(this.auxiliary, levels, size, image);
      return this.head.forward(x);
    });
  }
}

/** Creates a U-Net: `unet({ inputShape: [128, 128, 3] })`. `inputShape` is height, width, channels, as in Keras. */
export function unet(
  options: UNetOptions & { readonly inputShape?: readonly [number, number, number] } = {},
): UNet {
  const { inputShape, ...rest } = options;
  return new UNet(inputShape ? { channels: inputShape[2], ...rest } : rest);
}

/**
 * The options of a U-Net from the shapes of its tensors, whatever their names: each level has two 3×3 convolutions on
 * either side, the width doubles at each, and 2×2 transposed convolutions lead back.
 */
function unetOptionsFrom(
  tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
): UNetOptions | undefined {
  const kernels = tensors.filter(({ shape }) => shape.length === 4).map(({ shape }) => shape);
  const [first] = kernels;
  const width = first?.[0] ?? 0;
  const levels = kernels.filter(([, , height, breadth]) => height === 2 && breadth === 2).length;
  const blocks = kernels.filter(([, , height, breadth]) => height === 3 && breadth === 3);
  const widest = Math.max(...blocks.map(([outputs]) => outputs!));
  const fits = first?.[2] === 3 && levels > 0 && blocks.length === 2 * (2 * levels + 1);
  if (!fits || widest !== width << levels) return undefined;
  const batchNorm = tensors.some(({ name }) => name.endsWith('running_mean'));
  return { width, depth: levels + 1, batchNorm };
}

export const UNET = defineModel<UNetOptions>({
  title: 'U-Net',
  description: 'the classic U-Net (Ronneberger et al. 2015), trained from scratch',
  options: UNET_OPTIONS,
  create: (options) => new UNet(options),
  optionsFrom: unetOptionsFrom,
  // The published U-Net has 64 filters and no batch norm. With 32 filters and batch norm, training is faster and
  // reaches the same scores.
  trainDefaults: { width: 32, batchNorm: true },
  widths: [64, 48, 32, 24, 16],
  bench: { batch: 8, size: 128, classes: 2 },
  benched: true,
});
