import { describe, expect, it } from 'vitest';
import { decodeImage } from './decode.js';
import { decodeMask } from './decode-mask.js';

const file = (header: string, body: readonly number[] = []): Buffer =>
  Buffer.concat([Buffer.from(header, 'latin1'), Buffer.from(body)]);

describe('PBM, PGM and PPM', () => {
  it.each([
    ['P5', file('P5\n# made by hand\n3 1\n255\n', [0, 7, 255]), 1, [0, 7, 255]],
    ['P5 of 16 bits', file('P5 2 1 4095\n', [1, 2, 15, 255]), 1, [258, 4095]],
    ['P6', file('P6\n1 2\n255\n', [1, 2, 3, 4, 5, 6]), 3, [1, 2, 3, 4, 5, 6]],
    ['P2', file('P2 3 1 255\n0 7\n255\n'), 1, [0, 7, 255]],
    ['P3', file('P3 1 1 255 10 20 30'), 3, [10, 20, 30]],
    ['P4', file('P4 10 1\n', [0b10100000, 0b01000000]), 1, [0, 255, 0, 255, 255, 255, 255, 255, 255, 0]],
    ['P1', file('P1 3 1\n1 01'), 1, [0, 255, 0]],
    ['few levels, stretched', file('P5 3 1 2\n', [0, 1, 2]), 1, [0, 128, 255]],
  ])('%s', async (_, bytes, channels, values) => {
    const image = await decodeImage(bytes);
    expect(image.channels).toBe(channels);
    expect([...image.data]).toEqual(values);
  });

  it('masks keep their values', async () => {
    expect([...(await decodeMask(file('P5 3 1 2\n', [0, 1, 2]))).data]).toEqual([0, 1, 2]);
  });

  it('too short, or without a size', async () => {
    await expect(decodeImage(file('P5 4 4 255\n', [1, 2]))).rejects.toThrow('cut short');
    await expect(decodeImage(file('P5 x'))).rejects.toThrow('not a digit');
  });
});
