import { expect, it } from 'vitest';
import { Program } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import { WEBGPU } from '../target.js';
import { input } from '../tensor.js';
import { mul } from './arithmetic.js';
import { flatGroups, joinFlat, unjoinFlat } from './flat.js';

it('joins sixty tensors and takes them apart, seven at a time', async () => {
  const shapes = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? [] : [1 + (i % 5), 2]));
  const inputs = shapes.map((shape, i) => input(`x${i}`, shape));
  const parts = unjoinFlat(mul(joinFlat(inputs), 2), shapes);
  const outputs = Object.fromEntries(parts.map((part, i) => [`y${i}`, part]));
  const runtime = await createNodeRuntime({ threads: 1, worker: false, target: WEBGPU });
  const program = await Program.compile({ inputs, outputs }, runtime);
  const values = inputs.map(({ size }, i) => Float32Array.from({ length: size }, (_, k) => i + k / 8));
  const results = await program.evaluate(Object.fromEntries(values.map((data, i) => [`x${i}`, data])));
  values.forEach((data, i) => expect(results[`y${i}`]).toEqual(data.map((value) => 2 * value)));
  await runtime.close();
});

it('puts as many tensors into a vector as it may hold, in their order', () => {
  const shapes = [[2 ** 23], [2 ** 23], [1], [2 ** 25], [3], [4]];
  const groups = [[[2 ** 23], [2 ** 23]], [[1]], [[2 ** 25]], [[3], [4]]];
  expect(flatGroups(shapes, (shape) => shape)).toEqual(groups);
});
