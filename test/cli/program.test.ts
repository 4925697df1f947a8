import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram, type BuiltProgram } from '../built-program.js';

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

describe('pixelwise', () => {
  it('starts quickly: help loads no command', async () => {
    const best = async (words: readonly string[]): Promise<number> => {
      let least = Infinity;
      for (let i = 0; i < 5; i++) {
        const start = performance.now();
        await promisify(execFile)(process.execPath, words);
        least = Math.min(least, performance.now() - start);
      }
      return least;
    };
    // Measured against Node's own start, as the machine may run other tests beside: 2.5 times it, as of writing.
    // A single package that reads images or runs models would make it twice that.
    expect(await best([program.main, '--help'])).toBeLessThan(4 * (await best(['--eval', '0'])));
  });

  it('summary unet --json prints one object with the published count', async () => {
    const { code, stdout, stderr } = await program.run('summary', 'unet', '--json', '--size', '128');
    expect(code).toBe(0);
    const summary = JSON.parse(stdout) as {
      parameters: { total: number };
      layers: { output: (number | null)[] }[];
    };
    expect(summary.parameters.total).toBe(31_031_745);
    for (const layer of summary.layers) expect(layer.output).toHaveLength(4);
    expect(stderr).toContain('31,031,745');
  });

  it('ends with 2 and a message where the words are off', async () => {
    const unknown = await program.run('summry', 'unet');
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toContain('Did you mean summary?');
    const range = await program.run('summary', 'unet', '--depth', '1', '--json');
    expect(range.code).toBe(2);
    expect(JSON.parse(range.stdout)).toMatchObject({ error: { code: 'usage' } });
    expect(range.stderr).toContain('a whole number from 2 to 8');
  });
});
