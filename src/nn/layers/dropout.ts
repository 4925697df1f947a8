import { UsageError } from '../../errors/index.js';
import type { Tensor } from '../../graph/index.js';
import { dropout } from '../../graph/index.js';
import { Module } from '../module.js';
import { randomMask } from '../trace.js';

/** In training, sets values to zero with probability `p` and scales the others by 1/(1 − p). */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
    if (!(p >= 0 && p < 1)) throw new UsageError(`Dropout: p must be at least 0 and below 1, not ${p}`);
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    return dropout(x, randomMask(x.shape, 1 - this.p), 1 - this.p);
  }
}
