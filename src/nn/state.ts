/** The values of a model's weights and buffers, by name. */
import type { View } from '../runtime/index.js';
import { DeviceArray } from '../runtime/index.js';
import type { Module } from './module.js';
import type { ModelTensor } from './parameter.js';
import type { NamedArray } from './state-dict.js';
import { matchStateDict } from './state-dict.js';

/** A weight or buffer of a model, and its values. */
export interface Slot {
  readonly name: string;
  readonly leaf: ModelTensor;
  readonly array: DeviceArray;
}

/** The values of a model. */
export class ModelState {
  /** Weights that are trained. */
  readonly trainable: readonly Slot[];
  /** Frozen weights, and buffers. */
  readonly fixed: readonly Slot[];

  /**
   * Memory for the model's values, all zero. `requiresGrad` says now which weights are trained.
   * @param previous a state whose arrays are taken over, by name.
   */
  constructor(model: Module, previous?: ModelState) {
    const known = new Map(previous?.slots.map(({ name, array }) => [name, array]));
    const slotsOf = (leaves: readonly (readonly [string, ModelTensor])[]) =>
      leaves.map(([name, leaf]): Slot => {
        return { name, leaf, array: known.get(name) ?? new DeviceArray(name, leaf.shape) };
      });
    const parameters = model.namedParameters();
    this.trainable = slotsOf(parameters.filter(([, p]) => p.requiresGrad));
    this.fixed = slotsOf([...parameters.filter(([, p]) => !p.requiresGrad), ...model.namedBuffers()]);
  }

  /**
   * A model's initial values: those given by its `loadStateDict`, others drawn, each tensor from a random stream
   * of its own name.
   */
  static initialize(model: Module, seed: number): ModelState {
    const state = new ModelState(model);
    for (const slot of state.slots) state.values(slot).set(slot.leaf.initialValues(seed, slot.name));
    return state;
  }

  /** Makes the model's `stateDict` read its values here. */
  attach(): void {
    for (const slot of this.slots) slot.leaf.held = () => this.values(slot);
  }

  get slots(): readonly Slot[] {
    return [...this.trainable, ...this.fixed];
  }

  /** A slot's values, in place. Valid until the next run. */
  values({ array }: Slot): Float32Array {
    return array.values;
  }

  /** The memory that runs read every weight and buffer from, by name. */
  feeds(): Record<string, View> {
    return Object.fromEntries(
      this.slots.map(({ name, array }) => [name, { buffer: array.storage.buffer, byteOffset: 0 }]),
    );
  }

  /** Copies of all values: trainable weights, frozen weights, buffers. */
  stateDict(): NamedArray[] {
    return this.slots.map((slot) => ({
      name: slot.name,
      shape: slot.leaf.shape,
      data: this.values(slot).slice(),
    }));
  }

  /**
   * Takes values by name. Throws, with nothing changed, if a tensor is missing, unknown or of another
   * shape; the message lists them.
   */
  loadStateDict(tensors: readonly NamedArray[], source = 'the state'): void {
    const byName = matchStateDict(
      this.slots.map(({ name, leaf: { shape } }) => ({ name, shape })),
      tensors,
      source,
    );
    for (const { name, array } of this.slots) array.set(byName.get(name)!.data);
  }
}
