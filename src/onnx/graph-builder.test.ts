import { describe, expect, it } from 'vitest';
import {
  float32Values,
  GraphBuilder,
  int,
  modelOf,
  nodeFor,
  OPSET,
  tensorOf,
  valuesBehind,
} from './index.js';

describe('GraphBuilder', () => {
  it('names nodes by their part, and gives several outputs names of their own', () => {
    const builder = new GraphBuilder('before');
    expect(builder.emit('Relu', ['x'])).toBe('before/Relu_0');
    expect(builder.emit('Relu', ['x'], {}, { output: 'y' })).toBe('y');
    expect(builder.emitMany('MaxPool', ['y'], 2)).toEqual(['before/MaxPool_2:0', 'before/MaxPool_2:1']);
    expect(builder.nodes.map(({ name }) => name)).toEqual([
      'before/Relu_0',
      'before/Relu_1',
      'before/MaxPool_2',
    ]);
  });

  it('stores small constants once, by type, shape and value', () => {
    const builder = new GraphBuilder();
    expect(builder.int64s([1, 2])).toBe(builder.int64s([1, 2]));
    expect(builder.scalar(0)).not.toBe(builder.int64(0));
    expect(builder.constant(Float32Array.of(0), [1], 'float32')).not.toBe(builder.scalar(0));
    expect(builder.initializers).toHaveLength(4);
    const large = new Float32Array(1000);
    expect(builder.constant(large, [1000], 'float32')).not.toBe(builder.constant(large, [1000], 'float32'));
  });

  it('collects the operator sets that a model imports', () => {
    const builder = new GraphBuilder();
    builder.emit('FusedMatMul', ['a', 'b'], { transB: int(1) }, { domain: 'com.microsoft' });
    const graph = { name: '', nodes: builder.nodes, initializers: [], inputs: [], outputs: [] };
    expect(modelOf(graph, builder).opsets).toEqual({ '': OPSET, 'com.microsoft': 1 });
  });
});

describe('tensors of a graph', () => {
  it('hold a view of their values, and give copies', () => {
    const values = Float32Array.of(1, 2, 3);
    const tensor = tensorOf('t', 'float32', [2], values.subarray(1));
    expect(tensor.data.buffer).toBe(values.buffer);
    expect(float32Values(tensor)).toEqual(Float32Array.of(2, 3));
  });

  it('are reached from the outputs that need them', () => {
    const nodes = [nodeFor('b', 'Relu', ['a']), nodeFor('c', 'Add', ['b', 'w']), nodeFor('d', 'Relu', ['a'])];
    expect(valuesBehind(nodes, ['c'])).toEqual(new Set(['c', 'w', 'b', 'a']));
  });
});
