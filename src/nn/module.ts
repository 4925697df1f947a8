/**
 * `Module`: a model or a part of one. Its layers and parameters are fields; `forward` computes the output.
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
 * Nothing has to be registered: names are the paths of fields (`conv.weight`, `blocks.0.norm.bias`).
 */
import type { Tensor } from '../graph/index.js';
import { enterLayer } from './trace.js';
import type { ModelTensor } from './parameter.js';
import { Buffer, Parameter } from './parameter.js';
import type { NamedArray, StateFile } from './state-dict.js';
import { matchStateDict } from './state-dict.js';

export abstract class Module {
  /** Whether `forward` computes as in training (dropout, batch statistics). See {@link train}. */
  training = true;
  private frozen = false;

  constructor() {
    // Wraps the subclass's forward, so that its nodes and errors carry the layer's name.
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

  /** This module and all modules in it, by path. Its own path is ''. */
  *namedModules(prefix = ''): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.namedModules(join(prefix, name));
  }

  /** Tensors of a type by path, each once, under its first path. */
  private *tensorsOf<T extends ModelTensor>(
    type: abstract new (...args: never[]) => T,
  ): Generator<[string, T]> {
    const seen = new Set<T>();
    for (const [path, module] of this.namedModules()) {
      for (const [name, value] of Object.entries(module)) {
        if (!(value instanceof type) || seen.has(value)) continue;
        seen.add(value);
        yield [join(path, name), value];
      }
    }
  }

  private named<T extends ModelTensor>(type: abstract new (...args: never[]) => T): [string, T][] {
    const tensors = [...this.tensorsOf(type)];
    for (const [name, tensor] of tensors) tensor.name = name;
    return tensors;
  }

  /** All weights by path. A shared weight appears once, under its first path. */
  namedParameters(): [string, Parameter][] {
    return this.named(Parameter);
  }

  /** All buffers by path. */
  namedBuffers(): [string, Buffer][] {
    return this.named(Buffer);
  }

  /**
   * Weights, then buffers, by path. Unlike `namedParameters`, this does not set the `name` of tensors, so it is safe to
   * call on a part of a model.
   */
  private tensors(): [string, ModelTensor][] {
    return [...this.tensorsOf<ModelTensor>(Parameter), ...this.tensorsOf<ModelTensor>(Buffer)];
  }

  /**
   * Copies of the current values of all weights and buffers. They are the values of the learner that trains the
   * module; without a learner, those that {@link loadStateDict} set; else the initial values for seed 0.
   */
  stateDict(): NamedArray[] {
    return this.tensors().map(([name, tensor]) => ({
      name,
      shape: tensor.shape,
      data: tensor.presentValues(name).slice(),
    }));
  }

  /**
   * Sets all weights and buffers by name. `run` uses these values, and a new learner starts from them. An existing
   * learner keeps its own values.
   *
   * ```ts
   * model.loadStateDict(await readWeights('unet.pth'));
   * ```
   *
   * @param source name for the weights in error messages, such as a file name.
   * @throws PixelwiseError if a tensor is missing, unknown or of another shape. The message lists all such tensors.
   *   Nothing is changed then.
   */
  loadStateDict(weights: readonly NamedArray[] | StateFile, source?: string): this {
    const arrays = 'floats' in weights ? weights.floats() : weights;
    const origin = source ?? ('floats' in weights ? weights.source : 'the state');
    const tensors = this.tensors();
    const wanted = tensors.map(([name, { shape }]) => ({ name, shape }));
    const values = matchStateDict(wanted, arrays, origin);
    for (const [name, tensor] of tensors) {
      tensor.loaded = values.get(name)!.data.slice();
      tensor.held = undefined;
    }
    return this;
  }

  /** Calls `body` with this module in evaluation mode, and restores the mode of each part. */
  inEvaluation<T>(body: () => T): T {
    const modes = [...this.namedModules()].map(([, module]) => [module, module.training] as const);
    this.eval();
    try {
      return body();
    } finally {
      for (const [module, training] of modes) module.training = training;
    }
  }

  /** Puts this module and all modules in it in training or evaluation mode. Frozen parts stay in evaluation mode. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode && !module.frozen;
    return this;
  }

  /** Evaluation mode: no dropout, and batch norms use running statistics. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Freezes this part: its weights get no gradients, and its batch norms are in evaluation mode, so neither
   * weights nor running statistics change.
   */
  freeze(): this {
    return this.setFrozen(true);
  }

  /**
   * Freezes the weights only, as `requires_grad = False` in PyTorch: batch norms still normalise by each batch and
   * update their running statistics. Use {@link freeze} for pretrained parts.
   */
  freezeWeights(): this {
    this.setFrozen(false);
    for (const [, parameter] of this.namedParameters()) parameter.requiresGrad = false;
    return this;
  }

  /** Undoes {@link freeze} and {@link freezeWeights}. */
  unfreeze(): this {
    return this.setFrozen(false);
  }

  /**
   * Undoes {@link freeze} for the weights only: they get gradients, while batch norms still normalise by their stored
   * statistics and dropout stays off. This is how to fine-tune a pretrained part in small batches.
   */
  unfreezeWeights(): this {
    for (const [, parameter] of this.namedParameters()) parameter.requiresGrad = true;
    return this;
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

/** A module with one input: N×C×H×W in, N×C'×H'×W' out. */
export type Layer = Module & { forward(x: Tensor): Tensor };

const join = (prefix: string, name: string) => (prefix === '' ? name : `${prefix}.${name}`);
