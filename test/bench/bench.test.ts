import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram, type BuiltProgram } from '../built-program.js';

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

interface Report {
  readonly cases: readonly Record<string, unknown>[];
  readonly convGflops?: number;
}

const bench = async (...words: string[]): Promise<Report> => {
  const { code, stdout, stderr } = await program.run('bench', '--json', ...words);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
};

const NUMBERS = ['seconds', 'imagesPerSecond', 'gflops', 'efficiency', 'peakMiB'] as const;

describe('pixelwise bench', () => {
  it('measures a training step in a process of its own, by operator and layer too', async () => {
    const words = [
      '--model',
      'mobilenet-unet',
      '--mode',
      'train',
      '--batch',
      '1',
      '--size',
      '32',
      '--threads',
      '2',
    ];
    const { cases, convGflops } = await bench(...words, '--profile');
    expect(cases).toHaveLength(1);
    const [only] = cases;
    expect(only).toMatchObject({ model: 'mobilenet-unet', mode: 'train', batch: 1, size: 32, threads: 2 });
    for (const key of NUMBERS) expect(only![key], key).toBeGreaterThan(0);
    expect(only!['gflops']).toBeCloseTo((only!['efficiency'] as number) * convGflops!, 6);
    expect(only!['imagesPerSecond']).toBeCloseTo(1 / (only!['seconds'] as number), 6);
    const { operators, layers } = only!['profile'] as {
      operators: { operator: string }[];
      layers: { layer: string; backwardSeconds: number }[];
    };
    expect(operators.map(({ operator }) => operator)).toContain('FusedMatMul');
    const conv = layers.find(({ layer }) => layer === 'decoder.0.conv');
    expect(conv!.backwardSeconds).toBeGreaterThan(0);
  });

  it('measures loading, which has no arithmetic', async () => {
    const { cases, convGflops } = await bench('--mode', 'data', '--batch', '2', '--size', '32');
    expect(convGflops).toBeUndefined();
    expect(cases).toHaveLength(1);
    expect(cases[0]).not.toHaveProperty('gflops');
    expect(cases[0]!['imagesPerSecond']).toBeGreaterThan(0);
  });

  it('ends with 2 for a model that does not exist, and with 1 for data that do not', async () => {
    const unknown = await program.run('bench', '--model', 'unett');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('there is no model "unett"');
    const nowhere = await program.run('bench', '--mode', 'data', '--data', 'no/such/folder');
    expect(nowhere.code).toBe(1);
    expect(nowhere.stderr).toContain('no/such/folder');
  });
});
