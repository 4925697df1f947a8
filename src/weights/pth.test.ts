import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PixelwiseError } from '../errors/index.js';
import { decodePth } from './pth.js';
import { floatTensors } from './tensor.js';

/** Written by torch.save, see test/golden/make_pth.py. */
function golden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../test/golden/weights/${name}.pth`, import.meta.url)));
}

const ramp = (count: number): number[] => Array.from({ length: count }, (_, i) => i / 4 - 1);

describe.each([
  ['zip', ''],
  ['legacy', '-legacy'],
])('decodePth, %s format', (_, suffix) => {
  it('reads a state dict', async () => {
    const file = await decodePth(golden(`state-dict${suffix}`), 'model.pth');
    expect(file.source).toBe('model.pth');
    expect(file.tensors.map(({ name, elementType, shape }) => [name, elementType, shape])).toEqual([
      ['0.weight', 'F32', [3, 2, 1, 2]],
      ['0.bias', 'F32', [3]],
      ['1.weight', 'F32', [3]],
      ['1.bias', 'F32', [3]],
      ['1.running_mean', 'F32', [3]],
      ['1.running_var', 'F32', [3]],
      ['1.num_batches_tracked', 'I64', []],
    ]);
    expect([...file.tensors[6]!.bytes]).toEqual([7, 0, 0, 0, 0, 0, 0, 0]);
    expect(floatTensors(file).map(({ data }) => [...data])).toEqual([
      ramp(12),
      ramp(3),
      [1, 1, 1],
      [0, 0, 0],
      [0, 0, 0],
      ramp(3).map((x) => x + 2),
    ]);
  });

  it('reads views of a shared storage and every type of element', async () => {
    const file = await decodePth(golden(`views${suffix}`), 'views.pth');
    const base = ramp(24);
    const transposed = Array.from({ length: 24 }, (_, i) => base[(i % 4) * 6 + Math.floor(i / 4)]);
    const floats = Object.fromEntries(
      floatTensors(file).map(({ name, shape, data }) => [name, [shape, [...data]]]),
    );
    expect(floats).toEqual({
      whole: [[4, 6], base],
      row: [[6], base.slice(12, 18)],
      transposed: [[6, 4], transposed],
      window: [[2, 3], [7, 9, 11, 13, 15, 17].map((i) => base[i])],
      expanded: [
        [2, 2],
        [base[3], base[3], base[3], base[3]],
      ],
      scalar: [[], [base[23]]],
      empty: [[0, 6], []],
      channels_last: [[1, 2, 2, 2], ramp(8)],
      float64: [[2], [0, 1]],
      float16: [[2], [0, 1]],
      bfloat16: [[2], [0, 1]],
    });
    const bytes = (name: string): number[] => [...file.tensors.find((tensor) => tensor.name === name)!.bytes];
    expect(bytes('int64')).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(bytes('int32')).toEqual([0, 0, 0, 0, 1, 0, 0, 0]);
    expect(bytes('int16')).toEqual([0, 0, 1, 0]);
    for (const name of ['int8', 'uint8', 'bool']) expect(bytes(name)).toEqual([0, 1]);
  });

  it('finds the state dict of a training checkpoint', async () => {
    const [tensor, ...others] = floatTensors(await decodePth(golden(`checkpoint${suffix}`), 'c.pth'));
    expect(tensor).toMatchObject({ name: 'w', shape: [2], data: Float32Array.from(ramp(2)) });
    expect(others).toEqual([]);
  });

  it.each([
    ['no-state-dict', 'n.pth cannot be read: it holds no state dict; save model.state_dict().'],
    // os.system is called posix.system where the file was written.
    ['malicious', 'its pickle asks for "posix.system", which weights have no need of. Nothing was run'],
    ['instruction', 'its pickle has the instruction 0x8b at byte '],
  ])('refuses %s', async (name, problem) => {
    await expect(decodePth(golden(name + suffix), 'n.pth')).rejects.toThrow(
      expect.objectContaining({ name: 'PixelwiseError', message: expect.stringContaining(problem) }),
    );
  });

  it('refuses every truncation', async () => {
    const whole = golden(`state-dict${suffix}`);
    for (let length = 2; length < whole.length; length++) {
      await expect(decodePth(whole.subarray(0, length), 't.pth')).rejects.toThrow(PixelwiseError);
    }
  });

  it('answers any damage with tensors or a PixelwiseError', async () => {
    const whole = golden(`views${suffix}`);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const { tensors } = await decodePth(bytes, 'd.pth');
          const total = tensors.reduce((sum, tensor) => sum + tensor.bytes.length, 0);
          expect(total).toBeLessThan(8 * whole.length);
        } catch (error) {
          expect(error).toBeInstanceOf(PixelwiseError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('decodePth', () => {
  it('finds a flipped bit in a zip by its checksum', async () => {
    const bytes = golden('state-dict');
    const weight = new Uint8Array(Float32Array.from(ramp(12)).buffer);
    const at = Buffer.from(bytes).indexOf(weight);
    expect(at).toBeGreaterThan(0);
    bytes[at + 5]! ^= 0x10;
    await expect(decodePth(bytes, 'flipped.pth')).rejects.toThrow(
      'flipped.pth cannot be read: "state-dict/data/0" in the archive has a wrong checksum',
    );
  });

  it('refuses newer pickle protocols', async () => {
    await expect(decodePth(golden('protocol-4'), 'p.pth')).rejects.toThrow('its pickle uses protocol 4');
  });

  it('refuses tensors that reach beyond their storage or expand without measure', async () => {
    // In the pickle of "w", two elements long: storage offset 0, size (2,), stride (1,).
    const change = (from: number[], to: number[]): Uint8Array => {
      const bytes = golden('checkpoint-legacy');
      const at = Buffer.from(bytes).indexOf(Uint8Array.from(from));
      expect(at).toBeGreaterThan(0);
      bytes.set(to, at);
      return bytes;
    };
    const [binint1, tuple1, binput] = [0x4b, 0x85, 0x71];
    // BININT1 0, BININT1 2, TUPLE1, BINPUT
    const layout = [binint1, 0, binint1, 2, tuple1, binput];
    await expect(decodePth(change(layout, [binint1, 1]), 'x.pth')).rejects.toThrow(
      'tensor "w" (2, strides 1, offset 1) reaches beyond the 2 of its storage',
    );
    await expect(decodePth(change(layout, [binint1, 0, binint1, 200]), 'x.pth')).rejects.toThrow(
      'its tensors up to "w" claim far more bytes than the 8 of its storages',
    );
  });
});
