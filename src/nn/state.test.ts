import { describe, expect, it } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { BatchNorm2d, Conv2d, ModelState, Module, Sequential } from './index.js';

class Net extends Module {
  readonly conv = new Conv2d(3, 4, 3);
  readonly norm = new BatchNorm2d(4);
}

describe('ModelState', () => {
  it('keeps trained weights apart from frozen ones and buffers', () => {
    const net = new Net();
    net.norm.freeze();
    const state = ModelState.initialize(net, 1);
    expect(state.trainable.map(({ name, array }) => [name, array.shape])).toEqual([
      ['conv.weight', [4, 3, 3, 3]],
      ['conv.bias', [4]],
    ]);
    expect(state.fixed.map(({ name }) => name)).toEqual([
      'norm.weight',
      'norm.bias',
      'norm.running_mean',
      'norm.running_var',
    ]);
    const { buffer } = state.feeds()['conv.bias']!;
    expect(buffer.floats()).toEqual(state.values(state.trainable[1]!));
  });

  it('takes over the arrays of another state, however these were divided', () => {
    const net = new Net();
    net.norm.freeze();
    const before = ModelState.initialize(net, 1);
    net.norm.unfreeze();
    const after = new ModelState(net, before);
    expect(after.trainable.map(({ name }) => name)).toContain('norm.weight');
    expect(after.stateDict()).toEqual(
      expect.arrayContaining(before.stateDict().map((tensor) => expect.objectContaining(tensor) as unknown)),
    );
    const named = (state: ModelState) => state.slots.find(({ name }) => name === 'norm.weight')!.array;
    expect(named(after)).toBe(named(before));
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
