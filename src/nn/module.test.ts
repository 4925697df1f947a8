import { describe, expect, it } from 'vitest';
import { ShapeError } from '../errors/index.js';
import type { Tensor } from '../graph/index.js';
import { add, input, nodesBehind } from '../graph/index.js';
import {
  BatchNorm2d,
  Buffer,
  Conv2d,
  Dropout,
  Linear,
  Module,
  Parameter,
  ReLU,
  Sequential,
  traceModel,
} from './index.js';

class Block extends Module {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;

  constructor(from: number, to: number) {
    super();
    this.conv = new Conv2d(from, to, 3, { padding: 1, bias: false });
    this.norm = new BatchNorm2d(to);
  }

  forward(x: Tensor): Tensor {
    return this.norm.forward(this.conv.forward(x));
  }
}

class Net extends Module {
  readonly stem = new Block(3, 4);
  readonly blocks = [new Block(4, 4), new Block(4, 4)];
  readonly head = new Sequential(new ReLU(), new Conv2d(4, 2, 1));

  forward(x: Tensor): Tensor {
    return this.head.forward(this.blocks.reduce((y, block) => block.forward(y), this.stem.forward(x)));
  }
}

const names = (pairs: readonly (readonly [string, unknown])[]) => pairs.map(([name]) => name);

describe('names', () => {
  it('are the paths of fields', () => {
    const net = new Net();
    expect(names([...net.namedModules()])).toEqual([
      '',
      'stem',
      'stem.conv',
      'stem.norm',
      'blocks.0',
      'blocks.0.conv',
      'blocks.0.norm',
      'blocks.1',
      'blocks.1.conv',
      'blocks.1.norm',
      'head',
      'head.0',
      'head.1',
    ]);
    expect(names(net.namedParameters())).toEqual([
      ...['stem', 'blocks.0', 'blocks.1'].flatMap((block) => [
        `${block}.conv.weight`,
        `${block}.norm.weight`,
        `${block}.norm.bias`,
      ]),
      'head.1.weight',
      'head.1.bias',
    ]);
    expect(names(net.namedBuffers()).slice(0, 2)).toEqual([
      'stem.norm.running_mean',
      'stem.norm.running_var',
    ]);
  });

  it('of a weight that is shared are its first', () => {
    class Tied extends Module {
      readonly first = new Conv2d(2, 2, 1);
      readonly second = this.first;
      readonly third = new Conv2d(2, 2, 1);

      constructor() {
        super();
        Object.assign(this.third, { weight: this.first.weight });
      }
    }
    expect(names(new Tied().namedParameters())).toEqual(['first.weight', 'first.bias', 'third.bias']);
  });

  it('include weights of one’s own', () => {
    class Scale extends Module {
      readonly scale = new Parameter([1, 2, 1, 1], (shape) => new Float32Array(shape[1]!).fill(2));
      readonly seen = new Buffer([1], () => new Float32Array(1));
    }
    const scale = new Scale();
    expect([names(scale.namedParameters()), names(scale.namedBuffers())]).toEqual([['scale'], ['seen']]);
    expect(scale.namedParameters()[0]![1].name).toBe('scale');
  });
});

describe('train, eval, freeze', () => {
  const states = (net: Net) =>
    Object.fromEntries([...net.namedModules()].map(([name, module]) => [name, module.training]));
  const learning = (net: Net) =>
    net.namedParameters().flatMap(([name, parameter]) => (parameter.requiresGrad ? [name] : []));

  it('set all that is below', () => {
    const net = new Net();
    expect(new Set(Object.values(states(net)))).toEqual(new Set([true]));
    expect(new Set(Object.values(states(net.eval())))).toEqual(new Set([false]));
    expect(new Set(Object.values(states(net.train())))).toEqual(new Set([true]));
  });

  it('leave a frozen part in evaluation, until it is unfrozen', () => {
    const net = new Net();
    net.blocks[0]!.freeze();
    net.train();
    expect(states(net)).toMatchObject({
      stem: true,
      'blocks.0': false,
      'blocks.0.norm': false,
      'blocks.1.norm': true,
    });
    expect(learning(net)).not.toContain('blocks.0.conv.weight');
    expect(learning(net)).toHaveLength(8);
    net.eval().train();
    expect(net.blocks[0]!.norm.training).toBe(false);
    net.blocks[0]!.unfreeze();
    expect(states(net)).toMatchObject({ 'blocks.0': true, 'blocks.0.norm': true });
    expect(learning(net)).toHaveLength(11);
  });

  it('of a part of a frozen whole can be taken back', () => {
    const net = new Net();
    net.freeze();
    net.head.unfreeze();
    net.train();
    expect(learning(net)).toEqual(['head.1.weight', 'head.1.bias']);
    expect(net.stem.norm.training).toBe(false);
  });
});

