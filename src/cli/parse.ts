/**
 * From the words of a call to a command with its options, through commander and the table of options. The table
 * imports all models and optimizers, so it is loaded only where a command is named: the list of commands is quick.
 */
import { Command as Parser, CommanderError, Option } from 'commander';
import { UsageError } from '../errors/index.js';
import { defaultInWords, readValue } from '../settings/index.js';
import type { Command } from './command.js';
import { withNewFlags } from './renamed-flags.js';
import type { GivenOptions, OptionEntry } from './options.js';

export type Call =
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly options: GivenOptions;
      readonly words: string[];
      /** Notes to print before the work begins. */
      readonly notes: readonly string[];
    }
  /** Help or version: text to print, and nothing to do. */
  | { readonly kind: 'text'; readonly text: string };

export interface ParseSettings {
  readonly commands: readonly Command[];
  readonly version: string;
  /** Width of the help in characters. */
  readonly columns: number;
}

/**
 * Reads a call.
 *
 * @param given what stands after the program's name.
 * @throws UsageError for unknown commands and options, values out of range, missing or superfluous words.
 */
export async function parseCall(given: readonly string[], settings: ParseSettings): Promise<Call> {
  const { words, notes } = withNewFlags(given);
  let printed = '';
  let found: { command: Command; raw: Record<string, unknown>; words: string[] } | undefined;
  const quietly = (parser: Parser): Parser =>
    parser.exitOverride().configureOutput({
      writeOut: (text) => void (printed += text),
      writeErr: (text) => void (printed += text),
      outputError: () => undefined,
      getOutHelpWidth: () => settings.columns,
      getErrHelpWidth: () => settings.columns,
    });
  const program = quietly(new Parser('pixelwise'))
    .description('Train, evaluate and deploy image-segmentation models.')
    .version(settings.version)
    .addHelpText('after', '\nOptions of a command: pixelwise COMMAND --help');
  for (const command of settings.commands) {
    const parser = quietly(program.command(command.name))
      .summary(command.summary)
      .description(command.summary);
    for (const { name, help, many, optional } of command.positionals) {
      const words = `${name}${many ? '...' : ''}`;
      parser.argument(optional ? `[${words}]` : `<${words}>`, help);
    }
    if (words.includes(command.name)) await addOptions(parser, command);
    parser.allowExcessArguments(false).action(() => {
      found = { command, raw: parser.opts(), words: parser.args };
    });
  }
  try {
    await program.parseAsync([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (words.length === 0) throw new UsageError(`Name a command.\n\n${printed.trimEnd()}`);
    if (error.exitCode === 0) return { kind: 'text', text: printed };
    throw new UsageError(await explained(error, words, settings.commands));
  }
  const { command, raw, words: positionals } = found!;
  const options = await resolveOptions(command, raw, notes);
  return { kind: 'run', command, options, words: positionals, notes };
}

async function addOptions(parser: Parser, command: Command): Promise<void> {
  const { optionsOf, SECTIONS } = await import('./options.js');
  for (const entry of optionsOf(command.name))
    for (const option of toFlags(entry, command, `${SECTIONS[entry.section]}:`)) parser.addOption(option);
  parser.addHelpOption(new Option('-h, --help', 'this help').helpGroup(`${SECTIONS.general}:`));
}

/** A row of the table as commander's option, with its negative where it takes no value. */
function toFlags(entry: OptionEntry, command: Command, heading: string): Option[] {
  const { flag, kind, help, needed } = entry;
  const unset = defaultInWords(entry);
  const notes = [
    // Words that the placeholder does not show.
    ...(kind.words && !kind.placeholder?.includes('|') ? [kind.words.join(', ')] : []),
    ...(entry.appliesTo ? [`for ${entry.appliesTo.names.join(', ')}`] : []),
    ...(needed?.includes(command.name) ? ['required'] : []),
    ...(unset === undefined ? [] : [`default: ${unset}`]),
  ];
  const described = notes.length > 0 ? `${help} (${notes.join('; ')})` : help;
  if (kind.placeholder !== undefined) {
    return [new Option(`--${flag} <${kind.placeholder}>`, described).helpGroup(heading)];
  }
  return [new Option(`--${flag}`, described).helpGroup(heading), new Option(`--no-${flag}`).hideHelp()];
}

/** Values checked by the table; flags override the config file. */
async function resolveOptions(
  command: Command,
  raw: Readonly<Record<string, unknown>>,
  notes: string[],
): Promise<GivenOptions> {
  const { optionsOf } = await import('./options.js');
  const entries = optionsOf(command.name);
  const given: GivenOptions = {};
  for (const entry of entries) {
    const value = raw[new Option(`--${entry.flag}`).attributeName()];
    if (value !== undefined) given[entry.name] = readValue(`--${entry.flag}`, entry.kind, value);
  }
  const file = given.config;
  const options =
    typeof file === 'string'
      ? {
          ...(await (await import('./config-file.js')).readConfigFile(file, command.name, entries, notes)),
          ...given,
        }
      : given;
  const missing = entries.find(
    ({ name, needed, unlessResumed }) =>
      needed?.includes(command.name) &&
      options[name] === undefined &&
      !(unlessResumed === true && options.resume === true),
  );
  if (missing) {
    throw new UsageError(
      `${command.name} needs --${missing.flag} ${missing.kind.placeholder}: ${missing.help}.`,
    );
  }
  return options;
}

/** What commander found wrong, and what to write instead. */
async function explained(
  { code, message }: CommanderError,
  words: readonly string[],
  commands: readonly Command[],
): Promise<string> {
  const named = words.map((word) => commands.find(({ name }) => name === word)).find(Boolean);
  if (!named) return sentence(message);
  const { flagAdvice } = await import('./unknown-flag.js');
  const [, flag] = /unknown option '([^']+)'/.exec(message) ?? [];
  if (flag !== undefined) return `Unknown option '${flag}'.${flagAdvice(named.name, flag)}`;
  const { optionsOf } = await import('./options.js');
  const takesData = optionsOf(named.name).some(
    ({ name, needed }) => name === 'data' && needed?.includes(named.name),
  );
  const surplus = code === 'commander.excessArguments' && named.positionals.length === 0;
  if (surplus && takesData && !words.some((word) => word.startsWith('--data'))) {
    const [folder] = words.slice(words.indexOf(named.name) + 1).filter((word) => !word.startsWith('-'));
    return `The folder of labelled images is given by --data: pixelwise ${named.name} --data ${folder}`;
  }
  return sentence(message);
}

/** Commander's `error: unknown command 'tran'\n(Did you mean train?)` as a sentence. */
function sentence(message: string): string {
  const plain = message
    .replace(/^error: /, '')
    .replace(/\n\(?/g, '. ')
    .replace(/\?\)$/, '?');
  const stopped = /[.?!]$/.test(plain) ? plain : `${plain}.`;
  return stopped.charAt(0).toUpperCase() + stopped.slice(1);
}
