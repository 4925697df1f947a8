/**
 * What every optimizer shares: parameter groups over one flat array of weights, the memory of past
 * gradients (moments), and the plain-data state from which a run resumes bit for bit.
 *
 * All trainable weights lie in one Float32Array and their gradients in another of equal layout; a
 * parameter is a named slice of both. Arithmetic is done in double precision and rounded to float32 as
 * it is stored, so a step is never less accurate than the same step computed in float32 throughout, and
 * always gives the same bits.
 */
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import { withDefaults } from './defaults.js';
import type { GroupUpdate, MomentSlice, UpdateRule } from './update-rule.js';

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

/** What sets one kind of optimizer apart from another, besides its arithmetic. */
export interface OptimizerRules<Options extends OptimizerOptions> {
  readonly type: string;
  readonly defaults: Readonly<Options>;
  /** Throws a UsageError that states the accepted range of the first option that is off. */
  check(options: Options): void;
}

/** The memory of one group: how many steps it took, and its moments as flat arrays in group order. */
export class GroupMemory {
  step = 0;
  readonly moments = new Map<string, Float32Array>();

  /** @param length the number of weights in the group. */
  constructor(readonly length: number) {}

  has(name: string): boolean {
    return this.moments.has(name);
  }

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
 * Base of all optimizers. A subclass gives its rules and updates one group at a time.
 *
 * @typeParam Options the options a group of this optimizer has.
 */
export abstract class Optimizer<Options extends OptimizerOptions = OptimizerOptions> {
  readonly groups: (ParameterGroup & Options)[] = [];
  private readonly memories: GroupMemory[] = [];
  private readonly rules: OptimizerRules<Options>;
  private readonly options: Options;
  private changes = 0;
  private elsewhere = false;

  /**
   * @param parameters slices that share all options, or groups with options of their own.
   * @param options what differs from the defaults, for every group that does not say otherwise.
   * @throws UsageError where an option is out of range or a parameter comes twice.
   */
  protected constructor(
    rules: OptimizerRules<Options>,
    parameters: readonly ParameterSlice[] | readonly ParameterGroupInit<Options>[],
    options: Partial<Options>,
  ) {
    this.rules = rules;
    this.options = withDefaults(rules.defaults, options);
    rules.check(this.options);
    const items: readonly (ParameterSlice | ParameterGroupInit<Options>)[] = parameters;
    const slices = items.filter((item): item is ParameterSlice => !isGroupInit(item));
    const groups = items.filter((item): item is ParameterGroupInit<Options> => isGroupInit(item));
    if (slices.length > 0 && groups.length > 0) {
      throw new UsageError(`${rules.type}: give either parameters or groups, not a mixture of both.`);
    }
    if (slices.length > 0) this.addGroup(slices);
    for (const group of groups) this.addGroup(group.parameters, group);
  }

  /** The optimizer's name, as its state carries it. */
  get type(): string {
    return this.rules.type;
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
    const options = withDefaults(this.options, ownOptions);
    this.rules.check(options);
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
      this.update(group, memory, weights, gradients);
    });
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
      const rule = this.rule(group, memory);
      rule.moments.forEach((name) => memory.moment(name));
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

  /** Sets in every group what a momentum-cycling schedule drives: `momentum`, or the first of `betas`. */
  abstract setMomentum(momentum: number): void;

  /**
   * The step of one group. `memory.step` counts this step already: it is 1 in the first.
   * @param weights all weights, changed in place. @param gradients all gradients, only read.
   */
  protected abstract update(
    group: ParameterGroup & Options,
    memory: GroupMemory,
    weights: Float32Array,
    gradients: Float32Array,
  ): void;

  /** The arithmetic of {@link update} as a graph. Called after the step is counted and before moments are made. */
  protected abstract rule(group: ParameterGroup & Options, memory: GroupMemory): UpdateRule;

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
      for (const key of optionNames(this.rules)) {
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
      const options: Record<string, OptionValue> = {};
      for (const key of ['initialLr', ...optionNames(this.rules)]) {
        const value = saved.options[key];
        if (value === undefined) return refuse(`group ${index} lacks the option ${key}`);
        options[key] = typeof value === 'object' ? [...value] : value;
      }
      this.rules.check(options as unknown as Options);
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
      return { options, memory };
    });
    this.changes++;
    loaded.forEach(({ options, memory }, index) => {
      Object.assign(this.groups[index]!, options);
      this.memories[index] = memory;
    });
  }

  private checkGroups(available: number): void {
    this.groups.forEach((group, index) => {
      this.rules.check(group);
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
  rules: OptimizerRules<Options>,
): (keyof Options & string)[] {
  return Object.keys(rules.defaults) as (keyof Options & string)[];
}
