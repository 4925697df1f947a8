/**
 * What all optimizers share: parameter groups over one flat array of weights, moments (running means of past
 * gradients), and the plain-data state from which a run resumes bit for bit.
 *
 * All trainable weights are in one Float32Array and their gradients in another of equal layout; a parameter is a
 * named slice of both. The arithmetic is in double precision and rounded to float32 when it is stored, so a step
 * is never less accurate than one computed in float32 throughout, and always gives the same bits.
 */
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import type { ArrayRule } from '../runtime/index.js';
import { ArrayKernel, compileRule } from '../runtime/index.js';
import type { Setting, Settings } from '../settings/index.js';
import { checkSettings, real } from '../settings/index.js';
import type { GroupUpdate, MomentSlice } from './update-rule.js';
import { momentsOf } from './update-rule.js';

/** Where a parameter lies in the flat arrays of weights and gradients, in elements. */
export interface ParameterSlice {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/** Options that every optimizer has. */
export interface OptimizerOptions {
  /** Learning rate, at least 0. */
  lr: number;
  /** Weight decay, at least 0: added to the gradient (L2), or taken off the weights directly in AdamW. */
  weightDecay: number;
}

/** Parameters that are updated with the same options. The options may be changed between steps. */
export interface ParameterGroup extends OptimizerOptions {
  /**
   * The group's parameters. Offsets may be replaced when the flat arrays are laid out anew; names,
   * lengths and order stay, for the moments follow them.
   */
  parameters: readonly ParameterSlice[];
  /** The learning rate that schedules scale: `lr` as it was given. */
  initialLr: number;
}

/** A group as it is handed in: what is not named comes from the optimizer's options. */
export type ParameterGroupInit<Options extends OptimizerOptions = OptimizerOptions> = {
  readonly parameters: readonly ParameterSlice[];
} & Partial<Options>;

/** A value an option can have. */
export type OptionValue = number | boolean | readonly number[];

/** The state of one group: plain data that JSON can hold. */
export interface GroupState {
  /** Steps taken with this group. */
  readonly step: number;
  /** All options by name, `initialLr` among them. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Names of the parameters, in order. */
  readonly parameters: readonly string[];
  /** Names of the moments that exist so far, in PyTorch's terms (`exp_avg`, `momentum_buffer`…). */
  readonly moments: readonly string[];
}

/** Everything an optimizer remembers. */
export interface OptimizerState {
  /** The optimizer's class name. */
  readonly type: string;
  readonly groups: readonly GroupState[];
  /** Moments under `<moment>/<parameter>`, each as long as its parameter. */
  readonly moments: Readonly<Record<string, Float32Array>>;
}

/** Slices that share all options, or groups with options of their own. */
export type OptimizerParameters<Options extends OptimizerOptions = OptimizerOptions> =
  readonly ParameterSlice[] | readonly ParameterGroupInit<Options>[];

/** What {@link OptimizerDefinition.rule} is told about a group besides its options. */
export interface StepInfo {
  /** The number of this step, from 1. */
  readonly step: number;
  /** Whether an earlier step made this moment. */
  has(moment: string): boolean;
}

/** An optimizer: its options and its arithmetic. Everything else is shared. */
export interface OptimizerDefinition<Options extends OptimizerOptions = OptimizerOptions> {
  /** The class name, as saved states carry it. */
  readonly type: string;
  /** What it is, as help shows it. */
  readonly title: string;
  /** Its options with range, help and default, which is PyTorch's where PyTorch has the optimizer. */
  readonly settings: Settings<Options>;
  /** Defaults of `train`, where they differ from those of the class. */
  readonly trainDefaults?: Partial<Options>;
  /** Throws a UsageError for options that do not go together. */
  check?(options: Options): void;
  /** One step: new values of the arrays `weight` and the moments, from these and `gradient`. */
  rule(options: Options, info: StepInfo): ArrayRule;
}

/** Settings that optimizers share; the default is each one's own. */
export const LEARNING_RATE = { kind: real({ min: 0 }), help: 'learning rate' } satisfies Setting<number>;
export const WEIGHT_DECAY = { kind: real({ min: 0 }), help: 'weight decay' } satisfies Setting<number>;
export const MOMENTUM = {
  kind: real({ min: 0, max: 1 }),
  help: 'momentum',
} satisfies Setting<number>;

/** The memory of one group: how many steps it took, and its moments as flat arrays in group order. */
export class GroupMemory {
  step = 0;
  readonly moments = new Map<string, Float32Array>();

