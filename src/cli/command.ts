/** What a command is: a line in the list of commands, and a module that is loaded when it is called. */
import type { ProcessGroup } from './process-group.js';
import type { CommandName, OptionsOf } from './options.js';
import type { Output } from './output.js';

/** A word of the command line that is not an option. */
export interface Positional {
  /** As help shows it: `MODEL`. */
  readonly name: string;
  readonly help: string;
  /** Stands for one word or more. Only the last may. */
  readonly many?: boolean;
  /** May be left out. */
  readonly optional?: boolean;
}

export interface CommandContext {
  readonly output: Output;
  /** Aborted by the first Ctrl-C: finish the step, save and end. The second ends the process. */
  readonly signal: AbortSignal;
  /** The words of the call that are no options: as many as the command has positionals, or more. */
  readonly words: readonly string[];
  /** The processes that do this work together, where mpirun started several. */
  readonly group?: Pick<ProcessGroup, 'communicator' | 'threads'> | undefined;
}

/** What a command leaves. */
export interface CommandResult {
  /** The one object that `--json` prints; absent where the command printed it itself, before its work was done. */
  readonly json?: object;
  /** 0 by default; 1 where the work was done and the answer is no; 130 where it was interrupted and saved. */
  readonly exitCode?: 0 | 1 | 130;
}

/** Does the work. Throws UsageError where the words are off, PixelwiseError where the work fails. */
export type Run<C extends CommandName> = (
  options: OptionsOf<C>,
  context: CommandContext,
) => Promise<CommandResult>;

export interface Command<C extends CommandName = CommandName> {
  readonly name: C;
  /** One line, for the list of commands. */
  readonly summary: string;
  readonly positionals: readonly Positional[];
  /** The message after the first Ctrl-C, if not the one about saving a step. */
  readonly whenInterrupted?: string;
  /** Whether several processes, started by mpirun, do it together; else rank 0 does it alone. */
  readonly shared?: boolean;
  /** Whether it always runs graphs: their thread starts while the command's modules are loaded. */
  readonly runsGraphs?: boolean;
  /** Imports the module that does the work: the list of commands and help stay quick without it. */
  load(): Promise<{ readonly run: Run<C> }>;
}

/** Ties a command's options to its name; a list of commands holds them all alike. */
export function command<C extends CommandName>(definition: Command<C>): Command {
  // Parsing checked the options by the name, which the types of a mixed list cannot follow.
  return definition as unknown as Command;
}
