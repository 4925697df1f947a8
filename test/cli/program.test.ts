import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram, type BuiltProgram } from '../built-program.js';

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

describe('pixelwise', () => {
  it('loads nothing for its help that runs models or reads images', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pixelwise-help-'));
    try {
      // Node's coverage lists every script that was loaded.
      const env = { ...process.env, NODE_V8_COVERAGE: folder };
      await promisify(execFile)(process.execPath, [program.main, '--help'], { env });
      const [report] = await readdir(folder);
      const { result } = JSON.parse(await readFile(join(folder, report!), 'utf8')) as {
        result: { url: string }[];
      };
      const urls = result.map(({ url }) => url);
      expect(urls.some((url) => url.includes('commander'))).toBe(true);
      expect(urls.filter((url) => /node_modules.(onnxruntime|sharp|tar|yauzl|zod)/.test(url))).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
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

  it('summary --tree prints the modules within one another, and without it does not', async () => {
    const words = ['summary', 'unet', '--depth', '2', '--width', '4', '--size', '32'];
    const { code, stdout } = await program.run(...words, '--tree');
    expect(code).toBe(0);
    const plain = await program.run(...words);
    expect(stdout.startsWith(plain.stdout)).toBe(true);
    const tree = stdout.slice(plain.stdout.length).trim().split('\n');
    expect(tree.length).toBeGreaterThan(5);
    const depths = tree.map((line) => line.search(/[^\s│├└─]/));
    expect(Math.max(...depths)).toBeGreaterThan(Math.min(...depths));
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