  /** @param length the number of weights in the group. */
  constructor(readonly length: number) {}

  /** The moment `name` of the whole group, made of zeros on first use. */
  moment(name: string): Float32Array {
    let moment = this.moments.get(name);
    if (moment === undefined) {
      moment = new Float32Array(this.length);
      this.moments.set(name, moment);
    }
    return moment;
  }
}

/** Weights in the group's slices, all together. */
function totalLength(parameters: readonly ParameterSlice[]): number {
  return parameters.reduce((sum, { length }) => sum + length, 0);
}

function isGroupInit(item: ParameterSlice | ParameterGroupInit): item is ParameterGroupInit {
  return 'parameters' in item;
}

/**
 * Base of all optimizers. A subclass gives its definition.
 *
 * @typeParam Options the options that a group of this optimizer has.
 */
export abstract class Optimizer<Options extends OptimizerOptions = OptimizerOptions> {
  readonly groups: (ParameterGroup & Options)[] = [];
  private readonly memories: GroupMemory[] = [];
  private readonly kernels = new Map<string, ArrayKernel>();
  private readonly options: Options;
  private changes = 0;
  private elsewhere = false;

  /**
   * @param parameters slices that share all options, or groups with options of their own.
   * @param options what differs from the defaults, for every group that does not say otherwise.
   * @throws UsageError if an option is out of range or a parameter is given twice.
   */
  protected constructor(
    private readonly definition: OptimizerDefinition<Options>,
    parameters: OptimizerParameters<Options>,
    options: Partial<Options>,
  ) {
    this.options = this.checked(options);
    const items: readonly (ParameterSlice | ParameterGroupInit<Options>)[] = parameters;
    const slices = items.filter((item): item is ParameterSlice => !isGroupInit(item));
    const groups = items.filter((item): item is ParameterGroupInit<Options> => isGroupInit(item));
    if (slices.length > 0 && groups.length > 0) {
      throw new UsageError(`${this.type}: give either parameters or groups, not a mixture of both.`);
    }
    if (slices.length > 0) this.addGroup(slices);
    for (const { parameters: own, ...ownOptions } of groups) {
      this.addGroup(own, ownOptions as unknown as Partial<Options>);
    }
  }

  /** Options with defaults filled in. @throws UsageError if one is unknown or out of range. */
  private checked(given: Partial<Options>): Options {
    const { type, settings, check } = this.definition;
    const options = checkSettings<Options>(type, settings, given);
    check?.(options);
    return options;
  }

  /** The optimizer's name, as its state carries it. */
  get type(): string {
    return this.definition.type;
  }

  /** Grows whenever the moments may have changed: those copied elsewhere are then out of date. */
  get revision(): number {
    return this.changes;
  }

  /**
   * Adds a group, for instance of parameters that were frozen until now. Its step count starts at 0.
   * @param ownOptions what differs from the options the optimizer was made with.
   * @throws UsageError where an option is out of range or a parameter is in a group already.
   */
  addGroup(parameters: readonly ParameterSlice[], ownOptions: Partial<Options> = {}): void {
    const given = Object.entries(ownOptions).filter(([, value]) => value !== undefined);
    const options = this.checked({ ...this.options, ...(Object.fromEntries(given) as Partial<Options>) });
    const seen = new Set(this.groups.flatMap((group) => group.parameters.map(({ name }) => name)));
    for (const { name, offset, length } of parameters) {
      if (seen.has(name)) throw new UsageError(`${this.type}: parameter "${name}" is in two groups.`);
      seen.add(name);
      if (!Number.isInteger(offset) || offset < 0 || !Number.isInteger(length) || length < 0) {
        throw new UsageError(
          `${this.type}: parameter "${name}" has offset ${offset} and length ${length}; both must be whole numbers of at least 0.`,
        );
      }
    }
    this.changes++;
    this.groups.push({ ...options, parameters: [...parameters], initialLr: options.lr });
    this.memories.push(new GroupMemory(totalLength(parameters)));
  }

