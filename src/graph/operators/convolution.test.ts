import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ShapeError } from '../../errors/index.js';
import { conv2d, convTranspose2d, input, withScope } from '../index.js';

const inLayer = (body: () => unknown) => () => withScope('down.1.conv2', body);

describe('the shape of conv2d', () => {
  test('is one value for every place of the kernel that lies in the padded image', () => {
    const size = (max: number, min = 1) => fc.integer({ min, max });
    fc.assert(
      fc.property(size(20), size(5), size(4), size(3, 0), size(3), (n, kernel, stride, padding, dilation) => {
        const reach = dilation * (kernel - 1);
        fc.pre(n + 2 * padding > reach);
        let places = 0;
        for (let at = 0; at + reach < n + 2 * padding; at += stride) places++;
        const y = conv2d(input('x', [2, 3, n, n]), input('w', [4, 3, kernel, kernel]), undefined, {
          stride,
          padding,
          dilation,
        });
        expect(y.shape).toEqual([2, 4, places, places]);
      }),
    );
  });

  test('takes height and width apart', () => {
    const y = conv2d(input('x', [1, 2, 10, 10]), input('w', [2, 1, 3, 1]), undefined, {
      stride: [1, 2],
      padding: [1, 0],
      groups: 2,
    });
    expect(y.shape).toEqual([1, 2, 10, 5]);
  });
});

describe('conv2d says', () => {
  const x = input('x', [8, 3, 32, 32]);

  test.each([
    [
      'for how many channels the weight is',
      () => conv2d(x, input('w', [16, 4, 3, 3])),
      'the input has 3 channels, the weight 16×4×3×3 is for 4 (in layer down.1.conv2)',
    ],
    [
      'for how many with groups',
      () => conv2d(x, input('w', [16, 4, 3, 3]), undefined, { groups: 4 }),
      'the input has 3 channels, the weight 16×4×3×3 is for 16 (4 groups of 4) (in layer down.1.conv2)',
    ],
    [
      'that outputs divide into groups',
      () => conv2d(x, input('w', [4, 1, 3, 3]), undefined, { groups: 3 }),
      '4 output channels do not divide into 3 groups (in layer down.1.conv2)',
    ],
    [
      'which image would be large enough',
      () =>
        conv2d(input('x', [1, 1, 4, 8]), input('w', [1, 1, 3, 3]), undefined, { dilation: 3, padding: 1 }),
      'an image of 4×8 is too small for the kernel of 3×3: at least 5×5 works (in layer down.1.conv2)',
    ],
    [
      'how long the bias must be',
      () => conv2d(x, input('w', [16, 3, 3, 3]), input('b', [3])),
      'the bias must hold 16 values, not 3 (in layer down.1.conv2)',
    ],
    [
      'what its operands are',
      () => conv2d(input('x', [3, 32, 32]), input('w', [16, 3, 3, 3])),
      'conv2d needs N×C×H×W and O×C×k×k, not 3×32×32 and 16×3×3×3 (in layer down.1.conv2)',
    ],
    [
      'which element type it takes',
      () => conv2d(input('x', [1, 3, 8, 8], 'uint8'), input('w', [16, 3, 3, 3])),
      'conv2d needs float32, not uint8 1×3×8×8: cast it (in layer down.1.conv2)',
    ],
    [
      'the ranges of its options',
      () => conv2d(x, input('w', [16, 3, 3, 3]), undefined, { stride: 0 }),
      'stride ≥ 1, padding ≥ 0, dilation ≥ 1, groups ≥ 1',
    ],
  ])('%s', (_, call, message) => {
    expect(inLayer(call)).toThrow(ShapeError);
    expect(inLayer(call)).toThrow(message);
  });

  test('the size that works, which does', () => {
    const y = conv2d(input('x', [1, 1, 5, 5]), input('w', [1, 1, 3, 3]), undefined, {
      dilation: 3,
      padding: 1,
    });
    expect(y.shape).toEqual([1, 1, 1, 1]);
  });
});

describe('convTranspose2d', () => {
  test('gives back the size that conv2d took', () => {
    const size = (max: number, min = 1) => fc.integer({ min, max });
    fc.assert(
      fc.property(size(20), size(4), size(3), size(2, 0), size(2), (n, kernel, stride, padding, dilation) => {
        const options = { stride, padding, dilation };
        fc.pre(n + 2 * padding > dilation * (kernel - 1));
        const y = conv2d(input('x', [1, 3, n, n]), input('w', [5, 3, kernel, kernel]), undefined, options);
        const remainder = (n + 2 * padding - dilation * (kernel - 1) - 1) % stride;
        const back = () =>
          convTranspose2d(y, input('w', [5, 3, kernel, kernel]), undefined, {
            ...options,
            outputPadding: remainder,
          });
        expect(back().shape).toEqual([1, 3, n, n]);
      }),
    );
  });

  test('says for how many channels the weight is', () => {
    const call = inLayer(() => convTranspose2d(input('x', [1, 8, 4, 4]), input('w', [4, 8, 2, 2])));
    expect(call).toThrow(
      'the input 1×8×4×4 has 8 channels, the weight 4×8×2×2 is for 4 in 1 groups (in layer down.1.conv2)',
    );
  });

  test('says how much output padding there may be', () => {
    const call = inLayer(() =>
      convTranspose2d(input('x', [1, 4, 4, 4]), input('w', [4, 8, 2, 2]), undefined, {
        stride: 2,
        outputPadding: 2,
      }),
    );
    expect(call).toThrow(ShapeError);
    expect(call).toThrow('output padding must be at least 0 and less than stride or dilation');
  });
});
