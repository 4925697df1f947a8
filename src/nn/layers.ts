/** The layers, named and parametrised as PyTorch has them. */
import { UsageError } from '../errors/index.js';
import type { ConvOptions, Pair, PoolOptions, Tensor } from '../graph/index.js';
import {
  add,
  avgPool2d,
  batchNorm,
  batchStatistics,
  conv2d,
  convTranspose2d,
  dropout,
  globalAvgPool2d,
  leakyRelu,
  matmul,
  maxPool2d,
  mul,
  pair,
  relu,
  relu6,
  resize,
  sigmoid,
} from '../graph/index.js';
import { constantInit, torchDefault } from './init.js';
import type { Initializer } from './init.js';
import type { Layer } from './module.js';
import { Module } from './module.js';
import { Buffer, Parameter } from './parameter.js';
import { randomMask, updateBuffer } from './trace.js';

export interface Conv2dOptions extends ConvOptions {
  /** Default true. */
  readonly bias?: boolean;
  /** Of the weight; default: PyTorch's. */
  readonly init?: Initializer;
}

/** Convolution of N×C×H×W; weight out×in/groups×k×k. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias?: Parameter;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    private readonly options: Conv2dOptions = {},
  ) {
    super();
    const { groups = 1, bias = true } = options;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new UsageError(
        `Conv2d: ${inChannels} and ${outChannels} channels must both divide into ${groups} groups`,
      );
    }
    const [kh, kw] = pair(kernelSize);
    const fallback = torchDefault((inChannels / groups) * kh * kw);
    this.weight = new Parameter([outChannels, inChannels / groups, kh, kw], options.init ?? fallback);
    if (bias) this.bias = new Parameter([outChannels], fallback);
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }
}

/** Transposed convolution of N×C×H×W; weight in×out/groups×k×k. */
export class ConvTranspose2d extends Module {
  readonly weight: Parameter;
  readonly bias?: Parameter;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    private readonly options: Conv2dOptions & { readonly outputPadding?: Pair } = {},
  ) {
    super();
    const { groups = 1, bias = true } = options;
    const [kh, kw] = pair(kernelSize);
    // PyTorch takes the second axis for the inputs here too.
    const fallback = torchDefault((outChannels / groups) * kh * kw);
    this.weight = new Parameter([inChannels, outChannels / groups, kh, kw], options.init ?? fallback);
    if (bias) this.bias = new Parameter([outChannels], fallback);
  }

  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this.options);
  }
}

export interface BatchNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Share of the newest batch in the running statistics; default 0.1. */
  readonly momentum?: number;
}

/**
 * Batch normalisation of N×C×H×W (Ioffe & Szegedy 2015). In training, the batch's own statistics; the
 * running ones follow with `momentum`, the variance unbiased, as in PyTorch.
 */
export class BatchNorm2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly running_mean: Buffer;
  readonly running_var: Buffer;

  constructor(
    channels: number,
    private readonly options: BatchNormOptions = {},
  ) {
    super();
    this.weight = new Parameter([channels], constantInit(1));
    this.bias = new Parameter([channels], constantInit(0));
    this.running_mean = new Buffer([channels], constantInit(0));
    this.running_var = new Buffer([channels], constantInit(1));
  }

  forward(x: Tensor): Tensor {
    const { epsilon = 1e-5, momentum = 0.1 } = this.options;
    if (!this.training)
      return batchNorm(x, this.weight, this.bias, this.running_mean, this.running_var, epsilon);
    const { mean, variance } = batchStatistics(x);
    const count = x.size / x.shape[1]!;
    const follow = (running: Buffer, value: Tensor, factor: number) =>
      updateBuffer(running, add(mul(running, 1 - momentum), mul(value, momentum * factor)));
    follow(this.running_mean, mean, 1);
    follow(this.running_var, variance, count > 1 ? count / (count - 1) : 1);
    return batchNorm(x, this.weight, this.bias, mean, variance, epsilon);
  }
}

/** Zeroes values with probability `p` in training and scales the rest by 1/(1 − p). */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
    if (!(p >= 0 && p < 1)) throw new UsageError(`dropout must be at least 0 and below 1, not ${p}`);
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    return dropout(x, randomMask(x.shape, 1 - this.p), 1 - this.p);
  }
}

/** y = x·Wᵀ + b over the last axis; weight out×in. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias?: Parameter;

  constructor(inFeatures: number, outFeatures: number, options: { readonly bias?: boolean } = {}) {
    super();
    this.weight = new Parameter([outFeatures, inFeatures], torchDefault(inFeatures));
    if (options.bias ?? true) this.bias = new Parameter([outFeatures], torchDefault(inFeatures));
  }

  forward(x: Tensor): Tensor {
    const y = matmul(x, this.weight, { transposeB: true });
    return this.bias ? add(y, this.bias) : y;
  }
}

export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return relu6(x);
  }
}

export class LeakyReLU extends Module {
  constructor(readonly slope = 0.01) {
    super();
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.slope);
  }
}

export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

export class MaxPool2d extends Module {
  constructor(
    readonly kernelSize: Pair,
    private readonly options: PoolOptions = {},
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }
}

export class AvgPool2d extends Module {
  constructor(
    readonly kernelSize: Pair,
    private readonly options: PoolOptions & { readonly countIncludePad?: boolean } = {},
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }
}

/** N×C×H×W to N×C×1×1. */
export class GlobalAvgPool2d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool2d(x);
  }
}

/** Enlarges planes by a whole factor. */
export class Upsample extends Module {
  constructor(
    readonly factor: number,
    readonly mode: 'nearest' | 'bilinear' = 'nearest',
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    const size = [x.shape[2]! * this.factor, x.shape[3]! * this.factor] as const;
    return resize(x, size, { mode: this.mode });
  }
}

/** One layer after the other. Their names are their places: `0`, `1`, … */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: Layer[]) {
    super();
    this.layers = layers;
  }

  override *namedChildren(): Generator<[string, Module]> {
    for (const [i, layer] of this.layers.entries()) yield [String(i), layer];
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value), x);
  }
}
