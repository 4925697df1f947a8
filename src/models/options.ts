/**
 * What can be chosen about a model, as a table: from it come defaults, checks, messages and the help of
 * the command line. A model's options interface and its table have the same keys, or do not compile.
 */
import { UsageError } from '../errors/index.js';

export interface WholeOption {
  readonly kind: 'whole';
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly description: string;
}

export interface NumberOption {
  readonly kind: 'number';
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly description: string;
}

export interface FlagOption {
  readonly kind: 'flag';
  readonly default: boolean;
  readonly description: string;
}

export interface ChoiceOption<C extends string = string> {
  readonly kind: 'choice';
  readonly default: C;
  readonly choices: readonly C[];
  readonly description: string;
}

export type ModelOption = WholeOption | NumberOption | FlagOption | ChoiceOption;

type OptionFor<V> = [V] extends [boolean]
  ? FlagOption
  : [V] extends [number]
    ? WholeOption | NumberOption
    : [V] extends [string]
      ? ChoiceOption<V>
      : never;

/** One row for each option of `O`. */
export type OptionTable<O> = { readonly [K in keyof Required<O>]: OptionFor<Required<O>[K]> };

/** Options every model has. */
export interface SharedOptions {
  /** Input channels; default 3. */
  readonly channels?: number;
  /** Output channels: the number of classes, or 1 for two classes told apart by one logit. */
  readonly classes?: number;
}

/** Rows of {@link SharedOptions}. */
export const SHARED_OPTIONS: OptionTable<SharedOptions> = {
  channels: { kind: 'whole', default: 3, min: 1, max: 4096, description: 'input channels' },
  classes: {
    kind: 'whole',
    default: 1,
    min: 1,
    max: 255,
    description: 'output channels: the number of classes, or 1 for two classes told apart by one logit',
  },
};

/**
 * All options of a model: those given, checked against the table, and defaults for the rest.
 *
 * @throws UsageError naming the option, what was given and what is accepted.
 */
export function resolveOptions<O extends object>(
  model: string,
  table: OptionTable<O>,
  given: O,
): Required<O> {
  const rows = table as Readonly<Record<string, ModelOption>>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(rows, name)) {
      throw new UsageError(
        `${model} has no option "${name}"; its options are ${Object.keys(rows).join(', ')}`,
      );
    }
  }
  const resolved = Object.entries(rows).map(([name, row]) => {
    const value = (given as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) return [name, row.default];
    if (!accepts(row, value))
      throw new UsageError(`${model}: ${name} must be ${accepted(row)}, not ${JSON.stringify(value)}`);
    return [name, value];
  });
  return Object.fromEntries(resolved) as Required<O>;
}

function accepts(row: ModelOption, value: unknown): boolean {
  switch (row.kind) {
    case 'flag':
      return typeof value === 'boolean';
    case 'choice':
      return typeof value === 'string' && row.choices.includes(value);
    default:
      return (
        typeof value === 'number' &&
        value >= row.min &&
        value <= row.max &&
        (row.kind === 'number' || Number.isInteger(value))
      );
  }
}

/** What an option takes, in words: `a whole number from 2 to 8`. */
export function accepted(row: ModelOption): string {
  switch (row.kind) {
    case 'flag':
      return 'true or false';
    case 'choice':
      return row.choices.join(' or ');
    default:
      return `a ${row.kind === 'whole' ? 'whole number' : 'number'} from ${row.min} to ${row.max}`;
  }
}
