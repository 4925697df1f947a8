/** The program: reads a call, does it, says how it ended. `main.ts` hands it the process. */
import { Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { launchOf } from '../distributed/environment.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { isSystemError, systemErrorText } from '../files/write-error.js';
import { pixelwiseVersion } from '../jobs/machine.js';
import { startSessionThread } from '../runtime/session-thread.js';
import type { Command } from './command.js';
import { ProcessGroup } from './process-group.js';
import { COMMANDS } from './commands/index.js';
import { interruptible, INTERRUPTED, type SignalSource } from './interruption.js';
import type { OptionsOf } from './options.js';
import { Output } from './output.js';
import { parseCall } from './parse.js';
import type { MaybeTerminal } from './progress.js';
import { terminalText } from './terminal-text.js';

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
  const launch = launchOf(env);
  // Of several ranks one speaks.
  const speaks = launch === undefined || launch.rank === 0;
  const output = new Output({
    stdout: speaks ? stdout : silence(),
    stderr: speaks ? stderr : silence(),
    env,
    json,
  });
  const fail = (error: { code: string; message: string }) => {
    output.error(error.message);
    output.result({ error });
  };
  const runsGraphs = commands.find(({ name }) => name === words[0])?.runsGraphs === true;
  if (runsGraphs && !words.includes('--help')) startSessionThread();
  let group: ProcessGroup | undefined;
  let signal: AbortSignal | undefined;
  try {
    const columns = Math.min(stdout.columns ?? 100, WIDEST_HELP);
    const call = await parseCall(words, { commands, version: pixelwiseVersion(), columns });
    if (call.kind === 'text') {
      if (speaks) stdout.write(call.text);
      return 0;
    }
    call.notes.forEach((note) => output.note(note));
    const { shared = false } = call.command;
    if (!speaks && !shared) return 0;
    const { whenInterrupted } = call.command;
    const work = async (aborted: AbortSignal) => {
      signal = aborted;
      if (launch && shared) {
        group = await ProcessGroup.join(launch, env['PIXELWISE_MPI_LIBRARY'], {
          fail: ({ code, message }) => fail({ code, message }),
          note: (text) => output.note(text),
          warn: (text) => void stderr.write(`error: ${terminalText(text)}\n`),
        });
      }
      const { run } = await call.command.load();
      return run(call.options as OptionsOf<typeof call.command.name>, {
        output,
        signal: aborted,
        words: call.words,
        group,
      });
    };
    const result = await interruptible(signals, output, work, whenInterrupted);
    output.close();
    if (result.json) output.result(result.json);
    await group?.leave();
    return result.exitCode ?? 0;
  } catch (error) {
    const { code, message, exitCode } = explain(error, signal?.aborted ?? false);
    if (group) {
      const elsewhere = error instanceof Error && error.name === 'OtherRankError';
      const failure = elsewhere ? error : new PixelwiseError(code, message);
      return group.fail(failure as PixelwiseError, exitCode);
    }
    fail({ code, message });
    if (!speaks && !(error instanceof UsageError)) {
      // If rank 0 failed too, it ends all ranks during this wait. If it did not, this rank must report its error.
      await wait(SPEAK_AFTER);
      stderr.write(`error: rank ${launch.rank}: ${terminalText(message)}\n`);
    }
    return exitCode;
  }
}

const SPEAK_AFTER = 3_000;

/** A stream that keeps what it is told to itself. */
const silence = (): MaybeTerminal => new Writable({ write: (_chunk, _encoding, done) => done() });

/** An error as shown to the user. Only an unexpected error includes its stack. */
function explain(error: unknown, interrupted: boolean): { code: string; message: string; exitCode: number } {
  if (interrupted && error instanceof Error && error.name === 'AbortError') {
    return { code: 'interrupted', message: 'Interrupted.', exitCode: INTERRUPTED };
  }
  if (error instanceof UsageError) return { code: error.code, message: error.message, exitCode: 2 };
  if (error instanceof PixelwiseError) return { code: error.code, message: error.message, exitCode: 1 };
  if (isSystemError(error)) {
    const where = error.path === undefined ? '' : `${error.path}: `;
    return { code: error.code, message: `${where}${systemErrorText(error)}`, exitCode: 1 };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'internal', message: `This should not happen; please report it.\n${message}`, exitCode: 1 };
}
