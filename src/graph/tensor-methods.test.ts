import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Tensor } from './index.js';
import * as graph from './index.js';
import { constant, input, lowerGraph, mul, PORTABLE, relu, sum, topK } from './index.js';

const opTypes = (y: Tensor, x: Tensor) => {
  const definition = { inputs: [x as graph.Leaf], outputs: { y } };
  return lowerGraph(definition, PORTABLE).model.graph.nodes.map(({ opType }) => opType);
};

describe('methods of tensors', () => {
  const x = input('x', [2, 3, 4]);

  it('build the graphs that the functions build', () => {
    expect(opTypes(x.mul(2).relu().sum([0, 2]), x)).toEqual(opTypes(sum(relu(mul(x, 2)), [0, 2]), x));
    expect(x.sum().shape).toEqual([]);
    expect(x.mean(1, true).shape).toEqual([2, 1, 4]);
    expect(
      x
        .transpose([0, 2, 1])
        .reshape([8, -1])
        .matmul(constant(new Float32Array(6), [3, 2])).shape,
    ).toEqual([8, 2]);
    expect(x.split(1, [1, 2]).map(({ shape }) => shape)).toEqual([
      [2, 1, 4],
      [2, 2, 4],
    ]);
    expect(x.greater(0).where(x, 0).shape).toEqual(x.shape);
    expect(x.detach().node.operator.name).toBe('stopGradient');
  });

  it('are there on every tensor, each of the name of its function', () => {
    for (const tensor of [x, topK(x, 2).values, constant(Float32Array.of(1), [1])]) {
      expect(tensor.add).toBeTypeOf('function');
    }
    const names = Object.getOwnPropertyNames(Object.getPrototypeOf(Object.getPrototypeOf(x)));
    const methods = names.filter((name) => name in graph);
    expect(methods).toContain('logSoftmax');
    expect(methods.length).toBeGreaterThan(40);
  });

  it('have types', () => {
    expectTypeOf(x.mul(2)).toEqualTypeOf<Tensor>();
    expectTypeOf(x.sum).parameters.toEqualTypeOf<
      [axes?: number | readonly number[] | undefined, keepDims?: boolean | undefined]
    >();
    expectTypeOf(x.split).returns.toEqualTypeOf<Tensor[]>();
    // @ts-expect-error a shape is no string
    expect(() => x.reshape('2')).toThrow();
  });
});
