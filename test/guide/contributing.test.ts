/** CONTRIBUTING.md is true: its recipes are carried out in a copy of the sources, which is then compiled and used. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createNodeRuntime } from '../../src/runtime/node.js';
import { buildProgram, type BuiltProgram } from '../built-program.js';
import type { Case } from '../conformance/case.js';
import { encodeImage } from '../../src/images/encode.js';
import { encodeIndexedPng } from '../../src/images/png-write.js';
import { makeSample } from '../support/made-data.js';
import { applyChange, readRecipes } from './recipes.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let copy: string;
let program: BuiltProgram;

beforeAll(async () => {
  await mkdir(join(ROOT, 'tmp'), { recursive: true });
  copy = await mkdtemp(join(ROOT, 'tmp', 'guide-'));
  for (const path of ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'])
    await cp(join(ROOT, path), join(copy, path), { recursive: true });
  for (const change of readRecipes(await readFile(join(ROOT, 'CONTRIBUTING.md'), 'utf8')))
    await applyChange(copy, change);
  program = await buildProgram(copy);
});
afterAll(() => rm(copy, { recursive: true, force: true }));

/** Runs a program that a package installs, in the copy. */
function tool(script: string, ...words: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(ROOT, 'node_modules', script), ...words],
      { cwd: copy },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    );
  });
}

it('has recipes for a loss, a model, an optimizer, a data set, a transform and an operator', async () => {
  const recipes = readRecipes(await readFile(join(ROOT, 'CONTRIBUTING.md'), 'utf8'));
  expect(recipes.filter(({ kind }) => kind === 'file').map(({ path }) => path)).toEqual([
    'src/nn/losses/my-loss.ts',
    'src/models/my-net.ts',
    'src/optim/my-optimizer.ts',
    'src/data/formats/my-format.ts',
    'src/data/transforms/my-transform.ts',
    'src/graph/operators/my-operator.ts',
  ]);
});

it('compiles', async () => {
  const own = {
    extends: './tsconfig.json',
    include: ['src', 'test/conformance'],
    exclude: ['src/**/*.test.ts'],
  };
  await writeFile(
    join(copy, 'tsconfig.guide.json'),
    JSON.stringify({ ...own, compilerOptions: { incremental: false, tsBuildInfoFile: null } }),
  );
  expect(await tool('typescript/bin/tsc', '-p', 'tsconfig.guide.json')).toEqual({ code: 0, output: '' });
}, 300_000);

it('trains the new model on the new format with the new loss, optimizer and transform', async () => {
  const data = join(copy, 'data');
  await mkdir(data);
  for (let i = 0; i < 8; i++) {
    const { image, mask } = makeSample(i);
    await writeFile(join(data, `photo-${i}.png`), await encodeImage(image, 'png'));
    await writeFile(join(data, `label-${i}.png`), await encodeIndexedPng(mask));
  }
  const run = join(copy, 'run');
  const { code, stderr } = await program.run(
    ...['train', '--data', data, '--out', run, '--model', 'my-net', '--width', '4'],
    ...['--loss', 'my-loss:0.5+dice', '--optimizer', 'my-optimizer', '--augment', 'flip,my-transform:0.3'],
    ...['--epochs', '1', '--batch', '4', '--size', '16', '--val', '0.25', '--threads', '1', '--json'],
  );
  expect([code, stderr]).toEqual([0, expect.stringContaining('epoch 1/1')]);
  expect(JSON.parse(await readFile(join(run, 'config.json'), 'utf8'))).toMatchObject({
    data: { format: 'my-format' },
    model: { name: 'my-net' },
  });
  const summary = await program.run('summary', 'my-net', '--json');
  expect(JSON.parse(summary.stdout)).toMatchObject({ model: 'my-net' });
});

it('runs the shared tests for the new names', async () => {
  const { code, output } = await tool(
    'vitest/vitest.mjs',
    ...['run', '-t', 'my-net|my-transform|my-loss|my-optimizer', '--reporter', 'verbose'],
    ...['src/models/registry.test.ts', 'src/data/transforms/transforms.test.ts'],
  );
  expect(code, output.slice(-3000)).toBe(0);
  expect(output).toMatch(/✓.*my-net/);
  expect(output).toMatch(/✓.*my-transform/);
});

it('gives the new operator’s values and gradients in the conformance suite', async () => {
  const { CASES } = (await import(join(copy, 'test/conformance/cases/index.js'))) as {
    CASES: readonly Case[];
  };
  const { checkCase } = (await import(
    join(copy, 'test/conformance/check.js')
  )) as typeof import('../conformance/check.js');
  const test = CASES.find(({ name }) => name === 'cube')!;
  const { shape, dtype } = test.inputs[0]!;
  const values = Float32Array.from({ length: 105 }, (_, i) => i / 50 - 1);
  const runtime = await createNodeRuntime({ worker: false, threads: 1 });
  try {
    const deviations = await checkCase(
      test,
      {
        inputs: [{ shape, dtype, values }],
        cotangent: values.map(() => 2),
        output: { shape, error: 0, values: values.map((x) => x ** 3) },
        gradients: [{ error: 0, values: values.map((x) => 6 * x ** 2) }],
      },
      runtime,
    );
    expect(deviations).toHaveLength(2);
    for (const { error, bound } of deviations) expect(error).toBeLessThan(bound);
  } finally {
    await runtime.close();
  }
});