describe('a traced forward', () => {
  it('carries the layer in its nodes, and lists the calls', () => {
    const net = new Net();
    const { output, calls, updates } = traceModel(net, input('x', [1, 3, 8, 8]));
    expect(output.shape).toEqual([1, 2, 8, 8]);
    expect(calls.map(({ path }) => path)).toEqual([
      'stem.conv',
      'stem.norm',
      'stem',
      'blocks.0.conv',
      'blocks.0.norm',
      'blocks.0',
      'blocks.1.conv',
      'blocks.1.norm',
      'blocks.1',
      'head.0',
      'head.1',
      'head',
      '',
    ]);
    const scopes = new Set(nodesBehind([output]).map((node) => node.scope));
    expect(scopes).toContain('blocks.1.conv');
    expect([...updates.keys()].map((buffer) => buffer.name)).toHaveLength(6);
    expect(traceModel(net.eval(), input('x', [1, 3, 8, 8])).updates.size).toBe(0);
  });

  it('names the layer in an error', () => {
    class Wrong extends Module {
      readonly inner = new Sequential(new Conv2d(3, 4, 3), new Conv2d(5, 4, 3));

      forward(x: Tensor): Tensor {
        return this.inner.forward(x);
      }
    }
    const run = () => traceModel(new Wrong(), input('x', [1, 3, 8, 8]));
    expect(run).toThrow(ShapeError);
    expect(run).toThrow(/\(in layer inner\.1\)/);
  });

  it('leaves no trace behind after an error', () => {
    expect(() => traceModel(new Net(), input('x', [1, 5, 8, 8]))).toThrow(ShapeError);
    expect(traceModel(new Net(), input('x', [1, 3, 8, 8])).calls).toHaveLength(13);
  });

  it('works on a module called twice, and outside of a trace', () => {
    class Twice extends Module {
      readonly conv = new Conv2d(2, 2, 3, { padding: 1 });

      forward(x: Tensor): Tensor {
        return add(this.conv.forward(x), this.conv.forward(x));
      }
    }
    const x = input('x', [1, 2, 4, 4]);
    expect(traceModel(new Twice(), x).calls.map(({ path }) => path)).toEqual(['conv', 'conv', '']);
    expect(new Twice().forward(x).shape).toEqual([1, 2, 4, 4]);
  });

  it('lists random masks, which exist nowhere else', () => {
    const net = new Sequential(new Dropout(0.5), new Dropout(0), new Dropout(0.2));
    const x = input('x', [1, 2, 4, 4]);
    expect(traceModel(net, x).masks.map(({ keep, leaf }) => [keep, leaf.shape])).toEqual([
      [0.5, [1, 2, 4, 4]],
      [0.8, [1, 2, 4, 4]],
    ]);
    expect(traceModel(net.eval(), x).masks).toEqual([]);
    expect(() => net.train().forward(x)).toThrow(/only be made while a model is traced/);
  });
});

it('layers say what is off', () => {
  expect(() => new Conv2d(3, 4, 3, { groups: 2 })).toThrow('3 and 4 channels must both divide into 2 groups');
  expect(() => new Dropout(1)).toThrow('Dropout: p must be at least 0 and below 1, not 1');
  expect(new Linear(3, 2).forward(input('x', [5, 3])).shape).toEqual([5, 2]);
});
