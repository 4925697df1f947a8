/** The library in a script that is no file: its threads are files all the same, and let the process end. */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { buildProgram } from './built-program.js';
import { makeFolder, temporaryFolder } from './support/made-data.js';

it('trains under node --eval, and the process ends by itself', { timeout: 90_000 }, async () => {
  const { path, remove } = await temporaryFolder();
  const program = await buildProgram();
  try {
    const [data, out] = [join(path, 'data'), join(path, 'run')];
    await makeFolder(data, { count: 6, values: [0, 255] });
    const module = pathToFileURL(join(dirname(program.main), '..', 'index.js')).href;
    const tiny = { model: 'unet', width: 2, depth: 2, size: 16, epochs: 1, batch: 2, lr: 1e-3, threads: 1 };
    const script = `
      const { train } = await import(${JSON.stringify(module)});
      const { stopped } = await train(${JSON.stringify({ data, out, pictures: false, ...tiny })});
      console.log(stopped);`;
    const words = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 60_000 });
    expect(stdout).toBe('epochs\n');
  } finally {
    await program.remove();
    await remove();
  }
});
