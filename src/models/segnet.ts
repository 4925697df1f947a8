/**
 * SegNet (Badrinarayanan, Kendall & Cipolla 2017). Its decoder has no skip connections: it upsamples by
 * unpooling, which puts values back at the positions of the encoder's maxima.
 */
import { UsageError } from '../errors/index.js';
import type { Tensor } from '../graph/index.js';
import { maxPool2dWithIndices, maxUnpool2d } from '../graph/index.js';
import { BatchNorm2d, Conv2d, Module, Sequential } from '../nn/index.js';
import type { Settings } from '../settings/index.js';
import { checkSettings, choice, whole } from '../settings/index.js';
import { ConvNormActivation } from './conv-norm-activation.js';
import { defineModel, oneLogitForTwo } from './model-entry.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import { paddedToDivisor } from './padding.js';

export interface SegNetOptions extends SharedOptions {
  /** Number of poolings: 4 (default), or 5 as in the paper and in VGG-16. */
  readonly stages?: number;
  /** Filters at the full size; default 64. Each pooling doubles them, up to eight times this number. */
  readonly width?: number;
  /**
   * The layers after the last convolution: `norm-relu` is batch norm and ReLU, as published (default); `linear`
   * is nothing. `linear` is the default for one output channel: after a ReLU, a single logit is never negative
   * and cannot separate two classes.
   */
  readonly head?: 'norm-relu' | 'linear';
}

export const SEGNET_OPTIONS: Settings<Required<SegNetOptions>> = {
  ...SHARED_OPTIONS,
  classes: { ...SHARED_OPTIONS.classes, default: 3 },
  stages: { kind: whole(1, 5), default: 4, help: 'number of poolings, each of which halves the size' },
  width: {
    kind: whole(1, 256),
    default: 64,
    help: 'filters at the full size, doubled by each pooling, up to eight times this number',
  },
  head: {
    kind: choice(['norm-relu', 'linear']),
    unset: 'norm-relu; linear for one output channel',
    help: 'what follows the last convolution: batch norm and ReLU, as published, or nothing',
  },
};

/** Number of convolutions at each size, as in VGG-16. */
const DEPTHS = [2, 2, 3, 3, 3] as const;

export class SegNet extends Module {
  readonly divisor: number;
  readonly norm: BatchNorm2d;
  readonly down: readonly Sequential[];
  readonly up: readonly Sequential[];

  constructor(options: SegNetOptions = {}) {
    super();
    const resolved = checkSettings('SegNet', SEGNET_OPTIONS, options);
    const { channels, classes, stages, width } = resolved;
    const head = resolved.head ?? (classes === 1 ? 'linear' : 'norm-relu');
    if (classes === 1 && head === 'norm-relu') {
      throw new UsageError(
        'SegNet: a single logit after a ReLU is never negative and cannot separate two classes; use classes 2 or head linear',
      );
    }
    const widths = Array.from({ length: stages }, (_, stage) => Math.min(width << stage, width * 8));
    const block = (from: number, to: number) => new ConvNormActivation(from, to, 3);
    this.divisor = 2 ** stages;
    this.norm = new BatchNorm2d(channels);
    this.down = widths.map((to, stage) => {
      const from = stage === 0 ? channels : widths[stage - 1]!;
      return new Sequential(
        ...Array.from({ length: DEPTHS[stage]! }, (_, i) => block(i === 0 ? from : to, to)),
      );
    });
    this.up = widths
      .map((from, stage) => {
        const to = stage === 0 ? classes : widths[stage - 1]!;
        const last =
          stage === 0 && head === 'linear' ? new Conv2d(from, to, 3, { padding: 1 }) : block(from, to);
        const same = Array.from({ length: DEPTHS[stage]! - 1 }, () => block(from, from));
        return new Sequential(...same, last);
      })
      .reverse();
  }

  /** N×channels×H×W to logits of N×classes×H×W. */
  forward(image: Tensor): Tensor {
    return paddedToDivisor(image, this.divisor, (padded) => {
      const places: { readonly indices: Tensor; readonly size: readonly [number, number] }[] = [];
      let x = this.norm.forward(padded);
      for (const block of this.down) {
        x = block.forward(x);
        const { values, indices } = maxPool2dWithIndices(x, 2);
        places.push({ indices, size: [x.shape[2]!, x.shape[3]!] });
        x = values;
      }
      for (const block of this.up) {
        const { indices, size } = places.pop()!;
        x = block.forward(maxUnpool2d(x, indices, 2, { size }));
      }
      return x;
    });
  }
}

export const SEGNET = defineModel<SegNetOptions>({
  title: 'SegNet',
  description: 'SegNet (Badrinarayanan et al. 2017): pooling indices instead of skip connections',
  options: SEGNET_OPTIONS,
  create: (options) => new SegNet(options),
  // Logits after a ReLU are never negative, so two classes need two channels.
  outputChannels: (classes, { head }) =>
    head === 'norm-relu' ? Math.max(classes, 2) : oneLogitForTwo(classes),
  bench: { batch: 8, size: 128, classes: 3 },
  benched: true,
});
