/** The leaves that a model owns: weights that learn, and buffers that only follow. */
import type { Shape } from '../graph/index.js';
import { Leaf } from '../graph/index.js';
import type { Initializer } from './init.js';

/** A weight. Its name is its path in the model, given when the model is first walked. */
export class Parameter extends Leaf {
  /** False for a frozen weight: no gradient is computed for it. */
  requiresGrad = true;

  constructor(
    shape: Shape,
    readonly initializer: Initializer,
  ) {
    super('', shape, 'float32');
  }
}

/** State that training updates without a gradient (running statistics). */
export class Buffer extends Leaf {
  constructor(
    shape: Shape,
    readonly initializer: Initializer,
  ) {
    super('', shape, 'float32');
  }
}
