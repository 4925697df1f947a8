/** The program: reads a call, does it, says how it ended. `main.ts` hands it the process. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import { pixelwiseVersion } from '../jobs/machine.js';
import type { Command } from './command.js';
import { COMMANDS } from './commands/index.js';
import { interruptible, INTERRUPTED, type SignalSource } from './interruption.js';
import type { OptionsOf } from './options.js';
import { Output } from './output.js';
import { parseCall } from './parse.js';
import type { MaybeTerminal } from './progress.js';

/** The world around the program. */
export interface Surroundings {
  readonly stdout: MaybeTerminal;
  readonly stderr: MaybeTerminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signals: SignalSource;
}

const WIDEST_HELP = 110;

/**
 * Does one call.
 *
 * @param words what stands after the program's name.
 * @returns the exit code: 0 done, 1 failed, 2 the words are off, 130 interrupted.
 */
export async function runCli(
  words: readonly string[],
  surroundings: Surroundings,
  commands: readonly Command[] = COMMANDS,
): Promise<number> {
  const { stdout, stderr, env, signals } = surroundings;
  // Known before parsing, which may fail: then too the one object is due.
  const json = words.includes('--json');
  const output = new Output({ stdout, stderr, env, json });
  let signal: AbortSignal | undefined;
  try {
    const columns = Math.min(stdout.columns ?? 100, WIDEST_HELP);
    const call = await parseCall(words, { commands, version: pixelwiseVersion(), columns });
    if (call.kind === 'text') {
      stdout.write(call.text);
      return 0;
    }
    const { whenInterrupted } = call.command;
    const work = async (aborted: AbortSignal) => {
      signal = aborted;
      const { run } = await call.command.load();
      return run(call.options as OptionsOf<typeof call.command.name>, {
        output,
        signal: aborted,
        words: call.words,
      });
    };
    const result = await interruptible(signals, output, work, whenInterrupted);
    output.close();
    if (result.json) output.result(result.json);
    return result.exitCode ?? 0;
  } catch (error) {
    const { code, message, exitCode } = explain(error, signal?.aborted ?? false);
    output.error(message);
    output.result({ error: { code, message } });
    return exitCode;
  }
}

/** An error as a person should read it. Only one that nobody foresaw shows its stack. */
function explain(error: unknown, interrupted: boolean): { code: string; message: string; exitCode: number } {
  if (interrupted && error instanceof Error && error.name === 'AbortError') {
    return { code: 'interrupted', message: 'Interrupted.', exitCode: INTERRUPTED };
  }
  if (error instanceof UsageError) return { code: error.code, message: error.message, exitCode: 2 };
  if (error instanceof PixelwiseError) return { code: error.code, message: error.message, exitCode: 1 };
  if (isSystemError(error)) return { code: error.code, message: error.message, exitCode: 1 };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'internal', message: `This should not happen; please report it.\n${message}`, exitCode: 1 };
}

/** A refusal of the operating system, such as a full disk: its message names call and path. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}