  /**
   * One step: changes `weights` in place, from `gradients` of the same layout, which stay as they are.
   *
   * @throws ShapeError where the arrays differ in length or do not hold a parameter's slice.
   * @throws UsageError where an option was set out of its range. Nothing is changed before a throw.
   */
  step(weights: Float32Array, gradients: Float32Array): void {
    this.requireHere();
    if (weights.length !== gradients.length) {
      throw new ShapeError(
        `${this.type}: ${weights.length} weights and ${gradients.length} gradients; the two arrays must have one layout.`,
      );
    }
    this.checkGroups(weights.length);
    this.changes++;
    this.groups.forEach((group, index) => {
      const memory = this.memories[index]!;
      memory.step++;
      const rule = this.ruleOf(group, memory);
      const kernel = this.kernelOf(rule);
      const moments = momentsOf(rule).map((name) => [name, memory.moment(name)] as const);
      let start = 0;
      for (const { offset, length } of group.parameters) {
        const arrays: Readonly<Record<string, Float32Array>> = {
          weight: weights.subarray(offset, offset + length),
          gradient: gradients.subarray(offset, offset + length),
          ...Object.fromEntries(
            moments.map(([name, values]) => [name, values.subarray(start, start + length)]),
          ),
        };
        kernel.update(
          rule.numbers,
          rule.arrays.map((name) => arrays[name]!),
        );
        start += length;
      }
    });
  }

  private ruleOf(group: ParameterGroup & Options, memory: GroupMemory): ArrayRule {
    return this.definition.rule(group, { step: memory.step, has: (moment) => memory.moments.has(moment) });
  }

  private kernelOf(rule: ArrayRule): ArrayKernel {
    let kernel = this.kernels.get(rule.kind);
    if (!kernel) this.kernels.set(rule.kind, (kernel = new ArrayKernel(compileRule(rule))));
    return kernel;
  }

  /**
   * A step that is computed elsewhere: `compute` is told what it is. The moments here are then those of before,
   * and refuse to be read, until they are written into {@link moments} and {@link settle} is called. Where
   * `compute` throws, no step was taken.
   *
   * @param available how many weights there are.
   * @throws UsageError, ShapeError as {@link step} does. Nothing is changed before a throw.
   */
  async stepElsewhere(
    available: number,
    compute: (updates: readonly GroupUpdate[]) => Promise<void>,
  ): Promise<void> {
    this.checkGroups(available);
    const known = this.memories.map(({ moments }) => new Set(moments.keys()));
    const updates = this.groups.map((group, index): GroupUpdate => {
      const memory = this.memories[index]!;
      memory.step++;
      const rule = this.ruleOf(group, memory);
      momentsOf(rule).forEach((name) => memory.moment(name));
      return { parameters: group.parameters, rule };
    });
    try {
      await compute(updates);
    } catch (error) {
      this.memories.forEach((memory, index) => {
        memory.step--;
        for (const name of memory.moments.keys()) if (!known[index]!.has(name)) memory.moments.delete(name);
      });
      throw error;
    }
    this.elsewhere = true;
  }

  /** Whether the newest moments are elsewhere. */
  get momentsAway(): boolean {
    return this.elsewhere;
  }

  /** The newest moments are here again. */
  settle(): void {
    this.elsewhere = false;
  }

  private requireHere(): void {
    if (this.elsewhere) {
      throw new Error(`${this.type}: its moments are on the device: await learner.synchronize() first`);
    }
  }

  /** All moments that exist so far, in place. */
  get moments(): MomentSlice[] {
    return this.groups.flatMap(({ parameters }, index) =>
      [...this.memories[index]!.moments].flatMap(([moment, values]) => {
        let start = 0;
        return parameters.map(({ name, length }) => {
          const slice = { moment, parameter: name, values: values.subarray(start, start + length) };
          start += length;
          return slice;
        });
      }),
    );
  }

  /** Sets the momentum of every group, as schedules drive it: `momentum`, or the first of `betas`. */
  setMomentum(momentum: number): void {
    for (const group of this.groups as { momentum?: number; betas?: readonly number[] }[]) {
      if (group.betas) group.betas = [momentum, ...group.betas.slice(1)];
      else group.momentum = momentum;
    }
  }

  /** Whether schedules can drive its momentum: it has `betas`, or `momentum` that is not 0. */
  get hasMomentum(): boolean {
    const { betas, momentum = 0 } = this.options as { betas?: unknown; momentum?: number };
    return betas !== undefined || momentum !== 0;
  }

