/** A call of the program inside the test's own process, which saves the second that a new process takes to start. */
import { EventEmitter } from 'node:events';
import { runCli } from '../../src/cli/cli.js';
import type { Ended } from '../built-program.js';
import { CapturedStream } from '../captured-stream.js';

export async function runProgram(...words: string[]): Promise<Ended> {
  const [stdout, stderr] = [new CapturedStream(), new CapturedStream()];
  const signals = Object.assign(new EventEmitter(), {
    exit: (code: number) => {
      throw new Error(`the program exited with ${code}`);
    },
  });
  const code = await runCli(words, { stdout, stderr, env: {}, signals });
  return { code, stdout: stdout.text, stderr: stderr.text };
}
