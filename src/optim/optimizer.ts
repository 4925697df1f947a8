/**
 * What all optimizers share: parameter groups, moments (running means of past gradients), and the plain-data
 * state from which a run resumes bit for bit.
 *
 * On the host the arithmetic is in double precision and rounded to float32 when it is stored, so a step is never
 * less accurate than one computed in float32 throughout, and always gives the same bits. A device computes the
 * same step in float32.
 */
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import { formatShape, sameShape } from '../graph/index.js';
import type { ArrayRule, ArrayUpdate } from '../runtime/index.js';
import { DeviceArray, HostKernels } from '../runtime/index.js';
import type { Setting, Settings } from '../settings/index.js';
import { checkSettings, real } from '../settings/index.js';

/** A weight and its gradient. The optimizer changes the weight and reads the gradient, wherever they are. */
export interface TrainedWeight {
  readonly name: string;
  readonly weight: DeviceArray;
  readonly gradient: DeviceArray;
}

/** Options that every optimizer has. */
export interface OptimizerOptions {
  /** Learning rate, at least 0. */
  lr: number;
  /** Weight decay, at least 0: added to the gradient (L2), or taken off the weights directly, as in AdamW. */
  weightDecay: number;
}

/** Parameters that are updated with the same options. The options may be changed between steps. */
export interface ParameterGroup extends OptimizerOptions {
  readonly parameters: readonly TrainedWeight[];
  /** The learning rate that schedules scale: `lr` as it was given. */
  initialLr: number;
}

/** A group as it is given: omitted options are those of the optimizer. */
export type ParameterGroupInit<Options extends OptimizerOptions = OptimizerOptions> = {
  readonly parameters: readonly TrainedWeight[];
} & Partial<Options>;

/** Parameters that share all options, or groups with options of their own. */
export type OptimizerParameters<Options extends OptimizerOptions = OptimizerOptions> =
  readonly TrainedWeight[] | readonly ParameterGroupInit<Options>[];

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
export const MOMENTUM = { kind: real({ min: 0, max: 1 }), help: 'momentum' } satisfies Setting<number>;

/** Runs the updates of a step; `DeviceState` does it where the arrays are. */
export type UpdateRunner = (updates: readonly ArrayUpdate[]) => Promise<void>;

/** Steps taken by a group, and its moments by name, one array for each parameter in the group's order. */
interface GroupMemory {
  step: number;
  moments: Map<string, readonly DeviceArray[]>;
}

const zerosLike = (moment: string, parameters: readonly TrainedWeight[]): DeviceArray[] =>
  parameters.map(({ name, weight }) => new DeviceArray(`${moment}/${name}`, weight.shape));

/** The arrays of a rule that are moments. */
const momentsOf = ({ arrays }: ArrayRule): readonly string[] =>
  arrays.filter((name) => name !== 'weight' && name !== 'gradient');

/**
 * Base of all optimizers. A subclass gives its definition.
 *
 * @typeParam Options the options that a group of this optimizer has.
 */
export abstract class Optimizer<Options extends OptimizerOptions = OptimizerOptions> {
  readonly groups: (ParameterGroup & Options)[] = [];
  private readonly memories: GroupMemory[] = [];
  private readonly options: Options;
  private readonly host = new HostKernels();

