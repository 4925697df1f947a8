import { describe, expect, it } from 'vitest';
import { ENCODERS } from '../models/index.js';
import { adaptFirstConvolution, matchEncoderWeights, matchWeights } from './match.js';
import type { RawTensor, WeightFile, WeightTensor } from './tensor.js';

function tensor(name: string, shape: number[], data?: number[]): WeightTensor {
  const length = shape.reduce((product, size) => product * size, 1);
  return { name, shape, data: data ? Float32Array.from(data) : new Float32Array(length).fill(length) };
}

function fileOf(...tensors: WeightTensor[]): WeightFile {
  const counter: RawTensor = {
    name: 'bn1.num_batches_tracked',
    elementType: 'I64',
    shape: [],
    bytes: new Uint8Array(8),
  };
  const raw = tensors.map(({ name, shape, data }): RawTensor => {
    return { name, elementType: 'F32', shape, bytes: new Uint8Array(data.buffer) };
  });
  return { source: 'w.pth', metadata: {}, tensors: [...raw, counter] };
}

describe('matchWeights', () => {
  it('gives the tensors in the order in which they are wanted', () => {
    const offered = [tensor('a', [2]), tensor('b', [3])];
    expect(
      matchWeights(
        [
          { name: 'b', shape: [3] },
          { name: 'a', shape: [2] },
        ],
        offered,
        'w',
      ),
    ).toEqual([offered[1], offered[0]]);
  });

  it('lists everything that is wrong in one error', () => {
    const wanted = [
      { name: 'conv.weight', shape: [4, 3] },
      { name: 'conv.bias', shape: [4] },
      { name: 'bn.weight', shape: [4] },
      { name: 'fine', shape: [1] },
    ];
    const offered = [
      tensor('conv.weight', [4, 1]),
      tensor('bn.weight', [4]),
      tensor('fine', [1]),
      tensor('head.weight', [2, 2]),
    ];
    expect(() => matchWeights(wanted, offered, 'w.pth')).toThrow(
      `w.pth does not fit the model:
  conv.weight is 4×1, the model needs 4×3
  missing: conv.bias (4)
  not in the model: head.weight`,
    );
  });

  it('names a tensor with values that are not finite', () => {
    expect(() =>
      matchWeights([{ name: 'bn.weight', shape: [2] }], [tensor('bn.weight', [2], [1, NaN])], 'w.pth'),
    ).toThrow('w.pth: the weight bn.weight holds values that are not finite');
  });
});

describe('matchEncoderWeights', () => {
  const wanted = [
    { name: 'features.0.0.weight', shape: [1, 3, 1, 1] },
    { name: 'features.0.1.bias', shape: [1] },
  ];

  it("takes torchvision's names and timm's, leaving the classifier", () => {
    const torchvision = fileOf(
      tensor('features.0.0.weight', [1, 3, 1, 1], [1, 2, 3]),
      tensor('features.0.1.bias', [1], [4]),
      tensor('classifier.1.weight', [2, 1]),
    );
    const timm = fileOf(
      tensor('bn1.bias', [1], [4]),
      tensor('conv_stem.weight', [1, 3, 1, 1], [1, 2, 3]),
      tensor('classifier.weight', [2, 1]),
    );
    const expected = [
      tensor('features.0.0.weight', [1, 3, 1, 1], [1, 2, 3]),
      tensor('features.0.1.bias', [1], [4]),
    ];
    expect(matchEncoderWeights(ENCODERS.mobilenet_v2, wanted, torchvision)).toEqual(expected);
    expect(matchEncoderWeights(ENCODERS.mobilenet_v2, wanted, timm)).toEqual(expected);
  });

  it('adapts the first convolution to the channels that are wanted', () => {
    const file = fileOf(
      tensor('features.0.0.weight', [1, 3, 1, 1], [1, 2, 3]),
      tensor('features.0.1.bias', [1], [4]),
    );
    const grey = [{ name: 'features.0.0.weight', shape: [1, 1, 1, 1] }, wanted[1]!];
    expect(matchEncoderWeights(ENCODERS.mobilenet_v2, grey, file)[0]).toEqual(
      tensor('features.0.0.weight', [1, 1, 1, 1], [6]),
    );
  });

  it('refuses weights of another architecture', () => {
    expect(() =>
      matchEncoderWeights(ENCODERS.mobilenet_v2, wanted, fileOf(tensor('conv1.weight', [64]))),
    ).toThrow(/missing: features\.0\.0\.weight \(1×3×1×1\)[^]*not in the model: conv1\.weight/);
  });
});

describe('adaptFirstConvolution', () => {
  // Two outputs, RGB, kernels of 1×2.
  const rgb = tensor('w', [2, 3, 1, 2], [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60]);

  it('sums over RGB for one channel', () => {
    expect(adaptFirstConvolution(rgb, 1)).toEqual(tensor('w', [2, 1, 1, 2], [9, 12, 90, 120]));
  });

  it('keeps RGB', () => {
    expect(adaptFirstConvolution(rgb, 3)).toBe(rgb);
  });

  it('repeats RGB cyclically and scales by 3/channels', () => {
    expect(adaptFirstConvolution(rgb, 2)).toEqual(
      tensor(
        'w',
        [2, 2, 1, 2],
        [1, 2, 3, 4, 10, 20, 30, 40].map((x) => x * 1.5),
      ),
    );
    expect(adaptFirstConvolution(rgb, 4)).toEqual(
      tensor(
        'w',
        [2, 4, 1, 2],
        [1, 2, 3, 4, 5, 6, 1, 2, 10, 20, 30, 40, 50, 60, 10, 20].map((x) => x * 0.75),
      ),
    );
  });
});
