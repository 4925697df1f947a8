import { describe, expect, test } from 'vitest';
import { add, input, mul, nodesBehind, relu, scalar } from '../index.js';

describe('nodesBehind', () => {
  test('puts each node after those it reads, once', () => {
    const x = input('x', [1]);
    const a = mul(x, x);
    const b = add(a, scalar(1));
    const order = nodesBehind([mul(a, b), b]);
    expect(order.map((n) => n.operator.name)).toEqual(['input', 'mul', 'constant', 'add', 'mul']);
  });

  test('goes by what nodes are said to read, and is not limited by the call stack', () => {
    const x = input('x', [1]);
    const y = mul(relu(x), x);
    expect(nodesBehind([y], (node) => (node === y.node ? [x] : node.inputs))).toEqual([x.node, y.node]);
    let deep = add(x, x);
    for (let i = 0; i < 20000; i++) deep = relu(deep);
    expect(nodesBehind([deep])).toHaveLength(20002);
  });
});
