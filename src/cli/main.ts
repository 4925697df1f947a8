#!/usr/bin/env node
/** The program `pixelwise`. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import { withModelFiles } from './model-files.js';

// A reader that closes early (`| head`) has seen enough: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

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
