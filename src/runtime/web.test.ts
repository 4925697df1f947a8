import * as ort from 'onnxruntime-web';
import { afterAll, expect, test } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { gather, input, mul, sum } from '../graph/index.js';
import { createWebRuntime, HostBuffer, Program } from './index.js';

ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'fatal';
const runtime = createWebRuntime(ort);
afterAll(() => runtime.close());

const x = input('x', [2, 3]);
const values = Float32Array.of(1, -2, 3, -4, 5, -6);

test('results come to their places, as on Node', async () => {
  const program = await Program.compile({ inputs: [x], outputs: { y: mul(x, 10), total: sum(x) } }, runtime);
  const gradients = new HostBuffer(new Float32Array(8).fill(-1).buffer);
  const feeds = { x: { buffer: new HostBuffer(values.slice().buffer), byteOffset: 0 } };
  const results = await program.run(feeds, { y: { buffer: gradients, byteOffset: 4 } });
  expect(results).toEqual({ total: Float32Array.of(-3) });
  expect([...gradients.floats()]).toEqual([-1, 10, -20, 30, -40, 50, -60, -1]);
  await program.release();
});

test('errors of loading and running name the device', async () => {
  await expect(runtime.load(Uint8Array.of(1, 2, 3))).rejects.toThrow(PixelwiseError);
  await expect(runtime.load(Uint8Array.of(1, 2, 3))).rejects.toThrow(/^ONNX Runtime Web \(wasm\): /);
  const i = input('i', [1], 'int32');
  const program = await Program.compile({ inputs: [x, i], outputs: { y: gather(x, i, 0) } }, runtime);
  const run = program.evaluate({ x: values, i: Int32Array.of(99) });
  await expect(run).rejects.toThrow(/^ONNX Runtime Web \(wasm\): .*out of data bounds/);
  expect((await program.evaluate({ x: values, i: Int32Array.of(1) }))['y']).toEqual(
    Float32Array.of(-4, 5, -6),
  );
  await program.release();
});

test('has the device, target and threads that were asked for', () => {
  expect([runtime.device, runtime.target.name, runtime.threads]).toEqual(['wasm', 'wasm', 1]);
  expect(createWebRuntime(ort, { device: 'webgpu' }).target.name).toBe('webgpu');
});
