import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { add, input, mul, relu, scalar, sum } from '../index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import { Program } from '../../runtime/index.js';

describe('inRunOrder', () => {
  it('makes ONNX Runtime run nodes in the order in which they were written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'run-order-'));
    const x = input('x', [4, 64]);
    // Each result needs the step before; the walk must finish one before it goes on to the next.
    let chain = relu(x);
    const outputs: Record<string, ReturnType<typeof relu>> = {};
    for (let i = 0; i < 6; i++) {
      chain = relu(add(mul(chain, 1.5), scalar(-0.1 - i)));
      outputs[`result${i}`] = sum(mul(chain, chain), [1]);
    }
    const runtime = await createNodeRuntime({ threads: 1 });
    const program = await Program.compile({ inputs: [x], outputs }, runtime, {
      profile: join(folder, 'profile'),
    });
    await program.evaluate({ x: new Float32Array(256).fill(1) });
    await program.release();
    await runtime.close();
    const [file] = (await readdir(folder)).filter((name) => name.startsWith('profile'));
    const events = JSON.parse(await readFile(join(folder, file!), 'utf8')) as { name: string; ts: number }[];
    const order = events
      .filter(({ name }) => name.endsWith('_kernel_time'))
      .sort((a, b) => a.ts - b.ts)
      .map(({ name }) => Number(/_(\d+)_kernel_time$/.exec(name)![1]));
    expect(order.length).toBeGreaterThan(15);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    await rm(folder, { recursive: true });
  });
});
