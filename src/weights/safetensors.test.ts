import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';
import { ELEMENT_BYTES, type ElementType, floatTensors, type RawTensor } from './tensor.js';

const rawTensor: fc.Arbitrary<RawTensor> = fc
  .tuple(
    fc.string({ unit: 'binary', maxLength: 10 }).filter((name) => name !== '__metadata__'),
    fc.constantFrom(...(Object.keys(ELEMENT_BYTES) as ElementType[])),
    fc.array(fc.nat(4), { maxLength: 4 }),
  )
  .chain(([name, elementType, shape]) => {
    const length = shape.reduce((product, size) => product * size, ELEMENT_BYTES[elementType]);
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => ({ name, elementType, shape, bytes }));
  });
const rawTensors = fc.uniqueArray(rawTensor, { selector: ({ name }) => name, maxLength: 6 });

/** A file with this header text and so many bytes of data. */
function fileOf(header: string | object, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4]): object => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('encodeSafetensors', () => {
  it('writes what decodeSafetensors reads', () => {
    const metadata = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3, noNullPrototype: true });
    fc.assert(
      fc.property(rawTensors, metadata, (tensors, meta) => {
        const file = decodeSafetensors(encodeSafetensors(tensors, meta), 'w');
        expect(file.metadata).toEqual(meta);
        const byName = (a: RawTensor, b: RawTensor): number => (a.name < b.name ? -1 : 1);
        expect(file.tensors.toSorted(byName)).toEqual(tensors.toSorted(byName));
      }),
    );
  });

  it('keeps metadata of any name', () => {
    const metadata = JSON.parse('{"__proto__":"kept","constructor":"too"}') as Record<string, string>;
    expect(decodeSafetensors(encodeSafetensors([], metadata), 'w').metadata).toEqual(metadata);
  });

  it('writes the bytes that the format asks for, in the order given', () => {
    const bytes = encodeSafetensors(
      [
        { name: 'b', shape: [2], data: Float32Array.of(1, -2) },
        { name: '1', shape: [], data: Float32Array.of(0.5) },
      ],
      { format: 'pt' },
    );
    const header =
      '{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
      '"1":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}';
    const padded = Math.ceil(header.length / 8) * 8;
    expect(new DataView(bytes.buffer).getBigUint64(0, true)).toBe(BigInt(padded));
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + padded))).toBe(header.padEnd(padded));
    expect(new Float32Array(bytes.buffer, 8 + padded)).toEqual(Float32Array.of(1, -2, 0.5));
  });

  it('refuses a name given twice and data that do not fit the shape', () => {
    const tensor = { name: 'w', shape: [2], data: new Float32Array(2) };
    expect(() => encodeSafetensors([tensor, tensor])).toThrow('Two tensors cannot both be called "w"');
    expect(() => encodeSafetensors([{ ...tensor, shape: [3] }])).toThrow('"w" (F32 3) needs 12 bytes, not 8');
  });
});

