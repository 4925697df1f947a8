import { describe, expect, test } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import type { Target, Tensor } from './index.js';
import {
  add,
  argMax,
  cast,
  concat,
  constant,
  conv2d,
  convTranspose2d,
  CPU,
  flip,
  gradients,
  input,
  logSoftmax,
  lowerGraph,
  matmul,
  maxPool2d,
  mul,
  PORTABLE,
  relu,
  sum,
  WEBGPU,
  where,
  withScope,
} from './index.js';
import type { Leaf } from './index.js';
import { IR_VERSION, OPSET } from '../onnx/index.js';

const lower = (inputs: readonly Leaf[], outputs: Record<string, Tensor>, target: Target = PORTABLE) =>
  lowerGraph({ inputs, outputs }, target);

const opTypes = (graph: ReturnType<typeof lower>) => graph.model.graph.nodes.map((n) => n.opType);

describe('lowerGraph', () => {
  const x = input('x', [2, 3]);

  test('writes a file that old readers open', () => {
    const { model } = lower([x], { y: relu(x) });
    expect(model.irVersion).toBe(IR_VERSION);
    expect(model.opsets).toEqual({ '': OPSET });
    expect(model.graph.inputs).toEqual([{ name: 'x', dataType: 'float32', dims: [2, 3] }]);
    expect(model.graph.outputs).toEqual([{ name: 'y', dataType: 'float32', dims: [2, 3] }]);
    expect(model.graph.nodes.map((n) => [n.opType, n.inputs, n.outputs])).toEqual([['Relu', ['x'], ['y']]]);
  });

  test('names nodes after their layers', () => {
    const { model } = lower([x], { y: withScope('down.0', () => mul(relu(x), 2)) });
    for (const { name } of model.graph.nodes) expect(name).toMatch(/^down\.0\//);
  });

  test('names a domain only where one of its operators is used', () => {
    const y = matmul(x, x, { transposeB: true });
    expect(lower([x], { y }, CPU).model.opsets).toEqual({ '': OPSET, 'com.microsoft': 1 });
    expect(lower([x], { y }).model.opsets).toEqual({ '': OPSET });
    expect(opTypes(lower([x], { y }))).toEqual(['Transpose', 'MatMul']);
  });

  test('stores equal constants once', () => {
    const { model } = lower([x], { y: add(mul(x, 2), mul(relu(x), 2)) });
    expect(model.graph.initializers).toHaveLength(1);
  });

  test('gives a result its own name if it is an input, a constant or wanted twice', () => {
    const y = relu(x);
    const graph = lower([x], { same: x, one: y, two: y, fixed: constant(Float32Array.of(1), [1]) });
    expect(graph.outputs.map((o) => o.name)).toEqual(['same', 'one', 'two', 'fixed']);
    expect(graph.model.graph.nodes.flatMap((n) => n.outputs).sort()).toEqual(['fixed', 'one', 'same', 'two']);
  });

  test('lowers only what the results need', () => {
    const unused = mul(x, 3);
    expect(unused.shape).toEqual([2, 3]);
    expect(opTypes(lower([x], { y: relu(x) }))).toEqual(['Relu']);
  });

  test('refuses names that clash, and leaves that are not fed', () => {
    const twin = input('x', [2, 3]);
    expect(() => lower([x, twin], { y: add(x, twin) })).toThrow(PixelwiseError);
    expect(() => lower([x, twin], { y: add(x, twin) })).toThrow('two inputs of one graph are named "x"');
    expect(() => lower([x], { x: relu(x) })).toThrow('an input and a result of one graph are both named "x"');
    const other = input('other', [2, 3]);
    expect(() => lower([x], { y: add(x, other) })).toThrow('"other" is not among the inputs');
  });
});

describe('for WebGPU', () => {
  const image = input('image', [2, 4, 8, 8]);
  const weight = input('weight', [4, 4, 3, 3]);
  const mask = input('mask', [2, 4, 8, 8], 'bool');
  const target = input('target', [2, 8, 8], 'int64');

  /** A graph with all that WebGPU takes otherwise: its forward pass and its gradient. */
  const outputs = () => {
    const hidden = where(mask, conv2d(image, weight, undefined, { padding: 1 }), 0);
    const pooled = maxPool2d(hidden, 2);
    const up = convTranspose2d(pooled, weight, undefined, { stride: 2, padding: 1, outputPadding: 1 });
    const joined = concat(
      Array.from({ length: 9 }, () => up),
      1,
    );
    const loss = sum(logSoftmax(flip(joined, [2, 3]), 1));
    const [gradient] = gradients(loss, [weight]);
    return {
      loss,
      gradient: gradient!,
      classes: cast(argMax(up, 1), 'uint8'),
      labels: cast(target, 'float32'),
    };
  };
  const graph = lower([image, weight, mask, target], outputs(), WEBGPU);

  test('no operator takes more tensors than a stage can bind', () => {
    for (const { opType, inputs } of graph.model.graph.nodes) {
      if (opType === 'Concat' || opType === 'Sum') expect(inputs.length).toBeLessThanOrEqual(7);
    }
  });

  test('no operator is used that it lacks', () => {
    const lacking = ['MaxUnpool', 'FusedMatMul', 'LogSoftmax', 'Sign', 'Or', 'ArgMax'];
    expect(opTypes(graph).filter((opType) => lacking.includes(opType))).toEqual([]);
    const pools = graph.model.graph.nodes.filter((n) => n.opType === 'MaxPool');
    expect(pools.map((n) => n.outputs.length)).toEqual([1]);
  });

  test('integers and bool are fed as int32, and results have the types asked for', () => {
    expect(graph.inputs.map(({ dtype, hostDtype }) => [dtype, hostDtype])).toEqual([
      ['float32', 'float32'],
      ['float32', 'float32'],
      ['bool', 'int32'],
      ['int64', 'int32'],
    ]);
    expect(graph.model.graph.outputs.map((o) => o.dataType)).toEqual([
      'float32',
      'float32',
      'uint8',
      'float32',
    ]);
  });
});
