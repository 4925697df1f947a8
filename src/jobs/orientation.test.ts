import { describe, expect, it } from 'vitest';
import { Random } from '../random/index.js';
import { bandDifferences, isOriented } from './orientation.js';

const SIDE = 32;

/** Noise with a disc of class 1; `slope` makes images lighter to the top, `height` is where discs lie. */
function samples(count: number, { slope = 0, lowest = SIDE }: { slope?: number; lowest?: number }) {
  const random = new Random(7, 'orientation');
  return Array.from({ length: count }, (_, i) => {
    const centre = { x: random.float() * SIDE, y: random.float() * lowest };
    const image = new Uint8Array(SIDE * SIDE);
    const mask = new Uint8Array(SIDE * SIDE);
    for (let k = 0; k < image.length; k++) {
      const [x, y] = [k % SIDE, Math.floor(k / SIDE)];
      image[k] = 100 + slope * (SIDE / 2 - y) + 60 * random.float();
      mask[k] = Math.hypot(x - centre.x, y - centre.y) < 5 ? 1 : 0;
    }
    const size = { width: SIDE, height: SIDE };
    return { id: `${i}`, image: { ...size, channels: 1, data: image }, mask: { ...size, data: mask } };
  });
}

const oriented = (count: number, options: Parameters<typeof samples>[1]) =>
  isOriented(samples(count, options).map((sample) => bandDifferences(sample, 2)));

describe('isOriented', () => {
  it('sees an up and a down in light, or in where things are', () => {
    expect(oriented(64, { slope: 0.5 })).toBe(true);
    expect(oriented(64, { lowest: 20 })).toBe(true);
  });

  it('sees none in images that look alike upside down', () => {
    expect(oriented(64, {})).toBe(false);
  });

  it('does not judge by a few images', () => {
    expect(oriented(20, { slope: 0.5 })).toBeUndefined();
  });
});
