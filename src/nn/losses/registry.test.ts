import { describe, expect, it } from 'vitest';
import { UsageError } from '../../errors/index.js';
import { LOSSES, parseLosses } from './index.js';

const read = (text: string) => parseLosses(text).map(({ name, weight }) => [name, weight]);

describe('parseLosses', () => {
  it('reads names and weights', () => {
    expect(read('bce')).toEqual([['bce', 1]]);
    expect(read('bce:0.7+dice:0.3')).toEqual([
      ['bce', 0.7],
      ['dice', 0.3],
    ]);
    expect(read(' cross-entropy + lovasz-softmax:2e-1 ')).toEqual([
      ['cross-entropy', 1],
      ['lovasz-softmax', 0.2],
    ]);
    for (const name of Object.keys(LOSSES)) expect(read(`${name}:2`)).toEqual([[name, 2]]);
  });

  it.each([
    [{ classWeights: [1, 2] }, 'dice', /classWeights is for bce, .*focal; "dice" has none of these/],
    [{ focalGamma: 3 }, 'bce', /focalGamma is for focal; "bce" has none/],
    [{ labelSmoothing: 0.1 }, 'dice', /labelSmoothing is for bce, cross-entropy; "dice" has none/],
    [{ lovaszStride: 4 }, 'dice', /lovaszStride is for lovasz-hinge, lovasz-softmax; "dice" has none/],
    [{ classWeights: [0, 1] }, 'bce', /bce takes the weights of two classes, both above 0, not 0, 1/],
    [{ classWeights: [1, 1, 1] }, 'bce', /bce takes the weights of two classes/],
  ])('refuses %j of %s', (settings, text, message) => {
    expect(() => parseLosses(text, settings)).toThrow(message);
  });

  it.each([
    [
      'bcd',
      /there is no loss "bcd"; choose among bce, boundary-cross-entropy, contact-cross-entropy, cross-entropy/,
    ],
    ['', /there is no loss ""/],
    ['toString', /there is no loss "toString"/],
    ['bce+', /there is no loss ""/],
    ['bce:', /the weight of a loss is a number above 0.*"bce:" has none/],
    ['bce:0', /number above 0/],
    ['bce:-1', /number above 0/],
    ['bce:x', /number above 0/],
    ['bce:1:2', /number above 0/],
    ['dice+bce+dice:2', /has dice twice: give it one weight/],
  ])('refuses "%s"', (text, message) => {
    expect(() => parseLosses(text)).toThrow(UsageError);
    expect(() => parseLosses(text)).toThrow(message);
  });
});
