/** Options from a file (`--config`): YAML or JSON, the names of the flags without their dashes. */
import { readFile } from 'node:fs/promises';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { readValue } from '../settings/index.js';
import { withNewName } from './renamed-flags.js';
import { OPTION_ENTRIES, type CommandName, type GivenOptions, type OptionEntry } from './options.js';
import { flagAdvice } from './unknown-flag.js';

/** Options that speak of the call itself. */
const NOT_IN_FILES: readonly string[] = ['config', 'json'];

/**
 * Reads a config file for a command that takes `entries`. Names are the flags' (`batch-norm`) or the
 * library's (`batchNorm`).
 *
 * @param notes receives a note for each old name.
 * @throws PixelwiseError `config` where the file cannot be read or parsed; UsageError where a name is unknown,
 *   is written twice, or its value out of range.
 */
export async function readConfigFile(
  path: string,
  command: CommandName,
  entries: readonly OptionEntry[],
  notes: string[] = [],
): Promise<GivenOptions> {
  const values = await readMapping(path);
  const taken = entries.filter(({ name }) => !NOT_IN_FILES.includes(name));
  const given: GivenOptions = {};
  for (const [written, found] of Object.entries(values)) {
    const { key, value, note } = withNewName(written, found);
    if (note !== undefined) notes.push(`${path}: ${note}`);
    const entry = taken.find(({ name, flag }) => key === flag || key === name);
    if (!entry) throw unknownName(path, key, command);
    if (entry.name in given) throw new UsageError(`${path}: ${entry.flag} is given twice.`);
    // An empty entry of a YAML file is an option left out.
    if (value !== null) given[entry.name] = readValue(`${path}: ${key}`, entry.kind, value);
  }
  return given;
}

async function readMapping(path: string): Promise<Record<string, unknown>> {
  let source: string;
  try {
    source = await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PixelwiseError('config', `${path}: the config file cannot be read (${why}).`, { cause });
  }
  let values: unknown;
  try {
    // JSON is a part of YAML 1.2.
    values = (await import('yaml')).parse(source);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PixelwiseError('config', `${path}: neither YAML nor JSON. ${why}`, { cause });
  }
  if (values === null) return {};
  if (typeof values !== 'object' || Array.isArray(values)) {
    throw new PixelwiseError('config', `${path}: a config file holds lines such as "epochs: 20".`);
  }
  return values as Record<string, unknown>;
}

function unknownName(path: string, key: string, command: CommandName): UsageError {
  if (NOT_IN_FILES.includes(key)) return new UsageError(`${path}: ${key} is given on the command line only.`);
  const elsewhere = OPTION_ENTRIES.find(({ name, flag }) => key === flag || key === name);
  if (elsewhere) {
    return new UsageError(
      `${path}: ${command} does not take ${key}; it is an option of ${elsewhere.commands.join(', ')}.`,
    );
  }
  return new UsageError(`${path}: there is no option "${key}".${flagAdvice(command, key, '')}`);
}
