/**
 * The program as it is shipped, for tests that run it as a process of its own. The sources are bundled as `npm run build`
 * does it, so that a test never meets an old `dist`.
 */
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BuiltProgram {
  /** Path of the compiled `cli/main.js`. */
  readonly main: string;
  /** Runs it to its end. */
  run(...words: string[]): Promise<Ended>;
  /** Starts it, for tests that speak to it while it works. */
  start(...words: string[]): ChildProcessByStdio<null, Readable, Readable>;
  /** Deletes it. */
  remove(): Promise<void>;
}

/**
 * Bundles the sources into a folder of this process's own.
 *
 * @param root a folder inside the repository with `src` and `package.json`; default the repository.
 */
export async function buildProgram(root = ROOT): Promise<BuiltProgram> {
  // Inside the repository, so that packages resolve. The package file is one level up, as it is for dist.
  const place = join(root, 'tmp', `program-${process.pid}`);
  await mkdir(place, { recursive: true });
  await copyFile(join(root, 'package.json'), join(place, 'package.json'));
  const script = join(ROOT, 'scripts', 'build-node.mjs');
  await promisify(execFile)(process.execPath, [script, join(place, 'dist'), root]);
  // The pages have a build and tests of their own; what is served of them must be there.
  for (const folder of ['page', 'browser']) await mkdir(join(place, 'dist', folder), { recursive: true });
  const main = join(place, 'dist', 'cli', 'main.js');
  return {
    main,
    run: (...words) =>
      new Promise((resolve) => {
        execFile(process.execPath, [main, ...words], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
          resolve({ code, stdout, stderr });
        });
      }),
    start: (...words) => spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] }),
    remove: () => rm(place, { recursive: true, force: true }),
  };
}
