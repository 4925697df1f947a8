import { describe, expect, it } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { BatchNorm2d, Conv2d, ModelState, Module, Sequential } from './index.js';

class Net extends Module {
  readonly conv = new Conv2d(3, 4, 3);
  readonly norm = new BatchNorm2d(4);
}

describe('ModelState', () => {
  it('keeps weights that learn apart from the rest, each tensor on a boundary of 64 bytes', () => {
    const net = new Net();
    net.norm.freeze();
    const state = ModelState.initialize(net, 1);
    expect(state.trainable.map(({ name, offset, length }) => [name, offset, length])).toEqual([
      ['conv.weight', 0, 108],
      ['conv.bias', 112, 4],
    ]);
    expect(state.fixed.map(({ name, offset }) => [name, offset])).toEqual([
      ['norm.weight', 0],
      ['norm.bias', 16],
      ['norm.running_mean', 32],
      ['norm.running_var', 48],
    ]);
    expect(state.weights.byteLength).toBe(4 * 128);
    const feeds = state.feeds();
    expect(feeds['conv.bias']).toEqual({ buffer: state.weights, byteOffset: 448 });
    expect(feeds['norm.running_var']).toEqual({ buffer: state.rest, byteOffset: 192 });
  });

  it('draws each tensor from a stream of its own name', () => {
    const one = ModelState.initialize(new Net(), 1).stateDict();
    const again = ModelState.initialize(new Net(), 1).stateDict();
    expect(again).toEqual(one);
    const frozen = new Net();
    frozen.conv.freeze();
    const byName = new Map(
      ModelState.initialize(frozen, 1)
        .stateDict()
        .map((t) => [t.name, t]),
    );
    for (const tensor of one) expect(byName.get(tensor.name)).toEqual(tensor);
    expect(ModelState.initialize(new Net(), 2).stateDict()[0]).not.toEqual(one[0]);
  });

  it('gives copies, and takes values in any order', () => {
    const state = ModelState.initialize(new Net(), 1);
    const dict = state.stateDict();
    const other = ModelState.initialize(new Net(), 2);
    other.loadStateDict([...dict].reverse());
    expect(other.stateDict()).toEqual(dict);
    dict[0]!.data.fill(7);
    expect(state.stateDict()[0]!.data).not.toContain(7);
  });

  it('lists all that does not fit, and then changes nothing', () => {
    const state = ModelState.initialize(new Net(), 1);
    const before = state.stateDict();
    const [weight, bias, ...rest] = ModelState.initialize(new Net(), 2).stateDict();
    const wrong = [
      { ...weight!, shape: [4, 3, 9] },
      { name: 'conv.biases', shape: bias!.shape, data: bias!.data },
      ...rest,
    ];
    let error: unknown;
    try {
      state.loadStateDict(wrong, 'weights.safetensors');
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(PixelwiseError);
    expect((error as Error).message).toBe(
      [
        'weights.safetensors does not fit the model:',
        '  conv.weight is 4×3×9, the model needs 4×3×3×3',
        '  missing: conv.bias (4)',
        '  not in the model: conv.biases',
        'Was it saved from a model with other options?',
      ].join('\n'),
    );
    expect(state.stateDict()).toEqual(before);
  });

  it('shows the first dozen of many', () => {
    const deep = new Sequential(...Array.from({ length: 10 }, () => new Conv2d(1, 1, 1)));
    const state = ModelState.initialize(deep, 1);
    expect(() => state.loadStateDict([])).toThrow(/missing: 5\.bias \(1\)\n {2}… and 8 more\n/);
  });

  it('refuses data that is not as long as its shape', () => {
    const state = ModelState.initialize(new Net(), 1);
    const dict = state.stateDict();
    dict[1] = { ...dict[1]!, data: new Float32Array(3) };
    expect(() => state.loadStateDict(dict)).toThrow(/conv\.bias/);
  });
});
