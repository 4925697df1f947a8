import { describe, expect, it } from 'vitest';
import { concat, conv2d, input, relu, resize, sum } from '../index.js';
import type { Leaf, Tensor } from '../index.js';
import { chooseFeatures, featureGraph, featuresAt, graphBehindFeatures } from './frozen-features.js';

const filters = (name: string, to: number, from: number, side = 3) => input(name, [to, from, side, side]);
const same = { padding: 1 } as const;
const doubled = (x: Tensor) => resize(x, [2 * x.shape[2]!, 2 * x.shape[3]!], { mode: 'nearest' });

/** A frozen encoder of two levels, and a trained convolution of what `join` makes of the levels. */
function graph(join: (large: Tensor, small: Tensor) => Tensor, size = 2) {
  const images = input('images', [size, 3, 8, 8]);
  // Products that cost more than to keep their results.
  const [first, second] = [filters('first', 8, 3, 9), filters('second', 16, 8, 7)];
  const large = relu(conv2d(images, first, undefined, { padding: 4 }));
  const small = relu(conv2d(large, second, undefined, { padding: 3, stride: 2 }));
  const joined = join(large, small);
  const trained = filters('trained', 1, joined.shape[1]!);
  const inputs = [images, first, second, trained];
  const definition = { inputs, outputs: { loss: sum(conv2d(joined, trained, undefined, same)) } };
  const fixed = new Set<Leaf>([first, second]);
  return { definition, large, small, inputs: { images, isFixed: (leaf: Leaf) => fixed.has(leaf) } };
}

const chosen = ({ definition, inputs }: Pick<ReturnType<typeof graph>, 'definition' | 'inputs'>) => {
  const cut = chooseFeatures(definition, inputs);
  return cut && featuresAt(definition, inputs, cut);
};

describe('frozen features', () => {
  it('are the sources of what is upsampled and concatenated', () => {
    const made = graph((large, small) => concat([doubled(small), large], 1));
    expect(chosen(made)).toEqual([made.large, made.small]);
  });

  it('are the input of a cheap product with many channels', () => {
    const wide = filters('wide', 64, 16, 1);
    const made = graph((_, small) => relu(conv2d(small, wide)));
    const isFixed = (leaf: Leaf) => leaf === wide || made.inputs.isFixed(leaf);
    expect(chosen({ ...made, inputs: { ...made.inputs, isFixed } })).toEqual([made.small]);
  });

  it('include the images where the trained part reads them', () => {
    const made = graph((_, small) => doubled(small));
    const { images } = made.inputs;
    const skip = sum(images);
    const definition = { ...made.definition, outputs: { ...made.definition.outputs, skip } };
    // The sum is frozen, too, and small.
    expect(chosen({ ...made, definition })).toEqual(expect.arrayContaining([made.small, skip]));
    const own = filters('own', 1, 3);
    const read = { ...made.definition.outputs, read: conv2d(images, own, undefined, same) };
    const both = { inputs: [...made.definition.inputs, own], outputs: read };
    expect(chosen({ ...made, definition: both })).toEqual([images, made.small]);
  });

  it('do not exist where the first layer is trained', () => {
    const made = graph((large) => large);
    const isFixed = ({ name }: Leaf) => name === 'second';
    expect(chosen({ ...made, inputs: { ...made.inputs, isFixed } })).toBeUndefined();
  });

  it('are at the same positions for every batch size', () => {
    const join = (large: Tensor, small: Tensor) => concat([doubled(small), large], 1);
    const [one, eight] = [graph(join, 1), graph(join, 8)];
    expect(chooseFeatures(one.definition, one.inputs)).toEqual(
      chooseFeatures(eight.definition, eight.inputs),
    );
  });

  it('divide the graph and its inputs', () => {
    const made = graph((large, small) => concat([doubled(small), large], 1));
    const features = chosen(made)!;
    const names = (inputs: readonly Leaf[]) => inputs.map(({ name }) => name);
    expect(names(featureGraph(made.definition, features).inputs)).toEqual(['images', 'first', 'second']);
    expect(names(graphBehindFeatures(made.definition, features).inputs)).toEqual([
      'feature_0',
      'feature_1',
      'trained',
    ]);
  });
});
