/**
 * A learner's values on the device: weights, buffers, gradients and moments stay there from step to step, and
 * the optimizer runs there, too. Only images go up and losses come down.
 *
 * Values are in one place at a time. After a step the newest are on the device, and the buffers of the host are
 * lent out, so that nobody reads old ones; {@link Residence.synchronize} brings them back. What the host then
 * writes is seen from {@link HostBuffer.accesses}, and goes up before the next run.
 */
import type { GraphDefinition, Leaf, Shape, Tensor } from '../graph/index.js';
import { add, input, mul } from '../graph/index.js';
import type { ModelState, Slot } from '../nn/index.js';
import type { GroupUpdate, Optimizer } from '../optim/index.js';
import { momentsOf } from '../optim/index.js';
import type { HostBuffer, KeptTensors, Runtime, View } from '../runtime/index.js';
import { arrayAt, Program, viewOf } from '../runtime/index.js';
import { GRADIENT } from './step.js';

/** A tensor with a place on the host and a key on the device. */
interface Place {
  readonly key: string;
  readonly shape: Shape;
  readonly view: View;
  /** Whether it is a plain array of others, not memory that is made to be lent. */
  readonly plain?: boolean;
}

interface Lent {
  readonly buffer: HostBuffer;
  readonly memory: ArrayBuffer;
}

const LENT_TO = 'the device: await learner.synchronize() first (learner.fetchGradients() for gradients)';

/** Arrays of weights and buffers by name. */
export type NamedArrays = Readonly<Record<string, Float32Array>>;

/** Learners of one runtime must not share keys. */
let residences = 0;

export class Residence {
  private readonly prefix = `${residences++}/`;
  private readonly programs = new Map<string, Program>();
  /** Which of its two keys a buffer has: the other takes its next value. */
  private readonly turned = new Set<string>();
  private readonly keys = new Set<string>();
  private lentValues: readonly Lent[] = [];
  private lentGradients: Lent | undefined;
  /** What the host held when the device had the same. */
  private sameValues: { readonly state: ModelState; readonly accesses: number } | undefined;
  /** The weights and buffers that were brought up last. */
  private brought: readonly Slot[] = [];
  private sameMoments: number | undefined;
  private readonly momentKeys = new Set<string>();
  /** An average that is moved on the device; there alone are its newest values. */
  private average: NamedArrays | undefined;

  constructor(private readonly runtime: Runtime) {}

  /** Brings weights and buffers up where the host has others. @param slots those that graphs are fed with. */
  async bring(state: ModelState, slots: readonly Slot[]): Promise<void> {
    if (this.valuesAway) return;
    const known = slots.every((slot) => this.brought.includes(slot));
    if (known && this.sameValues?.state === state && this.sameValues.accesses === accessesOf(state)) return;
    // Programs that copy are for weights of one layout.
    if (!known) await this.forget();
    this.brought = slots;
    await this.up(this.valuesOf(state, slots));
    this.sameValues = { state, accesses: accessesOf(state) };
  }

  /** Whether the newest weights and buffers are on the device. */
  get valuesAway(): boolean {
    return this.lentValues.length > 0;
  }

  /** Whether gradients of the latest run are on the device, and the host was not given them. */
  get gradientsAway(): boolean {
    return this.lentGradients !== undefined;
  }

  /** Where a run finds weights and buffers. */
  feeds(slots: readonly Slot[]): Record<string, string> {
    return Object.fromEntries(slots.map(({ name }) => [name, this.valueKey(name)]));
  }

  /** Where a run leaves gradients, by the names of its results. */
  gradientKeys(state: ModelState): Record<string, string> {
    return Object.fromEntries(state.trainable.map(({ name }) => [GRADIENT + name, this.key('g', name)]));
  }

  /** Where a run leaves a buffer's next value, which {@link commit} makes the current one. */
  nextKey(name: string): string {
    return this.key(this.turned.has(name) ? 'v' : 'w', name);
  }

  /** A run left gradients. */
  keepGradients(gradients: HostBuffer): void {
    this.lentGradients ??= { buffer: gradients, memory: gradients.lend(LENT_TO) };
  }

  /** Makes the next values of these buffers the current ones. */
  commit(state: ModelState, names: readonly string[]): void {
    for (const name of names) {
      if (!this.turned.delete(name)) this.turned.add(name);
    }
    if (names.length > 0) this.keepValues(state);
  }

  /** One step of the optimizer, on the device, along gradients that are multiplied by `scale`. */
  async step(state: ModelState, optimizer: Optimizer, scale = 1): Promise<void> {
    // The host may have written since the run that gave the gradients.
    await this.bring(state, this.brought);
    await optimizer.stepElsewhere(state.weights.byteLength / 4, (updates) =>
      this.compute(state, optimizer, updates, scale),
    );
    this.keepValues(state);
  }

