/**
 * Runs programs and rules over arrays, and knows where these are.
 *
 * With a runtime that keeps tensors (WebGPU), arrays move to the device when a run first needs them and stay
 * there: the next run reads what the last one left, and only batches cross the bus. Otherwise arrays stay on the
 * host, where programs read and write them in place and rules run as compiled loops.
 */
import type { GraphDefinition, Leaf, Shape, Tensor, TensorData } from '../graph/index.js';
import { flatGroups, input, joinFlat, nodesBehind, unjoinFlat } from '../graph/index.js';
import { ArrayKernel, compileRule } from './array-kernel.js';
import type { ArrayRule } from './array-rule.js';
import type { ArrayStorage, DeviceArray } from './device-array.js';
import type { View } from './host-buffer.js';
import { transferredView } from './host-buffer.js';
import { Program } from './program.js';
import type { Runtime } from './runtime.js';

/** Arrays by the names that a rule, or a graph's inputs or results have for them. */
export type NamedDeviceArrays = Readonly<Record<string, DeviceArray>>;

/** A rule and the arrays that it updates: one entry for each application. */
export interface ArrayUpdate {
  readonly rule: ArrayRule;
  readonly arrays: readonly NamedDeviceArrays[];
}

/** Rules over arrays of the host, on this thread. */
export class HostKernels {
  private readonly kernels = new Map<string, ArrayKernel>();

  update(updates: readonly ArrayUpdate[]): Promise<void> {
    for (const { rule, arrays } of updates) {
      const kernel = this.kernelOf(rule);
      for (const named of arrays) {
        kernel.update(
          rule.numbers,
          rule.arrays.map((name) => named[name]!.values),
        );
      }
    }
    return Promise.resolve();
  }

  kernelOf(rule: ArrayRule): ArrayKernel {
    let kernel = this.kernels.get(rule.kind);
    if (!kernel) this.kernels.set(rule.kind, (kernel = new ArrayKernel(compileRule(rule))));
    return kernel;
  }
}

/** Different learners of one runtime must not share keys. */
let keys = 0;

export class DeviceState {
  /** Whether arrays stay on the device. */
  readonly keeps: boolean;
  private readonly onDevice = new Set<ArrayStorage>();
  private readonly keys = new Set<string>();
  private readonly programs = new Map<string, Program>();
  private readonly kernels = new HostKernels();

  /** @param keeps whether arrays may stay on the device; default: if the runtime can keep them. */
  constructor(
    private readonly runtime: Runtime,
    keeps = runtime.keepsTensors,
  ) {
    this.keeps = keeps && runtime.keepsTensors;
  }

  /** Those of a program's results that `run` will put into arrays, for `Program.compile`. */
  keptResults(names: readonly string[]): readonly string[] {
    return this.keeps ? names : [];
  }

  /**
   * Runs a program.
   *
   * @param feeds inputs that are not arrays. @param arrays inputs that are; those that the program lacks are
   *   ignored. @param results arrays that take results.
   * @returns all other results.
   */
  async run(
    program: Program,
    feeds: Readonly<Record<string, View>>,
    arrays: NamedDeviceArrays = {},
    results: NamedDeviceArrays = {},
  ): Promise<Record<string, TensorData>> {
    if (!this.keeps) return program.run({ ...feeds, ...viewsOf(arrays) }, viewsOf(results));
    const read = Object.fromEntries(
      program.inputs.flatMap(({ name }) => (arrays[name] ? [[name, arrays[name]] as const] : [])),
    );
    await this.upload(Object.values(read));
    const kept = { feeds: this.keysOf(read), results: this.keysOf(results) };
    const output = await program.run(feeds, {}, kept);
    for (const { name } of program.outputs) if (results[name]) this.mark(results[name]);
    return output;
  }

  /** Applies rules to arrays. If it throws on a device, nothing was changed. */
  async update(updates: readonly ArrayUpdate[]): Promise<void> {
    const all = updates.flatMap(({ arrays }) => arrays.flatMap((named) => Object.values(named)));
    if (all.length === 0) return;
    if (!this.keeps) return (this.runtime.kernels ?? this.kernels).update(updates);
    const key = updates.map(({ rule, arrays }) => [
      rule.kind,
      arrays.map((named) => named[rule.arrays[0]!]!.shape.join('×')),
    ]);
    const program = await this.program(`update ${JSON.stringify(key)}`, () => updateGraph(updates));
    const named = (nameOf: typeof inputName): NamedDeviceArrays =>
      Object.fromEntries(
        updates.flatMap(({ rule, arrays }, u) =>
          arrays.flatMap((own, i) => rule.arrays.map((name) => [nameOf(u, i, name), own[name]!] as const)),
        ),
      );
    await this.run(program, numbersOf(updates), named(inputName), named(resultName));
  }

  /** Moves these arrays to the host. Those that are there stay as they are. */
  toHost(arrays: readonly DeviceArray[]): Promise<void> {
    return this.download(arrays.map(({ storage }) => storage));
  }

  /** Moves all arrays to the host. */
  synchronize(): Promise<void> {
    return this.download([...this.onDevice]);
  }

  /** Frees what is on the device. Synchronize first. */
  async close(): Promise<void> {
    await this.runtime.drop([...this.keys]);
    this.keys.clear();
    this.onDevice.clear();
    const programs = [...this.programs.values()];
    this.programs.clear();
    for (const program of programs) await program.release();
  }

