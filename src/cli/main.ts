#!/usr/bin/env node
/** The program `pixelwise`. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import { withModelFiles } from './model-files.js';

// A reader that closes early (`| head`) has seen enough: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  if (error.code !== 'EIO') throw error;
});
// A terminal that was closed takes no more words (EIO): the work goes on until it is saved. A disk that is too full
// for the log of a run is no reason to end the run.
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

// Set, not exited with: what was written to a pipe still has to leave.
process.exitCode = await main();
