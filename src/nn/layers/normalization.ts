/** Normalisation layers: over the batch, over groups of channels, over each plane, and over the channels of each pixel. */
import { UsageError } from '../../errors/index.js';
import type { Tensor } from '../../graph/index.js';
import {
  add,
  batchNorm,
  batchStatistics,
  constant,
  div,
  groupNorm,
  instanceNorm,
  mean,
  mul,
  reshape,
  sqrt,
  sub,
} from '../../graph/index.js';
import { constantInit } from '../init.js';
import { Module } from '../module.js';
import { Buffer, Parameter } from '../parameter.js';
import { updateBuffer } from '../trace.js';

export interface BatchNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Weight of the newest batch in the running statistics; default 0.1. */
  readonly momentum?: number;
}

export interface GroupNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Whether each channel has a learned weight and bias; default true. */
  readonly affine?: boolean;
}

export interface InstanceNormOptions extends BatchNormOptions {
  /** Whether each channel has a learned weight and bias; default false. */
  readonly affine?: boolean;
  /** Whether to keep running statistics and normalise by them in evaluation; default false. */
  readonly trackRunningStats?: boolean;
}

export interface LayerNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** The axis that is normalised; default the last one. */
  readonly axis?: number;
}

interface Statistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

const EPSILON = 1e-5;
/**
 * Moves the running statistics towards those of a batch: running ← (1 − momentum)·running + momentum·value.
 * The variance is made unbiased first, as in PyTorch.
 *
 * @param count values that each statistic was computed from
 */
function updateRunning(
  running: { readonly mean: Buffer; readonly variance: Buffer },
  { mean, variance }: Statistics,
  count: number,
  momentum: number,
): void {
  const update = (buffer: Buffer, value: Tensor, factor: number) =>
    updateBuffer(buffer, add(mul(buffer, 1 - momentum), mul(value, momentum * factor)));
  update(running.mean, mean, 1);
  update(running.variance, variance, count > 1 ? count / (count - 1) : 1);
}

/**
 * Batch normalisation of N×C×H×W (Ioffe & Szegedy 2015). Training normalises by the batch's statistics and
 * updates the running ones; evaluation normalises by the running ones.
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
    const { epsilon = EPSILON, momentum = 0.1 } = this.options;
    const running = { mean: this.running_mean, variance: this.running_var };
    if (!this.training) return batchNorm(x, this.weight, this.bias, running.mean, running.variance, epsilon);
    const statistics = batchStatistics(x);
    updateRunning(running, statistics, x.size / x.shape[1]!, momentum);
    return batchNorm(x, this.weight, this.bias, statistics.mean, statistics.variance, epsilon);
  }
}

/**
 * Group normalisation of N×C×H×W (Wu & He 2018): the channels of each image are split into `groups` of equal
 * size, and each group is normalised by its own mean and variance. Training and evaluation are the same, and
 * the result does not depend on the batch size.
 *
 * @throws UsageError if `groups` does not divide `channels`
 */
export class GroupNorm extends Module {
  readonly weight?: Parameter;
  readonly bias?: Parameter;

  constructor(
    readonly groups: number,
    readonly channels: number,
    private readonly options: GroupNormOptions = {},
  ) {
    super();
    if (!(Number.isInteger(groups) && groups >= 1 && channels % groups === 0))
      throw new UsageError(`GroupNorm: ${channels} channels cannot be split into ${groups} equal groups`);
    if (!(options.affine ?? true)) return;
    this.weight = new Parameter([channels], constantInit(1));
    this.bias = new Parameter([channels], constantInit(0));
  }

  forward(x: Tensor): Tensor {
    return groupNorm(x, this.groups, this.weight, this.bias, this.options.epsilon);
  }
}

/**
 * Instance normalisation of N×C×H×W (Ulyanov et al. 2016): each plane is normalised by its own mean and
 * variance. With `trackRunningStats`, evaluation normalises by running statistics instead.
 */
export class InstanceNorm2d extends Module {
  readonly weight?: Parameter;
  readonly bias?: Parameter;
  readonly running_mean?: Buffer;
  readonly running_var?: Buffer;

  constructor(
    readonly channels: number,
    private readonly options: InstanceNormOptions = {},
  ) {
    super();
    if (options.affine) {
      this.weight = new Parameter([channels], constantInit(1));
      this.bias = new Parameter([channels], constantInit(0));
    }
    if (options.trackRunningStats) {
      this.running_mean = new Buffer([channels], constantInit(0));
      this.running_var = new Buffer([channels], constantInit(1));
    }
  }

  forward(x: Tensor): Tensor {
    const { epsilon = EPSILON, momentum = 0.1 } = this.options;
    const running = this.running_mean &&
      this.running_var && { mean: this.running_mean, variance: this.running_var };
    if (running && !this.training) {
      const filled = (value: number) =>
        constant(new Float32Array(this.channels).fill(value), [this.channels]);
      const [weight, bias] = [this.weight ?? filled(1), this.bias ?? filled(0)];
      return batchNorm(x, weight, bias, running.mean, running.variance, epsilon);
    }
    if (running) {
      const [n, channels, height, width] = x.shape as [number, number, number, number];
      const planes = batchStatistics(reshape(x, [1, n * channels, height, width]));
      // PyTorch averages the statistics of the images of a batch.
      const average = (values: Tensor) => mean(reshape(values, [n, channels]), 0);
      const averages = { mean: average(planes.mean), variance: average(planes.variance) };
      updateRunning(running, averages, height * width, momentum);
    }
    return instanceNorm(x, this.weight, this.bias, epsilon);
  }
}

/**
 * Layer normalisation (Ba, Kiros & Hinton 2016): the features of each place, along one axis, are normalised by their
 * own mean and variance. With axis 1 of N×C×H×W, the channels of each pixel.
 */
export class LayerNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(
    readonly features: number,
    private readonly options: LayerNormOptions = {},
  ) {
    super();
    this.weight = new Parameter([features], constantInit(1));
    this.bias = new Parameter([features], constantInit(0));
  }

  forward(x: Tensor): Tensor {
    const { epsilon = EPSILON, axis = -1 } = this.options;
    const at = axis < 0 ? x.rank + axis : axis;
    const along = (v: Tensor) => reshape(v, [this.features, ...x.shape.slice(at + 1).map(() => 1)]);
    const centred = sub(x, mean(x, [at], true));
    const variance = mean(mul(centred, centred), [at], true);
    const normalized = div(centred, sqrt(add(variance, epsilon)));
    return add(mul(normalized, along(this.weight)), along(this.bias));
  }
}