  private mark({ storage }: DeviceArray): void {
    storage.place = 'device';
    this.onDevice.add(storage);
  }

  private keysOf(arrays: NamedDeviceArrays): Record<string, string> {
    const entries = Object.entries(arrays).map(([name, { storage }]) => [name, this.keyOf(storage)]);
    return Object.fromEntries(entries) as Record<string, string>;
  }

  private keyOf(storage: ArrayStorage): string {
    storage.key ??= `array/${keys++}`;
    this.keys.add(storage.key);
    return storage.key;
  }

  private async upload(arrays: readonly DeviceArray[]): Promise<void> {
    const here = [...new Set(arrays)].filter(({ storage }) => storage.place === 'host');
    if (here.length === 0) return;
    const program = await this.copying(
      'upload',
      here.map(({ storage }) => storage),
      true,
    );
    const feeds = numbered('from', here.map(viewOfArray));
    const keysOfAll = numbered(
      'to',
      here.map(({ storage }) => this.keyOf(storage)),
    );
    await program.run(feeds, {}, { feeds: {}, results: keysOfAll });
    for (const { storage } of here) storage.place = 'both';
  }

  private async download(storages: readonly ArrayStorage[]): Promise<void> {
    const away = [...new Set(storages)].filter(({ place }) => place === 'device');
    if (away.length > 0) {
      const program = await this.copying('download', away, false);
      const feeds = numbered(
        'from',
        away.map(({ key }) => key!),
      );
      const results = await program.run({}, {}, { feeds, results: {} });
      // Only now: if the download fails, old values must not be read.
      away.forEach((storage, i) => {
        storage.place = 'both';
        storage.buffer.floats().set(results[`to_${i}`] as Float32Array);
      });
    }
    storages.forEach((storage) => this.onDevice.delete(storage));
  }

  private copying(way: string, storages: readonly ArrayStorage[], keeps: boolean): Promise<Program> {
    const shapes = storages.map(({ shape }) => shape);
    return this.program(
      `${way} ${shapes.map((shape) => shape.join('×')).join(' ')}`,
      () => {
        const inputs = shapes.map((shape, i) => input(`from_${i}`, shape));
        return { inputs, outputs: numbered('to', inputs) };
      },
      keeps,
    );
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

const viewOfArray = ({ storage }: DeviceArray): View => ({ buffer: storage.buffer, byteOffset: 0 });

const viewsOf = (arrays: NamedDeviceArrays): Record<string, View> =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, viewOfArray(array)]));

const numbered = <T>(name: string, items: readonly T[]): Record<string, T> =>
  Object.fromEntries(items.map((item, i) => [`${name}_${i}`, item]));

const inputName = (update: number, i: number, array: string) => `${update}:${i}:${array}`;
const resultName = (update: number, i: number, array: string) => `next:${inputName(update, i, array)}`;
const numberName = (update: number, number: string) => `number:${update}:${number}`;

/**
 * Every rule, applied to each of its sets of arrays. A rule that works element by element is applied to many sets at once,
 * as one vector for each of the rule's arrays.
 */
function updateGraph(updates: readonly ArrayUpdate[]): GraphDefinition {
  const inputs: Leaf[] = [];
  const outputs: Record<string, Tensor> = {};
  const leaf = (name: string, shape: Shape) => {
    const made = input(name, shape);
    inputs.push(made);
    return made;
  };
  updates.forEach(({ rule, arrays }, u) => {
    const numbers = Object.keys(rule.numbers).map((name) => [name, leaf(numberName(u, name), [])] as const);
    const sets = arrays.map((named, i) => ({ i, shape: named[rule.arrays[0]!]!.shape }));
    const byElement = worksByElement(rule);
    const groups = byElement ? flatGroups(sets, ({ shape }) => shape) : sets.map((set) => [set]);
    for (const group of groups) {
      const joined = rule.arrays.map((name) => {
        const leaves = group.map(({ i, shape }) => leaf(inputName(u, i, name), shape));
        return [name, byElement ? joinFlat(leaves) : leaves[0]!] as const;
      });
      const next = rule.update(Object.fromEntries(joined), Object.fromEntries(numbers));
      for (const [name, value] of Object.entries(next)) {
        if (!value) continue;
        const shapes = group.map(({ shape }) => shape);
        const parts = byElement ? unjoinFlat(value, shapes) : [value];
        group.forEach(({ i }, k) => (outputs[resultName(u, i, name)] = parts[k]!));
      }
    }
  });
  return { inputs, outputs };
}

/** Whether a rule's new value of an element depends on the elements in the same place alone: no norm, no sum. */
function worksByElement(rule: ArrayRule): boolean {
  const leaves = (names: readonly string[], shape: Shape) =>
    Object.fromEntries(names.map((name) => [name, input(name, shape)]));
  const next = rule.update(leaves(rule.arrays, [2]), leaves(Object.keys(rule.numbers), []));
  const values = Object.values(next).filter((value) => value !== undefined);
  return nodesBehind(values).every(
    ({ inputs, outputs }) => inputs.every(({ size }) => size < 2) || outputs.every(({ size }) => size === 2),
  );
}

const numbersOf = (updates: readonly ArrayUpdate[]): Record<string, View> =>
  Object.fromEntries(
    updates.flatMap(({ rule }, u) =>
      Object.entries(rule.numbers).map(([name, value]) => [
        numberName(u, name),
        transferredView(Float32Array.of(value)),
      ]),
    ),
  );
