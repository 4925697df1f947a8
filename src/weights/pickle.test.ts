import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { type PickleGlobal, PickleTuple, unpickle } from './pickle.js';

const options = { source: 'p', globals: new Map<string, PickleGlobal>() };

/** Instructions as bytes; texts stand for their UTF-8. */
function program(...parts: (number | string)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : [part])),
  );
}

const run = (...parts: (number | string)[]): unknown => unpickle(program(...parts), options).value;

describe('unpickle', () => {
  it('builds plain data', () => {
    expect(run(0x80, 2, 'N.')).toBe(null);
    expect(run('K', 200, '.')).toBe(200);
    expect(run('M', 0x01, 0x02, '.')).toBe(0x201);
    expect(run('J', 0xfe, 0xff, 0xff, 0xff, '.')).toBe(-2);
    expect(run('G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, '.')).toBe(1.5);
    expect(run(0x8a, 0, '.')).toBe(0);
    expect(run(0x8a, 2, 0, 0xff, '.')).toBe(-256);
    expect(run(0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x80, '.')).toBe(-(2n ** 63n));
    expect(run('X', 3, 0, 0, 0, 'äb', '.')).toBe('äb');
    expect(run('](K', 1, 'K', 2, 'eK', 3, 'a.')).toEqual([1, 2, 3]);
    expect(run('}(K', 1, 0x88, 'K', 2, 0x89, 'uK', 3, 'Ns.')).toEqual(
      new Map<number, unknown>([
        [1, true],
        [2, false],
        [3, null],
      ]),
    );
    expect(run('(K', 1, '(K', 2, 'tt.')).toEqual(new PickleTuple([1, new PickleTuple([2])]));
    expect(run('K', 1, 'q', 0, 'h', 0, 0x86, '.')).toEqual(new PickleTuple([1, 1]));
  });

  it('tells where the pickle ends', () => {
    expect(unpickle(program('NN.K', 7, '.rest'), options, 3)).toEqual({ value: 7, end: 6 });
  });

  it.each([
    ['a global', 'cos\nsystem\n.', '"os.system", which weights have no need of. Nothing was run'],
    ['a global that JavaScript objects have', 'cconstructor\nconstructor\n.', '"constructor.constructor"'],
    ['INST', '(ios\nsystem\n.', 'the instruction INST (0x69) at byte 1'],
    ['OBJ', '(o.', 'the instruction OBJ (0x6f)'],
    ['a call of data', 'N)R.', 'its pickle calls something that has no name, which cannot be called'],
    ['a reference outside', 'NQ.', 'its pickle refers to an object outside itself'],
    ['a value out of nothing', '.', 'takes a value where there is none'],
    ['a value from below a mark', 'N(N(.', 'takes a value where there is none'],
    ['a tuple without a mark', 'Nt.', 'closes a group that it never opened'],
    ['a key without a value', '}(Nu.', 'a key without a value'],
    ['a list as a key', '}]Ns.', 'neither text nor a whole number'],
    ['items for what is no dictionary', ']NNs.', 'expects a dictionary'],
    ['an item for what is no list', '}Na.', 'expects a list'],
    ['a memory that is none', 'h\0.', 'recalls value 0'],
    ['a text longer than the file', 'X\xff', 'truncated or corrupt'],
    ['a line without an end', 'cos', 'it ends inside a line'],
    ['no end', 'N', 'truncated or corrupt: 1 bytes are expected at byte 1 of 1'],
  ])('refuses %s', (_, text, problem) => {
    expect(() => unpickle(program(text), options)).toThrow(
      expect.objectContaining({ name: 'PixelwiseError', message: expect.stringContaining(problem) }),
    );
  });

  it('calls only what can be constructed', () => {
    const globals = new Map<string, PickleGlobal>([
      ['a.type', { name: 'a.type' }],
      ['a.pair', { name: 'a.pair', construct: (args) => ({ pair: args }) }],
    ]);
    expect(unpickle(program('ca\npair\nNK', 1, 0x86, 'R.'), { ...options, globals }).value).toEqual({
      pair: [null, 1],
    });
    expect(() => unpickle(program('ca\ntype\n)R.'), { ...options, globals })).toThrow(
      'its pickle calls "a.type"',
    );
  });

  it('answers any bytes with a value or a PixelwiseError', () => {
    const opcodes = [...'NJKMGX}]()taesuqrhjcRbQ.'].map((char) => char.charCodeAt(0));
    const byte = fc.oneof(fc.constantFrom(...opcodes, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a), fc.nat(255));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
        try {
          unpickle(Uint8Array.from(bytes), options);
        } catch (error) {
          expect(error).toBeInstanceOf(PixelwiseError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
