/** Pooling over windows, over whole planes, and to a given size. */
import type { Pair, PoolOptions, Tensor } from '../../graph/index.js';
import { adaptiveAvgPool2d, avgPool2d, globalAvgPool2d, maxPool2d } from '../../graph/index.js';
import { Module } from '../module.js';

/** The largest value of each window of N×C×H×W. */
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

/** The mean of each window of N×C×H×W. */
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

/** The mean of each plane: N×C×H×W to N×C×1×1. */
export class GlobalAvgPool2d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool2d(x);
  }
}

/** Rows and columns; null keeps the input's. */
export type AdaptiveSize = number | readonly [number | null, number | null];

/**
 * Averages N×C×H×W down (or up) to N×C×`outputSize`, whatever H and W are. Bin i of n along an axis of length
 * L covers the positions from ⌊i·L/n⌋ to ⌈(i + 1)·L/n⌉ − 1, as in PyTorch: bins overlap where n does not divide L.
 */
export class AdaptiveAvgPool2d extends Module {
  private readonly size: readonly [number | null, number | null];

  constructor(readonly outputSize: AdaptiveSize) {
    super();
    this.size = typeof outputSize === 'number' ? [outputSize, outputSize] : outputSize;
  }

  forward(x: Tensor): Tensor {
    const [height, width] = x.shape.slice(2) as [number, number];
    return adaptiveAvgPool2d(x, [this.size[0] ?? height, this.size[1] ?? width]);
  }
}
