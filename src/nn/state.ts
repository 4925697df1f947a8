/**
 * The values of a model's weights and buffers. All trainable weights are in one flat buffer, and their gradients in
 * another of the same layout, so clipping, averaging and optimizers do not have to know about layers.
 */
import type { View } from '../runtime/index.js';
import { HostBuffer } from '../runtime/index.js';
import type { Module } from './module.js';
import type { ModelTensor } from './parameter.js';
import type { NamedArray } from './state-dict.js';
import { matchStateDict } from './state-dict.js';

/** A tensor's place in one of the flat buffers; offset and length in elements. */
export interface Slot {
  readonly name: string;
  readonly leaf: ModelTensor;
  readonly offset: number;
  readonly length: number;
}

/** Every tensor is aligned to 64 bytes, for vector loads and because ONNX Runtime expects it. */
const ALIGNMENT = 16;

function layOut(leaves: readonly (readonly [string, ModelTensor])[]): { slots: Slot[]; length: number } {
  let offset = 0;
  const slots = leaves.map(([name, leaf]) => {
    const slot = { name, leaf, offset, length: leaf.size };
    offset += Math.ceil(leaf.size / ALIGNMENT) * ALIGNMENT;
    return slot;
  });
  return { slots, length: offset };
}

/** The values of a model, in two flat buffers. */
export class ModelState {
  /** Weights that are trained. */
  readonly trainable: readonly Slot[];
  /** Frozen weights, and buffers. */
  readonly fixed: readonly Slot[];
  readonly weights: HostBuffer;
  readonly rest: HostBuffer;

  /** Allocates the values, all zero. `requiresGrad` decides now which weights are trainable. */
  constructor(model: Module) {
    const parameters = model.namedParameters();
    const trainable = layOut(parameters.filter(([, p]) => p.requiresGrad));
    const fixed = layOut([...parameters.filter(([, p]) => !p.requiresGrad), ...model.namedBuffers()]);
    this.trainable = trainable.slots;
    this.fixed = fixed.slots;
    this.weights = new HostBuffer(trainable.length * 4);
    this.rest = new HostBuffer(fixed.length * 4);
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

  private bufferOf(slot: Slot): HostBuffer {
    return this.trainable.includes(slot) ? this.weights : this.rest;
  }

  /** A view of a slot's values. It is valid until the next run. */
  values(slot: Slot): Float32Array {
    return this.bufferOf(slot).floats(slot.offset, slot.length);
  }

  /** Where runs read each weight and buffer, by name. */
  feeds(): Record<string, View> {
    const of = (slots: readonly Slot[], buffer: HostBuffer) =>
      slots.map((slot) => [slot.name, { buffer, byteOffset: slot.offset * 4 }] as const);
    return Object.fromEntries([...of(this.trainable, this.weights), ...of(this.fixed, this.rest)]);
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
    for (const slot of this.slots) this.values(slot).set(byName.get(slot.name)!.data);
  }
}
