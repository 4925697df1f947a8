import { describe, expect, it } from 'vitest';
import { matchPartially } from './partial-match.js';

const wanted = (...list: [string, number[]][]) => list.map(([name, shape]) => ({ name, shape }));
const file = (...list: [string, number[]][]) =>
  list.map(([name, shape], i) => ({
    name,
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(i),
  }));

const MODEL = wanted(
  ['down.conv.weight', [4, 3, 3, 3]],
  ['down.norm.weight', [4]],
  ['down.norm.bias', [4]],
  ['up.conv.weight', [4, 8, 3, 3]],
  ['up.conv.bias', [4]],
  ['head.weight', [1, 4, 1, 1]],
);

describe('matchPartially', () => {
  it('goes by names, without what wrappers put before them', () => {
    const renamed = MODEL.map(({ name, shape }): [string, number[]] => [`module.${name}`, shape]);
    const match = matchPartially(MODEL, file(...renamed.slice(1), ['module.extra', [2]]));
    expect([...match.taken.keys()]).toEqual(MODEL.slice(1).map(({ name }) => name));
    expect(match).toMatchObject({ by: 'name', unused: ['module.extra'] });
  });

  it('tells tensors of another shape', () => {
    const match = matchPartially(MODEL, file(['head.weight', [3, 4, 1, 1]], ['up.conv.bias', [4]]));
    expect([...match.taken.keys()]).toEqual(['up.conv.bias']);
    expect(match.reshaped.get('head.weight')!.shape).toEqual([3, 4, 1, 1]);
  });

  it('goes by the order of roles and shapes where the names differ, and skips what the model lacks', () => {
    const match = matchPartially(
      MODEL,
      file(
        ['inc.0.weight', [4, 3, 3, 3]],
        ['inc.1.weight', [4]],
        ['inc.1.bias', [4]],
        ['dec.0.weight', [4, 8, 3, 3]],
        ['dec.0.bias', [4]],
        ['out.weight', [1, 4, 1, 1]],
        ['out.bias', [1]],
      ).slice(0, 6),
    );
    expect(match.by).toBe('order');
    expect([...match.taken].map(([name, tensor]) => [name, tensor.name])).toEqual([
      ['down.conv.weight', 'inc.0.weight'],
      ['down.norm.weight', 'inc.1.weight'],
      ['down.norm.bias', 'inc.1.bias'],
      ['up.conv.weight', 'dec.0.weight'],
      ['up.conv.bias', 'dec.0.bias'],
      ['head.weight', 'out.weight'],
    ]);
  });

  it('does not go by order where the file is of another architecture', () => {
    const other = file(['a.weight', [4, 3, 3, 3]], ['b.weight', [4, 4, 3, 3]], ['c.weight', [9, 4, 1, 1]]);
    expect(matchPartially(MODEL, other).taken.size).toBe(0);
  });
});