  /**
   * Everything remembered, enough to go on bit for bit. The moments are views of the live arrays, not
   * copies (they can be hundreds of megabytes): write them out, or `structuredClone` the whole, before
   * the next step.
   */
  state(): OptimizerState {
    this.requireHere();
    const moments = Object.fromEntries(
      this.moments.map(({ moment, parameter, values }) => [`${moment}/${parameter}`, values]),
    );
    const groups = this.groups.map((group, index) => {
      const memory = this.memories[index]!;
      const options: Record<string, OptionValue> = { initialLr: group.initialLr };
      for (const key of optionNames(this.definition)) {
        const value = group[key] as OptionValue;
        options[key] = typeof value === 'object' ? [...value] : value;
      }
      return {
        step: memory.step,
        options,
        parameters: group.parameters.map(({ name }) => name),
        moments: [...memory.moments.keys()],
      };
    });
    return { type: this.type, groups, moments };
  }

  /**
   * Takes over a state: options, step counts and moments (which are copied). The groups must be the
   * saved ones; where some were added in the course of the run, add them first.
   *
   * @throws PixelwiseError `optimizer-state` where the state belongs to another optimizer, to other
   *   groups, or is not whole. Nothing is changed before a throw.
   */
  loadState(state: OptimizerState): void {
    this.requireHere();
    const refuse = (problem: string): never => {
      throw new PixelwiseError(
        'optimizer-state',
        `${this.type}: the saved state does not fit: ${problem}. Resume with the optimizer, parameter groups and model that the state was saved from.`,
      );
    };
    if (state.type !== this.type) refuse(`it is of ${state.type}`);
    if (state.groups.length !== this.groups.length) {
      refuse(`it has ${state.groups.length} parameter groups, here are ${this.groups.length}`);
    }
    const loaded = state.groups.map((saved, index) => {
      const { parameters } = this.groups[index]!;
      const names = parameters.map(({ name }) => name);
      const odd = saved.parameters.find((name, i) => name !== names[i]) ?? names[saved.parameters.length];
      if (odd !== undefined) refuse(`group ${index} differs at parameter "${odd}"`);
      const option = (key: string) => {
        const value = saved.options[key];
        if (value === undefined) return refuse(`group ${index} lacks the option ${key}`);
        return typeof value === 'object' ? [...value] : value;
      };
      const optionKeys = optionNames(this.definition);
      const options = Object.fromEntries(optionKeys.map((key) => [key, option(key)]));
      this.checked(options as unknown as Partial<Options>);
      const memory = new GroupMemory(totalLength(parameters));
      memory.step = saved.step;
      for (const moment of saved.moments) {
        const values = memory.moment(moment);
        let start = 0;
        for (const { name, length } of parameters) {
          const slice = state.moments[`${moment}/${name}`];
          if (slice === undefined) return refuse(`"${moment}/${name}" is missing`);
          if (slice.length !== length) {
            refuse(`"${moment}/${name}" has ${slice.length} values, the parameter has ${length}`);
          }
          values.set(slice, start);
          start += length;
        }
      }
      return { options: { ...options, initialLr: option('initialLr') }, memory };
    });
    this.changes++;
    loaded.forEach(({ options, memory }, index) => {
      Object.assign(this.groups[index]!, options);
      this.memories[index] = memory;
    });
  }

  private checkGroups(available: number): void {
    this.groups.forEach((group, index) => {
      const names = optionNames(this.definition);
      this.checked(Object.fromEntries(names.map((name) => [name, group[name]])) as Partial<Options>);
      this.checkSlices(group, this.memories[index]!, available);
    });
  }

  private checkSlices(group: ParameterGroup, memory: GroupMemory, available: number): void {
    for (const { name, offset, length } of group.parameters) {
      if (offset + length > available) {
        throw new ShapeError(
          `${this.type}: parameter "${name}" ends at ${offset + length}, beyond the ${available} weights given.`,
        );
      }
    }
    if (totalLength(group.parameters) !== memory.length) {
      throw new UsageError(
        `${this.type}: a group's parameters were replaced by others of ${totalLength(group.parameters)} instead of ${memory.length} weights; add a new group for new parameters.`,
      );
    }
  }
}

function optionNames<Options extends OptimizerOptions>(
  definition: OptimizerDefinition<Options>,
): (keyof Options & string)[] {
  return Object.keys(definition.settings) as (keyof Options & string)[];
}
