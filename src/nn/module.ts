/**
 * `Module`: a part of a model. Layers and parameters are fields; `forward` says what happens to tensors.
 *
 * ```ts
 * class Block extends Module {
 *   conv = new Conv2d(3, 16, 3, { padding: 1 });
 *   norm = new BatchNorm2d(16);
 *   forward(x: Tensor) {
 *     return relu(this.norm.forward(this.conv.forward(x)));
 *   }
 * }
 * ```
 *
 * Nothing is registered: names are the paths of fields (`conv.weight`, `blocks.0.norm.bias`).
 */
import type { Tensor } from '../graph/index.js';
import { enterLayer } from './trace.js';
import { Buffer, Parameter } from './parameter.js';

export abstract class Module {
  /** Whether `forward` behaves as in training (dropout, batch statistics). See {@link train}. */
  training = true;
  private frozen = false;

  constructor() {
    // A subclass's forward is wrapped here, once, so that its nodes and errors carry the layer's name.
    const { forward } = this as unknown as { forward?: (...inputs: Tensor[]) => Tensor };
    if (forward) {
      Object.defineProperty(this, 'forward', {
        value: (...inputs: Tensor[]) => enterLayer(this, forward, inputs),
        enumerable: false,
        configurable: true,
        writable: true,
      });
    }
  }

  /** The name shown in summaries. */
  get typeName(): string {
    return this.constructor.name;
  }

  /** Fields that are modules, or arrays of modules, by name. */
  *namedChildren(): Generator<[string, Module]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module) yield [name, value];
      else if (Array.isArray(value)) {
        for (const [i, item] of value.entries()) if (item instanceof Module) yield [`${name}.${i}`, item];
      }
    }
  }

  /** This module and all below it, by path; its own path is ''. */
  *namedModules(prefix = ''): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.namedModules(join(prefix, name));
  }

  private *namedLeaves<T extends Parameter | Buffer>(
    type: new (...args: never[]) => T,
  ): Generator<[string, T]> {
    const seen = new Set<T>();
    for (const [path, module] of this.namedModules()) {
      for (const [name, value] of Object.entries(module)) {
        if (!(value instanceof type) || seen.has(value)) continue;
        seen.add(value);
        value.name = join(path, name);
        yield [value.name, value];
      }
    }
  }

  /** All weights by path. One that is shared appears once, under its first path. */
  namedParameters(): [string, Parameter][] {
    return [...this.namedLeaves(Parameter)];
  }

  /** All buffers by path. */
  namedBuffers(): [string, Buffer][] {
    return [...this.namedLeaves(Buffer)];
  }

  /** Sets training or evaluation behaviour for this module and all below it; frozen parts stay in evaluation. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode && !module.frozen;
    return this;
  }

  /** Evaluation behaviour: no dropout, running statistics. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Stops this part from learning: no gradients, and batch norms in evaluation mode, so that neither
   * weights nor running statistics move.
   */
  freeze(): this {
    return this.setFrozen(true);
  }

  /**
   * Stops the weights from learning and nothing else: batch norms still normalise by each batch and their
   * running statistics still move, as where only `requires_grad` is set to false. {@link freeze} is what
   * pretrained parts want.
   */
  freezeWeights(): this {
    this.setFrozen(false);
    for (const [, parameter] of this.namedParameters()) parameter.requiresGrad = false;
    return this;
  }

  unfreeze(): this {
    return this.setFrozen(false);
  }

  private setFrozen(frozen: boolean): this {
    for (const [, module] of this.namedModules()) {
      module.frozen = frozen;
      module.training = !frozen;
    }
    for (const [, parameter] of this.namedParameters()) parameter.requiresGrad = !frozen;
    return this;
  }
}

/** A module of one input, N×C×H×W in, N×C'×H'×W' out. */
export type Layer = Module & { forward(x: Tensor): Tensor };

const join = (prefix: string, name: string) => (prefix === '' ? name : `${prefix}.${name}`);
