#!/usr/bin/env node
/** The program `pixelwise`. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import { withModelFiles } from './model-files.js';

// It is not an error if the reader closes the pipe early (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  if (error.code !== 'EIO') throw error;
});
// After the terminal is closed, writes fail (EIO), but the work continues until it is saved. A full disk under the log
// file must not end a run.
process.stderr.on('error', () => undefined);

const given = process.argv.slice(2);
const { stdout, stderr, env } = process;

async function main(): Promise<number> {
  let words: string[];
  try {
    words = await withModelFiles(given);
  } catch (error) {
    if (!(error instanceof PixelwiseError)) throw error;
    const { Output } = await import('./output.js');
    const output = new Output({ stdout, stderr, env, json: given.includes('--json') });
    output.error(error.message);
    output.result({ error: { code: error.code, message: error.message } });
    return error instanceof UsageError ? 2 : 1;
  }
  // Imported now: the table of options includes those of the models.
  const { runCli } = await import('./cli.js');
  return runCli(words, { stdout, stderr, env, signals: process });
}

// Not process.exit(): output to a pipe may still be pending.
process.exitCode = await main();
