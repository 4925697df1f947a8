/** Optimizer steps on several threads, in the program as it is built: only there workers have files of their own. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type * as Optim from '../../src/optim/index.js';
import type * as RuntimeModule from '../../src/runtime/index.js';
import type * as NodeModule from '../../src/runtime/node.js';
import type { BuiltProgram } from '../built-program.js';
import { buildProgram } from '../built-program.js';

let program: BuiltProgram;
beforeAll(async () => void (program = await buildProgram()));
afterAll(() => program.remove());

it.each(['adam', 'lamb'] as const)('%s gives the same bits on any number of threads', async (name) => {
  const built = (path: string) => import(join(program.main, '../..', path)) as Promise<unknown>;
  const { DeviceArray, DeviceState } = (await built('runtime/index.js')) as typeof RuntimeModule;
  const { createNodeRuntime } = (await built('runtime/node.js')) as typeof NodeModule;
  const { optimizerFactory } = (await built('optim/index.js')) as typeof Optim;

  const stepped = async (threads: number) => {
    const runtime = await createNodeRuntime({ threads, worker: true, training: false });
    expect(runtime.kernels === undefined).toBe(threads === 1);
    const device = new DeviceState(runtime);
    // Large enough together that the threads are used.
    const parameters = [200_001, 70_000, 30_000, 7, 1].map((length, i) => ({
      name: `w${i}`,
      weight: DeviceArray.from(
        `w${i}`,
        Float32Array.from({ length }, (_, k) => Math.cos(k + i)),
      ),
      gradient: DeviceArray.from(
        `g${i}`,
        Float32Array.from({ length }, (_, k) => Math.sin(k * i)),
      ),
    }));
    const optimizer = optimizerFactory(name, { lr: 0.01 })(parameters);
    for (let step = 0; step < 3; step++) await optimizer.step((updates) => device.update(updates));
    const values = [
      ...parameters.map(({ weight }) => weight.values),
      ...Object.values(optimizer.state().moments),
    ];
    await runtime.close();
    return values.map((array) => Buffer.from(array.buffer).toString('base64'));
  };
  const alone = await stepped(1);
  expect(await stepped(2)).toEqual(alone);
  expect(await stepped(3)).toEqual(alone);
});
