import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { decodeModel, encodeModel, type OnnxModel, type OnnxTensor } from './index.js';
import { arbitraryModel } from '../../test/arbitrary-onnx.js';

const EMPTY: OnnxModel = {
  irVersion: 8,
  producerName: 'pixelwise',
  producerVersion: '',
  opsets: { '': 17 },
  metadata: {},
  graph: { name: 'g', nodes: [], initializers: [], inputs: [], outputs: [] },
};

const withTensor = (tensor: OnnxTensor): OnnxModel => ({
  ...EMPTY,
  graph: { ...EMPTY.graph, initializers: [tensor] },
});

const withInt = (value: number): OnnxModel => ({
  ...EMPTY,
  graph: {
    ...EMPTY.graph,
    nodes: [
      {
        name: '',
        opType: 'Op',
        domain: '',
        inputs: [],
        outputs: ['y'],
        attributes: { axis: { type: 'int', value } },
      },
    ],
  },
});

describe('encodeModel', () => {
  it('writes what decodeModel reads', () => {
    fc.assert(
      fc.property(arbitraryModel, (model) => {
        expect(decodeModel(encodeModel(model))).toEqual(model);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps large tensors, on either side of the size from which they are not copied', () => {
    for (const bytes of [4095, 4096, 4097, 20_000]) {
      const data = Uint8Array.from({ length: bytes }, (_, i) => i * 7);
      const tensor: OnnxTensor = { name: 'w', dataType: 'uint8', dims: [bytes], data };
      expect(decodeModel(encodeModel(withTensor(tensor))).graph.initializers).toEqual([tensor]);
    }
  });

  it('is the same bytes each time', () => {
    expect(encodeModel(withInt(-1))).toEqual(encodeModel(withInt(-1)));
  });

  it('writes the bytes of onnx.proto', () => {
    const hex = Buffer.from(encodeModel(EMPTY)).toString('hex');
    // ir_version 8, producer_name, graph { name "g" }, opset_import { domain "", version 17 }
    expect(hex).toBe(
      '0808' + '1209' + Buffer.from('pixelwise').toString('hex') + '3a03120167' + '42040a001011',
    );
  });

  it('refuses data that do not fit the dims, naming the tensor', () => {
    const tensor: OnnxTensor = {
      name: 'conv.weight',
      dataType: 'float32',
      dims: [2, 3],
      data: new Uint8Array(20),
    };
    expect(() => encodeModel(withTensor(tensor))).toThrow(
      'Tensor "conv.weight" (float32 2×3) needs 24 bytes, but its data are 20.',
    );
  });

  it('refuses integers and floats that the format would change', () => {
    expect(() => encodeModel(withInt(2 ** 53))).toThrow(PixelwiseError);
    expect(() => encodeModel(withInt(0.5))).toThrow('0.5 cannot be an ONNX integer');
  });
});
