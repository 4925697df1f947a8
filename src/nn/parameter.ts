/** The tensors that a model owns: weights, which are learned, and buffers, which training updates without a gradient. */
import type { Shape } from '../graph/index.js';
import { Leaf } from '../graph/index.js';
import { Random } from '../random/index.js';
import type { Initializer } from './init.js';

/**
 * A weight or buffer. Its name is its path (`down.0.conv.weight`) in the module whose `namedParameters` or
 * `namedBuffers` was called last.
 */
export abstract class ModelTensor extends Leaf {
  /** Values given by `loadStateDict` of a module. Training starts from them. */
  loaded: Float32Array | undefined;
  /** Reads the present values where a learner holds them. */
  held: (() => Float32Array) | undefined;

  constructor(
    shape: Shape,
    readonly initializer: Initializer,
  ) {
    super('', shape, 'float32');
  }

  /**
   * The values that training with this seed starts from: those loaded, or else values drawn from a random stream
   * that `path` names.
   */
  initialValues(seed: number, path: string): Float32Array {
    return this.loaded ?? this.initializer(this.shape, new Random(seed, 'init', path));
  }

  /** The present values: those that a learner holds, or else the initial ones for seed 0. */
  presentValues(path: string): Float32Array {
    return this.held?.() ?? this.initialValues(0, path);
  }
}

/** A weight. */
export class Parameter extends ModelTensor {
  /** False for a frozen weight: no gradient is computed for it. */
  requiresGrad = true;
}

/** A tensor that training updates without a gradient, such as running statistics. */
export class Buffer extends ModelTensor {}