  private async compute(
    state: ModelState,
    optimizer: Optimizer,
    updates: readonly GroupUpdate[],
    scale: number,
  ): Promise<void> {
    const shapes = shapesOf(state);
    const current = optimizer.momentsAway || this.sameMoments === optimizer.revision;
    const moments = this.momentsOf(optimizer, shapes);
    await this.up(current ? moments.filter(({ key }) => !this.momentKeys.has(key)) : moments);
    for (const { key } of moments) this.momentKeys.add(key);
    const scaled = scale !== 1;
    const program = await this.program(`step ${JSON.stringify([scaled, ...updates.map(kindOf)])}`, () =>
      updateGraph(updates, shapes, scaled),
    );
    const numbers = { ...numbersOf(updates), [SCALE]: viewOf(Float32Array.of(scale)) };
    await program.run(numbers, {}, this.keptBy(updates));
  }

  private keptBy(updates: readonly GroupUpdate[]): KeptTensors {
    const feeds: Record<string, string> = {};
    const results: Record<string, string> = {};
    for (const { parameters, rule } of updates) {
      for (const { name } of parameters) {
        feeds[`weight:${name}`] = results[`next:${name}`] = this.valueKey(name);
        feeds[GRADIENT + name] = this.key('g', name);
        for (const moment of momentsOf(rule)) {
          feeds[`${moment}:${name}`] = results[`next:${moment}:${name}`] = this.key(`m:${moment}`, name);
        }
      }
    }
    return { feeds, results };
  }

  /** Moves an average of weights and buffers on the device: a ← decay · a + (1 − decay) · w. */
  async follow(state: ModelState, average: NamedArrays, decay: number): Promise<void> {
    const places = this.averageOf(average);
    if (this.average !== average) {
      await this.bringAverage();
      await this.up(places);
      this.average = average;
    }
    const program = await this.program(`follow ${this.brought.length}`, () => followGraph(this.brought));
    const kept = numbered('average', keysOf(places));
    await program.run(
      { keep: viewOf(Float32Array.of(decay)), gain: viewOf(Float32Array.of(1 - decay)) },
      {},
      {
        feeds: { ...kept, ...numbered('value', keysOf(this.valuesOf(state, this.brought))) },
        results: numbered('next', keysOf(places)),
      },
    );
  }

  /** Whether the newest values of an average are on the device. */
  get averageAway(): boolean {
    return this.average !== undefined;
  }

  private averageOf(average: NamedArrays): Place[] {
    return this.brought.map(({ name, leaf }) => ({
      key: this.key('a', name),
      shape: leaf.shape,
      view: viewOf(average[name]!),
      plain: true,
    }));
  }

  private async bringAverage(): Promise<void> {
    if (!this.average) return;
    const places = this.averageOf(this.average);
    write(places, await this.down(places));
    this.average = undefined;
  }

  /** Brings everything but gradients back to the host. */
  async synchronize(state: ModelState, optimizer: Optimizer): Promise<void> {
    await this.bringAverage();
    if (this.valuesAway) {
      const views = this.valuesOf(state, this.brought);
      const values = await this.down(views);
      // Not before they are here: what fails leaves no old values to be read.
      for (const { buffer, memory } of this.lentValues) buffer.restore(memory);
      this.lentValues = [];
      write(views, values);
      this.sameValues = { state, accesses: accessesOf(state) };
    }
    if (optimizer.momentsAway) {
      const places = this.momentsOf(optimizer, shapesOf(state));
      write(places, await this.down(places));
      optimizer.settle();
      this.sameMoments = optimizer.revision;
    }
  }

  /** Brings the gradients of the latest run to the host, where the next step then takes them from. */
  async fetchGradients(state: ModelState): Promise<void> {
    if (!this.lentGradients) return;
    const { buffer, memory } = this.lentGradients;
    const places = state.trainable.map(({ name, leaf, offset }) => ({
      key: this.key('g', name),
      shape: leaf.shape,
      view: { buffer, byteOffset: offset * 4 },
    }));
    const values = await this.down(places);
    buffer.restore(memory);
    this.lentGradients = undefined;
    write(places, values);
  }

  /** Frees what is on the device. Bring back first what is needed. */
  async close(): Promise<void> {
    await this.runtime.drop([...this.keys]);
    this.keys.clear();
    await this.forget();
  }

  private async forget(): Promise<void> {
    const programs = [...this.programs.values()];
    this.programs.clear();
    for (const program of programs) await program.release();
    this.sameValues = undefined;
    this.sameMoments = undefined;
    this.momentKeys.clear();
  }

  private keepValues(state: ModelState): void {
    if (this.valuesAway) return;
    this.lentValues = [state.weights, state.rest].map((buffer) => ({
      buffer,
      memory: buffer.lend(LENT_TO),
    }));
  }

  private key(kind: string, name: string): string {
    const key = `${this.prefix}${kind}/${name}`;
    this.keys.add(key);
    return key;
  }

  private valueKey(name: string): string {
    return this.key(this.turned.has(name) ? 'w' : 'v', name);
  }

  private valuesOf(state: ModelState, slots: readonly Slot[]): Place[] {
    const views = state.feeds();
    return slots.map(({ name, leaf }) => ({
      key: this.valueKey(name),
      shape: leaf.shape,
      view: views[name]!,
    }));
  }

