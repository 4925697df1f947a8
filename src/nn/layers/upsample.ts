import type { Tensor } from '../../graph/index.js';
import { resize } from '../../graph/index.js';
import { Module } from '../module.js';

/** Resizes N×C×H×W to N×C×(factor·H)×(factor·W). */
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
