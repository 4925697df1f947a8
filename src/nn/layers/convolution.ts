/** Convolutions. */
import { UsageError } from '../../errors/index.js';
import type { ConvOptions, Pair, Tensor } from '../../graph/index.js';
import { conv2d, convTranspose2d, pair } from '../../graph/index.js';
import type { Initializer } from '../init.js';
import { torchDefault } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';

export interface Conv2dOptions extends ConvOptions {
  /** Default true. */
  readonly bias?: boolean;
  /** Initialises the weight; default: as PyTorch does. */
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
    // PyTorch computes the fan-in from the second axis, here too.
    const fallback = torchDefault((outChannels / groups) * kh * kw);
    this.weight = new Parameter([inChannels, outChannels / groups, kh, kw], options.init ?? fallback);
    if (bias) this.bias = new Parameter([outChannels], fallback);
  }

  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this.options);
  }
}
