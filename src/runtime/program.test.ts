import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PixelwiseError, ShapeError } from '../errors/index.js';
import { add, cast, constant, CPU, gather, input, matmul, mul, relu, scalar, sum } from '../graph/index.js';
import type { Runtime } from './index.js';
import { HostBuffer, Program } from './index.js';
import { createNodeRuntime } from './node.js';

// The worker is a file of the compiled package.
const compiled = new URL('../../dist/runtime/node.js', import.meta.url);

/** The two ways in which sessions live in Node; both must do the same. */
const HOSTS = [
  {
    host: 'the calling thread',
    absent: false,
    open: () => createNodeRuntime({ threads: 1, worker: false }),
  },
  {
    host: 'a worker (skipped until the package is built)',
    absent: !existsSync(compiled),
    open: async () => {
      const built = (await import(compiled.href)) as { createNodeRuntime: typeof createNodeRuntime };
      return built.createNodeRuntime({ threads: 1, worker: true, target: CPU });
    },
  },
];

for (const { host, absent, open } of HOSTS) {
  describe.skipIf(absent)(`a program on ${host}`, () => {
    let runtime: Runtime;
    beforeAll(async () => {
      runtime = await open();
    });
    afterAll(() => runtime?.close());

    const x = input('x', [2, 3]);
    const values = Float32Array.of(1, -2, 3, -4, 5, -6);

    test('gives results by name, in fresh arrays', async () => {
      const outputs = { y: relu(x), total: sum(x) };
      const program = await Program.compile({ inputs: [x], outputs }, runtime);
      const first = await program.evaluate({ x: values });
      const second = await program.evaluate({ x: values.map((v) => 2 * v) });
      expect(first).toEqual({ y: Float32Array.of(1, 0, 3, 0, 5, 0), total: Float32Array.of(-3) });
      expect(second.y).toEqual(Float32Array.of(2, 0, 6, 0, 10, 0));
      expect(values).toEqual(Float32Array.of(1, -2, 3, -4, 5, -6));
      await program.release();
    });

    test('gives an input, a constant, or one tensor twice', async () => {
      const unused = input('unused', [4]);
      const twice = mul(x, 2);
      const outputs = { same: x, fixed: constant(Int32Array.of(7, 8), [2]), a: twice, b: twice };
      const program = await Program.compile({ inputs: [x, unused], outputs }, runtime);
      const results = await program.evaluate({ x: values, unused: new Float32Array(4) });
      expect(results['same']).toEqual(values);
      expect(results['fixed']).toEqual(Int32Array.of(7, 8));
      expect(results['a']).toEqual(values.map((v) => 2 * v));
      expect(results['b']).toEqual(results['a']);
      await program.release();
    });

    test('takes and gives every element type', async () => {
      const leaves = [input('a', [2], 'uint8'), input('b', [2], 'int64'), input('c', [2], 'bool')] as const;
      const [a, b, c] = leaves;
      const outputs = {
        p: add(cast(a, 'int32'), 1),
        q: add(b, scalar(1, 'int64')),
        r: c,
        s: cast(b, 'uint8'),
      };
      const program = await Program.compile({ inputs: leaves, outputs }, runtime);
      expect(
        await program.evaluate({
          a: Uint8Array.of(0, 255),
          b: BigInt64Array.of(5n, 6n),
          c: Uint8Array.of(0, 1),
        }),
      ).toEqual({
        p: Int32Array.of(1, 256),
        q: BigInt64Array.of(6n, 7n),
        r: Uint8Array.of(0, 1),
        s: Uint8Array.of(5, 6),
      });
      await program.release();
    });

    test('writes results in place where a place is given, and nowhere else', async () => {
      const program = await Program.compile(
        { inputs: [x], outputs: { y: mul(x, 10), total: sum(x) } },
        runtime,
      );
      const weights = new HostBuffer(values.slice().buffer);
      const gradients = new HostBuffer(new Float32Array(10).fill(-1).buffer);
      const feeds = { x: { buffer: weights, byteOffset: 0 } };
      const running = program.run(feeds, { y: { buffer: gradients, byteOffset: 8 } });
      const results = await running;
      expect(results).toEqual({ total: Float32Array.of(-3) });
      expect([...gradients.floats()]).toEqual([-1, -1, 10, -20, 30, -40, 50, -60, -1, -1]);
      expect([...weights.floats()]).toEqual([...values]);
      await program.release();
    });

    test('reads and writes several views of one buffer', async () => {
      const [a, b] = [input('a', [2]), input('b', [2])];
      const program = await Program.compile({ inputs: [a, b], outputs: { y: add(a, b) } }, runtime);
      const buffer = new HostBuffer(Float32Array.of(1, 2, 30, 40, 0, 0).buffer);
      const at = (byteOffset: number) => ({ buffer, byteOffset });
      for (let run = 0; run < 2; run++) await program.run({ a: at(0), b: at(8) }, { y: at(16) });
      expect([...buffer.floats()]).toEqual([1, 2, 30, 40, 31, 42]);
      await program.release();
    });

    test('gives buffers back when a run fails, and goes on', async () => {
      const i = input('i', [1], 'int32');
      const program = await Program.compile({ inputs: [x, i], outputs: { y: gather(x, i, 0) } }, runtime);
      const weights = new HostBuffer(values.slice().buffer);
      const out = new HostBuffer(12);
      const index = new HostBuffer(Int32Array.of(99).buffer);
      const run = () =>
        program.run(
          { x: { buffer: weights, byteOffset: 0 }, i: { buffer: index, byteOffset: 0 } },
          { y: { buffer: out, byteOffset: 0 } },
        );
      await expect(run()).rejects.toMatchObject({
        code: 'runtime',
        message: expect.stringMatching(/^ONNX Runtime: .*out of data bounds/) as string,
      });
      expect([weights.lent, out.lent, index.lent]).toEqual([false, false, false]);
      expect([...weights.floats()]).toEqual([...values]);
      new Int32Array(index.bytes)[0] = 1;
      await run();
      expect([...out.floats()]).toEqual([-4, 5, -6]);
      await program.release();
    });

    test('says what was not fed, and what does not fit', async () => {
      const program = await Program.compile({ inputs: [x], outputs: { y: relu(x) } }, runtime);
      await expect(program.evaluate({})).rejects.toThrow('input "x" was not fed');
      await expect(program.evaluate({ x: new Float32Array(5) })).rejects.toThrow(ShapeError);
      await expect(program.evaluate({ x: new Float32Array(5) })).rejects.toThrow(
        'input "x" needs float32 2×3, not Float32Array of 5 values',
      );
      await expect(program.evaluate({ x: new Int32Array(6) })).rejects.toThrow('not Int32Array of 6 values');
      await program.release();
    });

    test('is refused with one error where the model is not valid', async () => {
      await expect(runtime.load(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({
        code: 'runtime',
        message: expect.stringMatching(/^ONNX Runtime: /) as string,
      });
    });

    test('can be released twice', async () => {
      const program = await Program.compile({ inputs: [x], outputs: { y: relu(x) } }, runtime);
      await program.release();
      await program.release();
    });
  });
}

describe.skipIf(!existsSync(compiled))('the worker (skipped until the package is built)', () => {
  const x = input('x', [2]);
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await HOSTS[1]!.open();
  });
  afterAll(() => runtime?.close());

  test('has the buffers of a run until it ends, and a second run waits for none of them', async () => {
    const program = await Program.compile({ inputs: [x], outputs: { y: relu(x) } }, runtime);
    const [shared, own] = [new HostBuffer(8), new HostBuffer(8)];
    const run = (into: HostBuffer) =>
      program.run({ x: { buffer: shared, byteOffset: 0 } }, { y: { buffer: into, byteOffset: 0 } });
    const first = run(new HostBuffer(8));
    expect(shared.lent).toBe(true);
    await expect(run(own)).rejects.toThrow('lent to a run that has not ended');
    // The refused run took nothing with it.
    expect(own.lent).toBe(false);
    await first;
    expect(shared.lent).toBe(false);
    await run(own);
    await program.release();
  });

  test('leaves the main thread alive while a run goes on', async () => {
    const side = 900;
    const a = input('a', [side, side]);
    let y = mul(a, 1);
    for (let i = 0; i < 8; i++) y = mul(matmul(y, a), 1e-3);
    const program = await Program.compile({ inputs: [a], outputs: { total: sum(y) } }, runtime);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await program.evaluate({ a: new Float32Array(side * side).fill(1e-3) });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
    await program.release();
  });

  test('says so when it has ended', async () => {
    const other = await HOSTS[1]!.open();
    const program = await Program.compile({ inputs: [x], outputs: { y: relu(x) } }, other);
    await other.close();
    await expect(program.evaluate({ x: new Float32Array(2) })).rejects.toThrow(/the worker .* ended/);
  });
});

test('a device that this machine lacks is named, with those it has', async () => {
  await expect(createNodeRuntime({ device: 'wasm' })).rejects.toThrow(PixelwiseError);
  await expect(createNodeRuntime({ device: 'wasm' })).rejects.toThrow(
    /device "wasm" is not in this machine's ONNX Runtime, which has: cpu.* Choose one of these/,
  );
});