  /**
   * @param parameters weights that share all options, or groups with options of their own.
   * @param options what differs from the defaults, for every group that does not say otherwise.
   * @throws UsageError if an option is out of range or a parameter is given twice.
   */
  protected constructor(
    private readonly definition: OptimizerDefinition<Options>,
    parameters: OptimizerParameters<Options>,
    options: Partial<Options>,
  ) {
    this.options = this.checked(options);
    const groups = parameters.filter((item) => 'parameters' in item);
    if (groups.length > 0 && groups.length < parameters.length) {
      throw new UsageError(`${this.type}: give either parameters or groups, not a mixture of both.`);
    }
    if (groups.length === 0 && parameters.length > 0) this.addGroup(parameters as readonly TrainedWeight[]);
    for (const { parameters: own, ...ownOptions } of groups as readonly ParameterGroupInit<Options>[]) {
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

  /**
   * Adds a group, for instance of parameters that were frozen until now. Its step count starts at 0.
   * @param ownOptions what differs from the options the optimizer was made with.
   * @throws UsageError if an option is out of range or a parameter is in a group already.
   * @throws ShapeError if a weight and its gradient differ in shape.
   */
  addGroup(parameters: readonly TrainedWeight[], ownOptions: Partial<Options> = {}): void {
    const given = Object.entries(ownOptions).filter(([, value]) => value !== undefined);
    const options = this.checked({ ...this.options, ...(Object.fromEntries(given) as Partial<Options>) });
    const seen = new Set(this.groups.flatMap((group) => group.parameters.map(({ name }) => name)));
    for (const { name, weight, gradient } of parameters) {
      if (seen.has(name)) throw new UsageError(`${this.type}: parameter "${name}" is in two groups.`);
      seen.add(name);
      if (!sameShape(weight.shape, gradient.shape)) {
        throw new ShapeError(
          `${this.type}: parameter "${name}" is ${formatShape(weight.shape)}, its gradient ${formatShape(gradient.shape)}.`,
        );
      }
    }
    this.groups.push({ ...options, parameters: [...parameters], initialLr: options.lr });
    this.memories.push({ step: 0, moments: new Map() });
  }

  /**
   * One step. Gradients stay as they are. If it throws, no step was taken.
   *
   * @param run default: on this thread, with all arrays on the host.
   * @throws UsageError if an option was set out of its range.
   */
  async step(run: UpdateRunner = (updates) => this.host.update(updates)): Promise<void> {
    const names = optionNames(this.definition);
    const next = this.groups.map((group, index) => {
      const { step, moments } = this.memories[index]!;
      const options = Object.fromEntries(names.map((name) => [name, group[name]]));
      this.checked(options as Partial<Options>);
      const rule = this.definition.rule(group, { step: step + 1, has: (moment) => moments.has(moment) });
      const all = new Map(moments);
      for (const moment of momentsOf(rule)) {
        if (!all.has(moment)) all.set(moment, zerosLike(moment, group.parameters));
      }
      const arrays = group.parameters.map(({ weight, gradient }, i) => ({
        weight,
        gradient,
        ...Object.fromEntries(momentsOf(rule).map((moment) => [moment, all.get(moment)![i]!])),
      }));
      return { update: { rule, arrays }, memory: { step: step + 1, moments: all } };
    });
    await run(next.map(({ update }) => update));
    next.forEach(({ memory }, index) => (this.memories[index] = memory));
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
   * Everything remembered, enough to continue bit for bit. The moments are the live arrays, not copies (they can
   * be hundreds of megabytes): write them out, or `structuredClone` the whole, before the next step.
   *
   * @throws Error while moments are on a device: `learner.synchronize()` first.
   */
  state(): OptimizerState {
    const moments = this.memories.flatMap((memory) => [...memory.moments.values()].flat());
    const groups = this.groups.map((group, index) => {
      const memory = this.memories[index]!;
      const options = Object.fromEntries(
        [...optionNames(this.definition), 'initialLr' as const].map((name) => {
          const value = group[name] as OptionValue;
          return [name, typeof value === 'object' ? [...value] : value];
        }),
      );
      return {
        step: memory.step,
        options,
        parameters: group.parameters.map(({ name }) => name),
        moments: [...memory.moments.keys()],
      };
    });
    return {
      type: this.type,
      groups,
      moments: Object.fromEntries(moments.map((array) => [array.name, array.values])),
    };
  }

  /**
   * Takes over a state: options, step counts and copies of the moments. The groups must be those that were saved;
   * if some were added in the course of the run, add them first.
   *
   * @throws PixelwiseError `optimizer-state` if the state belongs to another optimizer or to other groups, or is
   *   incomplete. Nothing is changed before a throw.
   */
  loadState(state: OptimizerState): void {
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
      const options = Object.fromEntries(optionNames(this.definition).map((key) => [key, option(key)]));
      this.checked(options as unknown as Partial<Options>);
      const moments = saved.moments.map((moment) => {
        const values = parameters.map(({ name, weight }) => {
          const given = state.moments[`${moment}/${name}`];
          if (given === undefined) return refuse(`"${moment}/${name}" is missing`);
          if (given.length !== weight.size) {
            refuse(`"${moment}/${name}" has ${given.length} values, the parameter has ${weight.size}`);
          }
          return given;
        });
        return { moment, values };
      });
      return { step: saved.step, options: { ...options, initialLr: option('initialLr') }, moments };
    });
    loaded.forEach(({ step, options, moments }, index) => {
      const group = this.groups[index]!;
      const known = this.memories[index]!.moments;
      Object.assign(group, options);
      const arrays = moments.map(({ moment, values }) => {
        const own = known.get(moment) ?? zerosLike(moment, group.parameters);
        own.forEach((array, i) => array.set(values[i]!));
        return [moment, own] as const;
      });
      this.memories[index] = { step, moments: new Map(arrays) };
    });
  }
}

function optionNames<Options extends OptimizerOptions>(
  definition: OptimizerDefinition<Options>,
): (keyof Options & string)[] {
  return Object.keys(definition.settings) as (keyof Options & string)[];
}
