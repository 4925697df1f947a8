import type { Tensor } from '../../graph/index.js';
import { add, matmul } from '../../graph/index.js';
import { torchDefault } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';

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