describe('decodeSafetensors', () => {
  it('gives floats of every width as float32, without a copy where it can', () => {
    const of = (name: string, elementType: ElementType, data: ArrayBufferView): RawTensor => ({
      name,
      elementType,
      shape: [2],
      bytes: new Uint8Array(data.buffer),
    });
    const bytes = encodeSafetensors([
      of('f32', 'F32', Float32Array.of(1.5, -2)),
      of('f64', 'F64', Float64Array.of(0.1, 1e-3)),
      of('f16', 'F16', Uint16Array.of(0x3c00, 0x8001)),
      of('f16 limits', 'F16', Uint16Array.of(0x7bff, 0xfc00)),
      of('bf16', 'BF16', Uint16Array.of(0x3fc0, 0xc000)),
      of('count', 'I64', BigInt64Array.of(3n, 4n)),
      of('odd', 'BOOL', Uint8Array.of(1, 0)),
      of('unaligned', 'F32', Float32Array.of(7, 8)),
    ]);
    const tensors = floatTensors(decodeSafetensors(bytes, 'w'));
    expect(floatTensors(decodeSafetensors(Buffer.from(bytes), 'w'))).toEqual(tensors);
    const values = Object.fromEntries(tensors.map(({ name, data }) => [name, [...data]]));
    expect(values).toEqual({
      f32: [1.5, -2],
      f64: [Math.fround(0.1), Math.fround(1e-3)],
      f16: [1, -(2 ** -24)],
      'f16 limits': [65504, -Infinity],
      bf16: [1.5, -2],
      unaligned: [7, 8],
    });
    expect(tensors[0]!.data.buffer).toBe(bytes.buffer);
  });

  it.each([
    ['a file of three bytes', new Uint8Array(3), 'it has 3 bytes'],
    [
      'a header of 2^63 bytes',
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80, 0x7b, 0x7d),
      'its header claims 9223372036854775808 bytes, but the file has room for 2',
    ],
    [
      'a header beyond the file',
      fileOf('{}', 0).subarray(0, 9),
      'its header claims 2 bytes, but the file has room for 1',
    ],
    ['a header that is not JSON', fileOf('{"a":', 0), 'its header is not JSON'],
    ['a header that is not UTF-8', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff), 'its header is not JSON'],
    ['a header that is a list', fileOf('[]', 0), 'its header is not a JSON object'],
    [
      'metadata that are no texts',
      fileOf({ __metadata__: { a: 1 } }, 0),
      'its metadata is not a table of strings',
    ],
    [
      'a name twice',
      fileOf(
        '{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}',
        2,
      ),
      'its header has "a" twice',
    ],
    [
      'an entry without a shape',
      fileOf({ a: { dtype: 'F32', data_offsets: [0, 4] } }, 4),
      'tensor "a" needs exactly',
    ],
    ['a negative size', fileOf({ a: entry(0, 4, [-1]) }, 4), 'tensor "a" needs exactly'],
    [
      'an unknown type',
      fileOf({ a: { ...entry(0, 4), dtype: 'F8' } }, 4),
      'tensor "a" has type "F8"; supported are F64',
    ],
    [
      'a type that objects inherit',
      fileOf({ a: { ...entry(0, 4), dtype: 'toString' } }, 4),
      'tensor "a" has type "toString"',
    ],
    [
      'a range outside the data',
      fileOf({ a: entry(0, 8) }, 4),
      'tensor "a" claims bytes 0 to 8 of data that are 4 bytes',
    ],
    ['a range backwards', fileOf({ a: entry(4, 0, [1]) }, 4), 'tensor "a" claims bytes 4 to 0'],
    [
      'a shape that does not fit',
      fileOf({ a: entry(0, 8, [3]) }, 8),
      'tensor "a" (F32 3) needs 12 bytes, but has 8',
    ],
    ['a shape that overflows', fileOf({ a: entry(0, 4, [2 ** 52, 2 ** 52]) }, 4), 'tensor "a" (F32'],
    [
      'ranges that overlap',
      fileOf({ a: entry(0, 8), b: entry(4, 12) }, 12),
      'the bytes of tensor "b" overlap those of tensor "a"',
    ],
    [
      'a hole',
      fileOf({ a: entry(0, 4), b: entry(8, 12) }, 12),
      'bytes 4 to 8, between tensor "a" and tensor "b", belong to no tensor',
    ],
    [
      'bytes left over',
      fileOf({ a: entry(0, 4) }, 9),
      'the last 5 bytes, after tensor "a", belong to no tensor',
    ],
  ])('refuses %s', (_, bytes, problem) => {
    expect(() => decodeSafetensors(bytes, 'w.safetensors')).toThrow(
      expect.objectContaining({
        name: 'PixelwiseError',
        message: expect.stringContaining(`w.safetensors is not a valid safetensors file: ${problem}`),
      }),
    );
  });

  it('refuses every truncation', () => {
    const whole = encodeSafetensors([{ name: 'w', shape: [3], data: Float32Array.of(1, 2, 3) }]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeSafetensors(whole.subarray(0, length), 'w')).toThrow(PixelwiseError);
    }
  });

  it('answers a damaged header with tensors or a PixelwiseError', () => {
    const whole = encodeSafetensors([
      { name: 'a', shape: [2], data: Float32Array.of(1, 2) },
      { name: 'b', shape: [1], data: Float32Array.of(3) },
    ]);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          decodeSafetensors(bytes, 'w');
        } catch (error) {
          expect(error).toBeInstanceOf(PixelwiseError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
