/**
 * The optimizers by the names that `--optimizer` takes. Adding one takes its file and a line here: flags, help,
 * checks and documentation derive from the definition of its class.
 */
import { UsageError } from '../errors/index.js';
import { didYouMean } from '../settings/index.js';
import { Adam, AdamW } from './adam.js';
import type { NamedGroup } from './groups.js';
import { groupByName } from './groups.js';
import { LAMB } from './lamb.js';
import { Lion } from './lion.js';
import type {
  Optimizer,
  OptimizerDefinition,
  OptimizerOptions,
  OptimizerParameters,
  TrainedWeight,
} from './optimizer.js';
import { RMSprop } from './rmsprop.js';
import { SGD } from './sgd.js';

const CLASSES = {
  sgd: SGD,
  adam: Adam,
  adamw: AdamW,
  rmsprop: RMSprop,
  lion: Lion,
  lamb: LAMB,
} as const;

export { Adam, AdamW, LAMB, Lion, RMSprop, SGD };

/** A name that `--optimizer` takes. */
export type OptimizerName = keyof typeof CLASSES;

/** A class of optimizers. */
export interface OptimizerClass<Options extends OptimizerOptions = OptimizerOptions> {
  new (parameters: OptimizerParameters<Options>, options?: Partial<Options>): Optimizer<Options>;
  readonly definition: OptimizerDefinition<Options>;
}

/** The class of each optimizer, by name. */
export const OPTIMIZERS: Readonly<Record<OptimizerName, OptimizerClass>> = CLASSES as unknown as Readonly<
  Record<OptimizerName, OptimizerClass>
>;

/** The options of all optimizers together, without the learning rate. */
export type NamedOptimizerOptions = Omit<Intersection<OptionsOf<(typeof CLASSES)[OptimizerName]>>, 'lr'>;

type OptionsOf<C> = C extends { readonly definition: OptimizerDefinition<infer O> } ? [O] : never;
/** Of a union of one-element tuples, the intersection of the elements. */
type Intersection<T extends [unknown]> = (T extends [infer O] ? (o: O) => void : never) extends (
  o: infer All,
) => void
  ? All
  : never;

/** Options of any optimizer, by name. */
export type AnyOptimizerOptions = Readonly<Record<string, unknown>>;

/**
 * A function that makes the named optimizer, as `LearnerOptions.optimizer` wants it. Omitted options take the
 * defaults that `train` uses: those of the class, except where its definition has `trainDefaults`.
 *
 * @param groups options for a part of the weights, by name: see `groupByName`.
 * @throws UsageError for an unknown name or option, or an option out of range.
 */
export function optimizerFactory(
  name: string,
  options: AnyOptimizerOptions = {},
  groups: readonly NamedGroup[] = [],
): (parameters: readonly TrainedWeight[]) => Optimizer {
  if (!Object.hasOwn(OPTIMIZERS, name)) {
    const names = Object.keys(OPTIMIZERS);
    throw new UsageError(
      `there is no optimizer "${name}"; there are ${names.join(', ')}.${didYouMean(name, names)}`,
    );
  }
  const Class = OPTIMIZERS[name as OptimizerName];
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const all = { ...Class.definition.trainDefaults, ...given };
  // Checks the options now, not when training begins.
  new Class([], all);
  return (parameters) => new Class(groups.length > 0 ? groupByName(parameters, groups) : parameters, all);
}
