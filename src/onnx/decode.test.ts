import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryModel } from '../../test/arbitrary-onnx.js';
import { PixelwiseError } from '../errors/index.js';
import { FIELDS } from './fields.js';
import { decodeModel, encodeModel, type OnnxTensor } from './index.js';
import { MessageWriter } from './message-writer.js';

/** Written by the onnx Python package, see test/golden/make_onnx.py. */
const golden = new Uint8Array(
  readFileSync(new URL('../../test/golden/onnx/typed-fields.onnx', import.meta.url)),
);

const view = (tensor: OnnxTensor): DataView => new DataView(tensor.data.slice().buffer);

describe('decodeModel', () => {
  it('reads a file of the onnx package: constants in typed fields', () => {
    const { graph } = decodeModel(golden);
    const tensor = (name: string): OnnxTensor => graph.initializers.find((each) => each.name === name)!;
    expect([...tensor('int8').data]).toEqual([0x80, 0x7f]);
    expect([...tensor('uint8').data]).toEqual([0, 255]);
    expect([...tensor('bool').data]).toEqual([1, 0]);
    expect([...tensor('int16').data]).toEqual([0x00, 0x80, 0xff, 0x7f]);
    expect([...tensor('uint16').data]).toEqual([0, 0, 0xff, 0xff]);
    expect([...tensor('float16').data]).toEqual([0x00, 0x3c, 0x00, 0xc0]);
    expect(view(tensor('int32')).getInt32(0, true)).toBe(-(2 ** 31));
    expect(view(tensor('int32')).getInt32(4, true)).toBe(2 ** 31 - 1);
    expect(view(tensor('uint32')).getUint32(4, true)).toBe(2 ** 32 - 1);
    expect(view(tensor('int64')).getBigInt64(0, true)).toBe(-(2n ** 63n));
    expect(view(tensor('int64')).getBigInt64(8, true)).toBe(2n ** 63n - 1n);
    expect(view(tensor('uint64')).getBigUint64(8, true)).toBe(2n ** 64n - 1n);
    expect(tensor('float32').dims).toEqual([2, 1]);
    expect(view(tensor('float32')).getFloat32(4, true)).toBe(-2.25);
    expect(view(tensor('float64')).getFloat64(0, true)).toBe(0.1);
    expect(view(tensor('float64')).getFloat64(8, true)).toBe(-1e300);
    expect(tensor('scalar').dims).toEqual([]);
    expect(view(tensor('scalar')).getFloat32(0, true)).toBe(7);
    expect(view(tensor('raw')).getFloat32(0, true)).toBe(1);
  });

  it('reads a file of the onnx package: header, values, attributes of every kind', () => {
    const model = decodeModel(golden);
    expect(model.irVersion).toBe(8);
    expect(model.producerName).toBe('onnx');
    expect(model.opsets).toEqual({ '': 17, 'test.pixelwise': 1 });
    expect(model.metadata).toEqual({ classes: 'pet,background' });
    const { graph } = model;
    expect(graph.inputs).toEqual([{ name: 'x', dataType: 'float32', dims: ['N', 3, ''] }]);
    expect(graph.outputs).toEqual([{ name: 'z', dataType: 'float32', dims: undefined }]);
    const [condition, every] = graph.nodes;
    expect(condition!.attributes['then_branch']).toMatchObject({
      type: 'graph',
      value: { name: 'then', nodes: [{ opType: 'Relu', inputs: ['x'], outputs: ['then_out'] }] },
    });
    expect(every).toMatchObject({ name: 'every kind', domain: 'test.pixelwise', inputs: ['y', '', 'raw'] });
    expect(every!.attributes).toEqual({
      an_int: { type: 'int', value: -3 },
      a_float: { type: 'float', value: 0.5 },
      a_string: { type: 'string', value: 'välue' },
      a_tensor: {
        type: 'tensor',
        value: { name: 'inner', dataType: 'int64', dims: [1], data: Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0) },
      },
      ints: { type: 'ints', value: [1, -2, 2 ** 53 - 1] },
      floats: { type: 'floats', value: [1.5, Infinity] },
      strings: { type: 'strings', value: ['a', ''] },
    });
  });

  it('reads repeated fields packed and one by one', () => {
    const f = FIELDS.tensor;
    const oneByOne = tensorMessage().float(f.floatData, 1.5).float(f.floatData, -2);
    const packed = tensorMessage().bytes(f.floatData, Uint8Array.of(0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0));
    const expected = [
      { name: 'w', dataType: 'float32', dims: [2], data: Uint8Array.of(0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0) },
    ];
    expect(decodeModel(modelWith(oneByOne)).graph.initializers).toEqual(expected);
    expect(decodeModel(modelWith(packed)).graph.initializers).toEqual(expected);
  });

  it('refuses every truncation of a file', () => {
    for (let length = 0; length < golden.length; length++) {
      // A cut between two of the model's own fields leaves a whole, shorter message.
      try {
        const { graph } = decodeModel(golden.subarray(0, length));
        expect(graph.initializers.length).toBe(15);
      } catch (error) {
        expect(error).toBeInstanceOf(PixelwiseError);
      }
    }
    expect(() => decodeModel(golden.subarray(0, golden.length >> 1), 'model.onnx')).toThrow(
      'model.onnx cannot be read: the bytes are truncated or corrupt.',
    );
  });

  it('answers any damage with a model or a PixelwiseError', () => {
    const damage = fc.array(fc.tuple(fc.nat(golden.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = golden.slice();
        for (const [at, value] of changes) bytes[at] = value;
        expectModelOrError(bytes);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectModelOrError(bytes)),
      { numRuns: 2000 },
    );
  });

  it('skips fields that it does not know, wherever they stand', () => {
    fc.assert(
      fc.property(arbitraryModel, fc.integer({ min: 100, max: 2 ** 29 - 1 }), (model, field) => {
        const unknown = new MessageWriter().int(field, 1).string(field, 'later').float(field, 1).finish();
        const known = encodeModel(model);
        const bytes = new Uint8Array([...unknown, ...known, ...unknown]);
        expect(decodeModel(bytes)).toEqual(model);
      }),
      { numRuns: 50 },
    );
  });

  it('says what is no ONNX model', () => {
    expect(() => decodeModel(new Uint8Array(0), 'a.onnx')).toThrow(
      'a.onnx is not an ONNX model: it has no graph.',
    );
    expect(() => decodeModel(new TextEncoder().encode('{"not": "onnx"}'))).toThrow(PixelwiseError);
  });

  it('refuses data in other files', () => {
    const external = tensorMessage().int(FIELDS.tensor.dataLocation, 1);
    expect(() => decodeModel(modelWith(external))).toThrow('tensor "w" keeps its data in another file');
  });

  it('reads data that another file holds, where it is told how', () => {
    const model = decodeModel(modelWith(tensorMessage().bytes(FIELDS.tensor.rawData, new Uint8Array(8))));
    const place = { location: 'weights.safetensors', offset: 4096, length: 8 };
    const bytes = encodeModel(model, new Map([['w', place]]));
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const asked: unknown[] = [];
    const read = decodeModel(bytes, 'a.onnx', (name, where) => {
      asked.push([name, where]);
      return data;
    });
    expect(asked).toEqual([['w', place]]);
    expect(read.graph.initializers[0]!.data).toEqual(data);
    expect(() => decodeModel(bytes)).toThrow('keeps its data in another file');
    expect(() => decodeModel(bytes, 'a.onnx', () => data.subarray(1))).toThrow('has 7 bytes of data, not 8');
  });

  it('refuses data that do not fit the dims, without allocating what the dims claim', () => {
    const huge = new MessageWriter()
      .int(FIELDS.tensor.dims, 2 ** 40)
      .int(FIELDS.tensor.dims, 2 ** 40)
      .int(FIELDS.tensor.dataType, 1)
      .string(FIELDS.tensor.name, 'w');
    expect(() => decodeModel(modelWith(huge))).toThrow(/tensor "w" .* has 0 bytes of data, not/);
  });

  it('refuses element types and attribute kinds without a place in the model', () => {
    const complex = new MessageWriter().int(FIELDS.tensor.dataType, 14).string(FIELDS.tensor.name, 'w');
    expect(() => decodeModel(modelWith(complex))).toThrow(
      'tensor "w" has element type 14; supported are float32',
    );
    const strings = new MessageWriter().int(FIELDS.tensor.dataType, 8).string(FIELDS.tensor.name, 'w');
    expect(() => decodeModel(modelWith(strings))).toThrow('holds strings');
  });

  it('refuses integers beyond 2^53', () => {
    // INT64_MAX as a varint: nine bytes, field 3 (i) of an attribute.
    const value = Uint8Array.of(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
    const attribute = new Uint8Array([...new MessageWriter().string(1, 'end').int(20, 2).finish(), ...value]);
    const node = new MessageWriter().string(4, 'Slice').bytes(5, attribute);
    const graph = new MessageWriter().message(FIELDS.graph.node, node);
    expect(() => decodeModel(wrap(graph))).toThrow(
      'the integer 9223372036854775807 in field 3 is beyond 2^53 (in graph.node[0].attribute[0])',
    );
  });

  it('refuses graphs nested without end', () => {
    let graph = new MessageWriter();
    for (let depth = 0; depth < 200; depth++) {
      const attribute = new MessageWriter().string(1, 'body').message(FIELDS.attribute.g, graph).int(20, 5);
      graph = new MessageWriter().message(
        FIELDS.graph.node,
        new MessageWriter().message(FIELDS.node.attribute, attribute),
      );
    }
    expect(() => decodeModel(wrap(graph))).toThrow('nested more than 100 deep');
  });
});

function expectModelOrError(bytes: Uint8Array): void {
  try {
    decodeModel(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(PixelwiseError);
  }
}

function tensorMessage(): MessageWriter {
  const f = FIELDS.tensor;
  return new MessageWriter().int(f.dims, 2).int(f.dataType, 1).string(f.name, 'w');
}

function modelWith(tensor: MessageWriter): Uint8Array {
  return wrap(new MessageWriter().message(FIELDS.graph.initializer, tensor));
}

function wrap(graph: MessageWriter): Uint8Array {
  const opset = new MessageWriter().string(1, '').int(2, 17);
  return new MessageWriter().int(1, 8).message(FIELDS.model.graph, graph).message(8, opset).finish();
}
