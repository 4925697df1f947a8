/** One value read by the table's row, or an error that says what the row accepts. */
import { UsageError } from '../errors/index.js';
import { didYouMean } from './nearest.js';
import type { OptionEntry, OptionName, OptionValues } from './options.js';

/** Options with their values, as given. */
export type GivenOptions = Partial<Record<OptionName, OptionValues[OptionName]>>;

/**
 * @param value a flag's text, or a config file's value.
 * @param where names the place in messages: `--epochs`, `recipe.yaml: epochs`.
 */
export function readOption(entry: OptionEntry, value: unknown, where: string): OptionValues[OptionName] {
  const read = entry.kind.read(value);
  if (read !== undefined) return read;
  const hint = typeof value === 'string' && entry.kind.words ? didYouMean(value, entry.kind.words) : '';
  throw new UsageError(`${where} takes ${entry.kind.accepts}; got ${JSON.stringify(value)}.${hint}`);
}
