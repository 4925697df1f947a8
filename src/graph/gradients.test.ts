import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ShapeError } from '../errors/index.js';
import type { Runtime } from '../runtime/index.js';
import { Program } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { Leaf, Tensor, TensorData } from './index.js';
import {
  add,
  conv2d,
  exp,
  gradients,
  input,
  mul,
  nodesBehind,
  relu,
  split,
  stopGradient,
  sum,
} from './index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ threads: 1, worker: false });
});
afterAll(() => runtime.close());

async function valuesOf(
  tensors: readonly Tensor[],
  feeds: ReadonlyMap<Leaf, TensorData>,
): Promise<number[][]> {
  const outputs = Object.fromEntries(tensors.map((t, i) => [`y${i}`, t]));
  const program = await Program.compile({ inputs: [...feeds.keys()], outputs }, runtime);
  const results = await program.evaluate(Object.fromEntries([...feeds].map(([leaf, v]) => [leaf.name, v])));
  await program.release();
  return tensors.map((_, i) => Array.from(results[`y${i}`]!, Number));
}

const operatorsBehind = (tensors: readonly Tensor[]) => nodesBehind(tensors).map((n) => n.operator.name);

describe('the reverse walk', () => {
  test('adds what comes back on several ways', async () => {
    const x = input('x', [2]);
    // L = Σ x³ + 2x, by ways that meet: dL/dx = 3x² + 2.
    const square = mul(x, x);
    const loss = sum(add(mul(square, x), add(x, x)));
    const feeds = new Map([[x, Float32Array.of(2, -1)]]);
    expect(await valuesOf(gradients(loss, [x]), feeds)).toEqual([[14, 5]]);
  });

  test('gives the gradient of a tensor in the middle, and of the loss itself', async () => {
    const x = input('x', [2]);
    const y = mul(x, 3);
    const loss = sum(mul(y, y));
    const feeds = new Map([[x, Float32Array.of(1, 2)]]);
    expect(await valuesOf(gradients(loss, [y, x, loss]), feeds)).toEqual([[6, 12], [18, 36], [1]]);
  });

  test('is zero for what the loss does not depend on', async () => {
    const [x, other] = [input('x', [2]), input('other', [3])];
    const feeds = new Map([
      [x, Float32Array.of(1, 2)],
      [other, new Float32Array(3)],
    ]);
    expect(await valuesOf(gradients(sum(x), [other, x]), feeds)).toEqual([
      [0, 0, 0],
      [1, 1],
    ]);
  });

  test('stops where it is told to', async () => {
    const x = input('x', [2]);
    const loss = sum(mul(stopGradient(exp(x)), x));
    const feeds = new Map([[x, Float32Array.of(0, 1)]]);
    const [gradient] = await valuesOf(gradients(loss, [x]), feeds);
    expect(gradient![0]).toBeCloseTo(1, 6);
    expect(gradient![1]).toBeCloseTo(Math.E, 6);
    // Nothing of exp's own gradient is made: the graph holds exp once.
    expect(operatorsBehind(gradients(loss, [x])).filter((name) => name === 'exp')).toHaveLength(1);
  });

  test('takes a part of an output alone', async () => {
    const x = input('x', [4]);
    const [, middle] = split(x, 0, [1, 2, 1]);
    const feeds = new Map([[x, new Float32Array(4)]]);
    expect(await valuesOf(gradients(sum(mul(middle!, 5)), [x]), feeds)).toEqual([[0, 5, 5, 0]]);
  });

  test('can be applied to its own result', async () => {
    const x = input('x', [2]);
    let y: Tensor = sum(mul(mul(x, x), mul(x, x)));
    for (let order = 1; order <= 4; order++) y = sum(gradients(y, [x])[0]!);
    // The fourth derivative of x⁴ is 24, the fifth 0.
    const fourth = y;
    const [fifth] = gradients(fourth, [x]);
    const feeds = new Map([[x, Float32Array.of(3, -2)]]);
    expect(await valuesOf([fourth, fifth!], feeds)).toEqual([[48], [0, 0]]);
  });

  test('computes no gradient that nobody asked for', () => {
    const [x, w, v] = [input('x', [1, 3, 8, 8]), input('w', [4, 3, 3, 3]), input('v', [2, 4, 3, 3])];
    const loss = sum(conv2d(relu(conv2d(x, w)), v));
    const count = (tensors: Tensor[], name: string) =>
      operatorsBehind(gradients(loss, tensors)).filter((operator) => operator === name).length;
    // The last layer alone: no way back through the ReLU, no gradient of w.
    expect(count([v], 'filterGradient')).toBe(1);
    expect(count([v], 'convTranspose2d')).toBe(0);
    expect(count([v], 'reluGradient')).toBe(0);
    // Weights, but not the image: one way back fewer than layers.
    expect(count([v, w], 'filterGradient')).toBe(2);
    expect(count([v, w], 'convTranspose2d')).toBe(1);
    expect(count([x], 'filterGradient')).toBe(0);
  });

  test('visits a node once, however many ways lead to it', () => {
    const x = input('x', [1]);
    let y: Tensor = x;
    for (let i = 0; i < 60; i++) y = add(y, y);
    expect(nodesBehind(gradients(sum(y), [x])).length).toBeLessThan(500);
  });

  test('does not run out of stack in a deep graph', () => {
    const x = input('x', [1]);
    let y: Tensor = x;
    for (let i = 0; i < 20_000; i++) y = add(y, 1);
    expect(gradients(sum(y), [x])).toHaveLength(1);
  });

  test('needs a loss of one element', () => {
    const x = input('x', [2, 3]);
    expect(() => gradients(mul(x, x), [x])).toThrow(ShapeError);
    expect(() => gradients(mul(x, x), [x])).toThrow('this one is 2×3: take its mean or sum');
    expect(gradients(sum(x, [0, 1], true), [x])[0]!.shape).toEqual([2, 3]);
  });
});
