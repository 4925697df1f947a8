import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram, type BuiltProgram } from '../built-program.js';

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

describe('pixelwise', () => {
  it('starts quickly: help loads no command', async () => {
    let least = Infinity;
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      const { code, stdout } = await program.run('--help');
      least = Math.min(least, performance.now() - start);
      expect(code).toBe(0);
      expect(stdout).toContain('summary');
    }
    // A quarter of a second is the aim; a machine that runs other tests beside gets twice that.
    expect(least).toBeLessThan(500);
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
