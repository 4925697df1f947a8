import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ShapeError } from '../../errors/index.js';
import {
  add,
  broadcastShapes,
  broadcastTo,
  greater,
  input,
  maximum,
  pow,
  scalarValue,
  sumTo,
  where,
  withScope,
} from '../index.js';

const inLayer = (body: () => unknown) => () => withScope('fuse.0', body);

describe('broadcasting', () => {
  /** A shape, and two shapes that broadcast to it: axes of 1, and missing axes in front. */
  const broadcast = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 5 }).chain((shape) => {
    const narrowed = fc
      .tuple(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), fc.nat({ max: shape.length }))
      .map(([ones, dropped]) => shape.map((n, i) => (ones[i] ? 1 : n)).slice(dropped));
    return fc.tuple(fc.constant(shape), narrowed);
  });

  test('repeats axes of 1 and adds axes in front', () => {
    fc.assert(
      fc.property(broadcast, ([shape, narrow]) => {
        expect(broadcastShapes(shape, narrow)).toEqual(shape);
        expect(broadcastShapes(narrow, shape)).toEqual(shape);
        expect(sumTo(input('g', shape), narrow).shape).toEqual(narrow);
        expect(broadcastTo(input('x', narrow), shape).shape).toEqual(shape);
      }),
    );
    expect(broadcastShapes([3, 1, 5], [4, 1])).toEqual([3, 4, 5]);
  });

  test('says which axis does not fit', () => {
    const call = inLayer(() => add(input('skip', [8, 64, 33, 32]), input('up', [8, 64, 32, 32])));
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(
      'shapes 8×64×33×32 and 8×64×32×32 do not broadcast: axis 2 is 33 in one and 32 in the other (in layer fuse.0)',
    );
    expect(inLayer(() => broadcastTo(input('x', [3]), [2]))).toThrow(ShapeError);
    expect(inLayer(() => broadcastTo(input('x', [2, 3]), [3]))).toThrow(
      '2×3 cannot be broadcast to 3 (in layer fuse.0)',
    );
  });
});

describe('element types', () => {
  const [floats, ints, flags] = [input('f', [2]), input('i', [2], 'int32'), input('b', [2], 'bool')];

  test('of two operands are one', () => {
    expect(inLayer(() => add(floats, ints))).toThrow(
      'add needs operands of one type, not float32 2 and int32 2: cast one (in layer fuse.0)',
    );
  });

  test('of a number are those of the tensor beside it', () => {
    expect(maximum(ints, 3).dtype).toBe('int32');
    expect(add(1, floats).dtype).toBe('float32');
  });

  test('of a comparison are bool, and a choice wants one', () => {
    expect(greater(ints, 1).dtype).toBe('bool');
    expect(where(flags, ints, 0).dtype).toBe('int32');
    expect(inLayer(() => where(floats, floats, 0))).toThrow(
      'where needs a bool and two tensors of one type, not float32 2, float32 2, float32 scalar (in layer fuse.0)',
    );
  });
});

describe('pow', () => {
  const x = input('x', [3]);
  test('with exponents 0, 1, 2 and ½ is a cheaper operation', () => {
    expect(pow(x, 0).node.operator.name).toBe('broadcastTo');
    expect(pow(x, 1)).toBe(x);
    expect(pow(x, 2).node.operator.name).toBe('mul');
    expect(pow(x, 0.5).node.operator.name).toBe('sqrt');
    expect(scalarValue(pow(x, 3).node.inputs[1]!)).toBe(3);
  });
});
