/**
 * A classifier of single pixels on the features of a frozen encoder: hypercolumns (Hariharan et al. 2015). The maps of
 * all sizes are enlarged and stacked, and two 1×1 convolutions classify each pixel. Few labelled pixels are enough,
 * and only those need to be looked at in training, which takes a second: the first learner of `pixelwise studio`.
 *
 * Without pretrained weights the features are fixed filters at several scales, as in the trainable segmentation of
 * ilastik and Weka: colours, gradients and Laplacians.
 */
import type { Tensor } from '../graph/index.js';
import { abs, add, avgPool2d, concat, constant, conv2d, relu, resize, sliceAll } from '../graph/index.js';
import { Conv2d, heNormal, Module } from '../nn/index.js';
import type { Settings } from '../settings/index.js';
import { checkSettings, choice, whole } from '../settings/index.js';
import type { Encoder, FrozenEncoderOptions } from './encoder.js';
import { freezeAs, FROZEN_ENCODER_OPTIONS, pretrainedOnImageNet } from './encoder.js';
import { MobileNetV2Encoder } from './encoders/mobilenet-v2.js';
import { defineModel } from './model-entry.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import { paddedToDivisor } from './padding.js';

export interface PixelClassifierOptions extends SharedOptions, FrozenEncoderOptions {
  /** Where features come from; default `mobilenet_v2`. */
  readonly features?: 'mobilenet_v2' | 'filters';
  /** Channels between the two convolutions; default 64. */
  readonly hiddenChannels?: number;
}

export const PIXEL_CLASSIFIER_OPTIONS: Settings<Required<PixelClassifierOptions>> = {
  ...SHARED_OPTIONS,
  ...FROZEN_ENCODER_OPTIONS,
  features: {
    kind: choice(['mobilenet_v2', 'filters']),
    default: 'mobilenet_v2',
    help: 'features of each pixel: an encoder, which needs pretrained weights, or fixed filters',
  },
  hiddenChannels: {
    kind: whole(1, 1024),
    default: 64,
    help: 'channels between the two convolutions that classify pixels',
  },
};

/** The size of the grid that is classified, in relation to the image: features have half of its size at most. */
export const CLASSIFIED_STRIDE = 2;

/** Colours, absolute Sobel gradients and Laplacians of the image at 1, 1/2 … 1/32 of its size. No weights. */
class FilterBank extends Module implements Encoder {
  readonly widths: readonly number[];

  constructor(private readonly channels: number) {
    super();
    this.widths = [channels, ...Array.from({ length: 5 }, () => 3 * channels)];
  }

  maps(image: Tensor): Tensor[] {
    const maps = [image];
    for (let x = image, level = 1; level <= 5; level++) {
      x = avgPool2d(x, 2);
      maps.push(concat([x, this.filtered(x, GRADIENTS), this.filtered(x, LAPLACIAN)], 1));
    }
    return maps;
  }

  /** The sum over kernels of the absolute response, by channel. */
  private filtered(x: Tensor, kernels: readonly (readonly number[])[]): Tensor {
    const { channels } = this;
    const responses = kernels.map((kernel) => {
      const weight = Float32Array.from({ length: 9 * channels }, (_, i) => kernel[i % 9]!);
      return abs(
        conv2d(x, constant(weight, [channels, 1, 3, 3]), undefined, { padding: 1, groups: channels }),
      );
    });
    return responses.reduce((a, b) => add(a, b));
  }
}

const GRADIENTS = [
  [-1, 0, 1, -2, 0, 2, -1, 0, 1].map((v) => v / 4),
  [-1, -2, -1, 0, 0, 0, 1, 2, 1].map((v) => v / 4),
];
const LAPLACIAN = [[0, 1, 0, 1, -4, 1, 0, 1, 0].map((v) => v / 2)];

/** The two convolutions. The first one's weight is for the stacked maps, the largest first. */
export class ColumnClassifier extends Module {
  readonly first: Conv2d;
  readonly second: Conv2d;

  /** @param widths channels of each map. @param classes output channels. */
  constructor(
    private readonly widths: readonly number[],
    hidden: number,
    classes: number,
  ) {
    super();
    const stacked = widths.reduce((sum, width) => sum + width, 0);
    this.first = new Conv2d(stacked, hidden, 1, { init: heNormal });
    this.second = new Conv2d(hidden, classes, 1);
  }

  /** Stacked features, N×C×H×W, to logits. */
  forward(columns: Tensor): Tensor {
    return this.second.forward(relu(this.first.forward(columns)));
  }

  /**
   * Logits from maps, at `size`. A convolution of 1×1 and bilinear enlargement can change places: each map is convolved
   * at its own size, which saves most of the work.
   */
  ofMaps(maps: readonly Tensor[], size: readonly [number, number]): Tensor {
    const { weight, bias } = this.first;
    const hidden = weight.shape[0]!;
    let from = 0;
    const parts = maps.map((map, i) => {
      const to = from + this.widths[i]!;
      const own = sliceAll(weight, [0, from, 0, 0], [hidden, to, 1, 1]);
      from = to;
      // The largest map is the image itself: averaged, so that all its pixels count.
      const [height, width] = map.shape.slice(2) as [number, number];
      const smaller = height > size[0] ? avgPool2d(map, [height / size[0], width / size[1]]) : map;
      return resize(conv2d(smaller, own, i === 0 ? bias : undefined), size, { mode: 'bilinear' });
    });
    return this.second.forward(relu(parts.reduce((a, b) => add(a, b))));
  }
}

export class PixelClassifier extends Module {
  readonly divisor = 32;
  readonly encoder: Encoder;
  readonly classifier: ColumnClassifier;

  constructor(options: PixelClassifierOptions = {}) {
    super();
    const resolved = checkSettings('PixelClassifier', PIXEL_CLASSIFIER_OPTIONS, options);
    const { channels, classes, features, hiddenChannels } = resolved;
    this.encoder = features === 'filters' ? new FilterBank(channels) : new MobileNetV2Encoder({ channels });
    freezeAs(this.encoder, resolved);
    this.classifier = new ColumnClassifier(this.encoder.widths, hiddenChannels, classes);
  }

  /** N×channels×H×W to logits of N×classes×H×W. */
  forward(image: Tensor): Tensor {
    return paddedToDivisor(image, this.divisor, (padded) => {
      const maps = this.encoder.maps(padded) as Tensor[];
      const size = padded.shape.slice(2) as [number, number];
      const grid = size.map((side) => side / CLASSIFIED_STRIDE) as [number, number];
      return resize(this.classifier.ofMaps(maps, grid), size, { mode: 'bilinear' });
    });
  }
}

export const PIXEL_CLASSIFIER = defineModel<PixelClassifierOptions>({
  title: 'pixel classifier',
  description: 'classifies each pixel by the features of a frozen encoder (Hariharan et al. 2015)',
  options: PIXEL_CLASSIFIER_OPTIONS,
  create: (options) => new PixelClassifier(options),
  pretrained: pretrainedOnImageNet('mobilenet_v2'),
});
