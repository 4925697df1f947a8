/**
 * Settings: each is described once, with its kind (type and range), its help text and its default. Checks and
 * defaults, flags and help, config files, `config.json` and the table of options in the docs derive from it.
 */
import { UsageError } from '../errors/index.js';
import type { Kind } from './kinds.js';
import { didYouMean } from './nearest.js';

/**
 * One setting. With a `default`, an omitted value becomes the default. With `unset`, it stays undefined.
 * With neither, the setting is required.
 */
export interface Setting<T> {
  readonly kind: Kind<T>;
  /** What the setting does, as help shows it: one line, no full stop. */
  readonly help: string;
  readonly default?: T;
  /** What happens if the setting is omitted, as help shows it: `no early stopping`. */
  readonly unset?: string;
}

/** The type of a setting's value. */
export type ValueOf<S> = S extends { readonly kind: Kind<infer T> } ? T : never;

/** A setting for each option of `O`: an option without a setting does not compile, nor a setting of another type. */
export type Settings<O> = { readonly [K in keyof O]-?: Setting<Exclude<O[K], undefined>> };

/** Options that an error message lists, at most. */
const MOST_LISTED = 20;

/**
 * Checks options against their table and fills in the defaults.
 *
 * @param owner named in error messages: `SGD`, `unet`.
 * @throws UsageError for an unknown option, a missing one, and a value that is not accepted. It names the
 *   owner, the option, the value and what is accepted.
 */
export function checkSettings<O extends object>(
  owner: string,
  table: Settings<O>,
  given: { readonly [K in keyof O]?: O[K] | undefined },
): O {
  const rows = Object.entries<Setting<unknown>>(table);
  refuseUnknown(owner, table, given);
  const values = given as Readonly<Record<string, unknown>>;
  const resolved = rows.flatMap(([name, setting]) => {
    const value = values[name];
    if (value !== undefined) return [[name, checkValue(`${owner}: ${name}`, setting.kind, value)]];
    if (setting.default !== undefined) return [[name, setting.default]];
    if (setting.unset !== undefined) return [];
    throw new UsageError(`${owner} needs the option ${name}: ${setting.help}.`);
  });
  return Object.fromEntries(resolved) as O;
}

/**
 * Checks options that stay as they were given: names, and values where a kind is given.
 *
 * @param kinds a kind for each option of `O`; null for values that are checked where they are used.
 * @throws UsageError for an unknown option, with the nearest name, and for a value that is not accepted.
 */
export function checkOptions<O extends object>(
  owner: string,
  kinds: { readonly [K in keyof O]-?: Kind<unknown> | null },
  given: O,
): void {
  refuseUnknown(owner, kinds, given);
  for (const [name, value] of Object.entries(given)) {
    const kind = kinds[name as keyof O];
    if (value !== undefined && kind !== null) checkValue(`${owner}: ${name}`, kind, value);
  }
}

/** Throws a UsageError for the first option that is not in `table`. */
function refuseUnknown(owner: string, table: object, given: object): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(table, name));
  if (unknown === undefined) return;
  const names = Object.keys(table);
  const few = names.length <= MOST_LISTED;
  throw new UsageError(
    `${owner} has no option "${unknown}"${few ? `; its options are ${names.join(', ') || 'none'}` : ''}.${didYouMean(unknown, names)}`,
  );
}

/**
 * Checks one value of an options object.
 *
 * @param what names the value in the error message: `SGD: momentum`.
 * @throws UsageError where `kind` does not accept it. A number written as text is refused, too.
 */
export function checkValue<T>(what: string, kind: Kind<T>, value: unknown): T {
  const read = kind.read(value);
  if (read === undefined || (typeof value === 'string' && typeof read === 'number'))
    refuse(what, kind, value);
  return read as T;
}

/**
 * Reads one value from a flag's text or a config file, where a number may be written as text.
 *
 * @param what names the value in the error message: `--epochs`, `recipe.yaml: epochs`.
 * @throws UsageError where `kind` does not accept it.
 */
export function readValue<T>(what: string, kind: Kind<T>, value: unknown): T {
  const read = kind.read(value);
  if (read === undefined) refuse(what, kind, value);
  return read as T;
}

function refuse(what: string, { accepts, words }: Kind<unknown>, value: unknown): never {
  const written = typeof value === 'number' ? String(value) : JSON.stringify(value);
  const hint = typeof value === 'string' && words ? didYouMean(value, words) : '';
  throw new UsageError(`${what} must be ${accepts}; got ${written}.${hint}`);
}

/** What holds where the setting is not given, for help and docs: `0.1`, `no early stopping`. */
export function defaultInWords({
  unset,
  default: value,
}: Omit<Setting<unknown>, 'kind' | 'help'>): string | undefined {
  if (unset !== undefined || value === undefined) return unset;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number' && value > 0 && value < 1e-4) return value.toExponential();
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** A setting's name as the command line writes it, without the dashes in front: `batchNorm` as `batch-norm`. */
export function flagName(setting: string): string {
  return setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