  private momentsOf(optimizer: Optimizer, shapes: ReadonlyMap<string, Shape>): Place[] {
    return optimizer.moments.map(({ moment, parameter, values }) => ({
      key: this.key(`m:${moment}`, parameter),
      shape: shapes.get(parameter)!,
      view: viewOf(values),
      plain: true,
    }));
  }

  private async up(places: readonly Place[]): Promise<void> {
    if (places.length === 0) return;
    const program = await this.copying('up', places, true);
    // Memory of a feed is lent whole, and whoever has a plain array of it would be left without.
    const views = places.map((place) => (place.plain ? viewOf(valuesAt(place).slice()) : place.view));
    await program.run(numbered('from', views), {}, { feeds: {}, results: numbered('to', keysOf(places)) });
  }

  private async down(places: readonly Place[]): Promise<Float32Array[]> {
    if (places.length === 0) return [];
    const program = await this.copying('down', places, false);
    const results = await program.run({}, {}, { feeds: numbered('from', keysOf(places)), results: {} });
    return places.map((_, i) => results[`to_${i}`] as Float32Array);
  }

  private copying(way: string, places: readonly Place[], keeps: boolean): Promise<Program> {
    const graph = () => {
      const inputs = places.map(({ shape }, i) => input(`from_${i}`, shape));
      return { inputs, outputs: numbered('to', inputs) };
    };
    return this.program(`${way} ${places.map(({ shape }) => shape.join('×')).join(' ')}`, graph, keeps);
  }

  private async program(key: string, graph: () => GraphDefinition, keeps = true): Promise<Program> {
    let program = this.programs.get(key);
    if (!program) {
      const definition = graph();
      const kept = keeps ? Object.keys(definition.outputs) : [];
      program = await Program.compile(definition, this.runtime, { name: key, kept });
      this.programs.set(key, program);
    }
    return program;
  }
}

const valuesAt = ({ view, shape }: Place) =>
  arrayAt('float32', shape, view.buffer.bytes, view.byteOffset) as Float32Array;

function write(places: readonly Place[], values: readonly Float32Array[]): void {
  places.forEach((place, i) => valuesAt(place).set(values[i]!));
}

const keysOf = (places: readonly Place[]) => places.map(({ key }) => key);

const numbered = <T>(name: string, items: readonly T[]): Record<string, T> =>
  Object.fromEntries(items.map((item, i) => [`${name}_${i}`, item]));

const accessesOf = ({ weights, rest }: ModelState) => weights.accesses + rest.accesses;

const shapesOf = (state: ModelState): ReadonlyMap<string, Shape> =>
  new Map(state.trainable.map(({ name, leaf }) => [name, leaf.shape]));

const kindOf = ({ parameters, rule }: GroupUpdate) => [rule.kind, parameters.length];

/** The input that gradients are multiplied by, where they are. */
const SCALE = 'number:scale';

/** Every group's rule applied to each of its parameters. */
function updateGraph(
  updates: readonly GroupUpdate[],
  shapes: ReadonlyMap<string, Shape>,
  scaled: boolean,
): GraphDefinition {
  const inputs: Leaf[] = [];
  const outputs: Record<string, Tensor> = {};
  const leaf = (name: string, shape: Shape) => {
    const made = input(name, shape);
    inputs.push(made);
    return made;
  };
  const scale = scaled ? leaf(SCALE, []) : undefined;
  updates.forEach(({ parameters, rule }, group) => {
    const numbers = Object.fromEntries(
      Object.keys(rule.numbers).map((name) => [name, leaf(`number:${name}:${group}`, [])]),
    );
    for (const { name } of parameters) {
      const shape = shapes.get(name)!;
      const moments = momentsOf(rule).map((m) => [m, leaf(`${m}:${name}`, shape)]);
      const gradient = leaf(GRADIENT + name, shape);
      const { weight, ...next } = rule.update(
        {
          weight: leaf(`weight:${name}`, shape),
          gradient: scale ? mul(gradient, scale) : gradient,
          ...(Object.fromEntries(moments) as Record<string, Tensor>),
        },
        numbers,
      );
      outputs[`next:${name}`] = weight!;
      for (const [moment, value] of Object.entries(next)) outputs[`next:${moment}:${name}`] = value!;
    }
  });
  return { inputs, outputs };
}

/** `average_i` moved towards `value_i`. */
function followGraph(slots: readonly Slot[]): GraphDefinition {
  const keep = input('keep', []);
  const gain = input('gain', []);
  const averages = slots.map(({ leaf }, i) => input(`average_${i}`, leaf.shape));
  const values = slots.map(({ leaf }, i) => input(`value_${i}`, leaf.shape));
  const next = averages.map((average, i) => add(mul(keep, average), mul(gain, values[i]!)));
  return { inputs: [keep, gain, ...averages, ...values], outputs: numbered('next', next) };
}

const numbersOf = (updates: readonly GroupUpdate[]): Record<string, View> =>
  Object.fromEntries(
    updates.flatMap(({ rule }, group) =>
      Object.entries(rule.numbers).map(([name, value]) => [
        `number:${name}:${group}`,
        viewOf(Float32Array.of(value)),
      ]),
    ),
  );
