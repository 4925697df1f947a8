import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectedComponents } from './components.js';
import { findSeeds, watershed } from './watershed.js';

const WIDTH = 9;
const HEIGHT = 7;
const pixels = (max: number) =>
  fc.uint8Array({ min: 0, max, minLength: WIDTH * HEIGHT, maxLength: WIDTH * HEIGHT });
/** An energy, a mask, and up to three seeds of a pixel each. */
const cases = fc.record({
  data: pixels(5),
  mask: pixels(3).map((values) => values.map((value) => (value > 0 ? 1 : 0))),
  places: fc.uniqueArray(fc.nat(WIDTH * HEIGHT - 1), { maxLength: 3 }),
});

function seedsAt(places: readonly number[], numbers = [1, 2, 3]): Int32Array {
  const seeds = new Int32Array(WIDTH * HEIGHT);
  places.forEach((place, k) => (seeds[place] = numbers[k]!));
  return seeds;
}

const energy = (data: Uint8Array) => ({ width: WIDTH, height: HEIGHT, data });
const mirrored = <T extends Uint8Array | Int32Array>(values: T): T =>
  values.map((_, i) => values[i - (i % WIDTH) + WIDTH - 1 - (i % WIDTH)]!) as T;

describe('watershed', () => {
  it('gives every pixel of the mask that a seed leads to, and no other, to a seed', () => {
    fc.assert(
      fc.property(cases, ({ data, mask, places }) => {
        const labels = watershed(energy(data), seedsAt(places), mask);
        const { labels: pieces } = connectedComponents({ width: WIDTH, height: HEIGHT, data: mask }, 0);
        const reached = new Set(places.filter((place) => mask[place] === 1).map((place) => pieces[place]));
        labels.forEach((label, i) => expect(label !== 0).toBe(mask[i] === 1 && reached.has(pieces[i])));
        const parts = connectedComponents({ width: WIDTH, height: HEIGHT, data: labels }, 0).components;
        expect(parts.filter(({ value }) => value !== 0)).toHaveLength(
          new Set(labels.filter((k) => k > 0)).size,
        );
      }),
    );
  });

  it('does not depend on the numbers of the seeds', () => {
    fc.assert(
      fc.property(cases, ({ data, mask, places }) => {
        const labels = watershed(energy(data), seedsAt(places), mask);
        const renumbered = watershed(energy(data), seedsAt(places, [30, 10, 20]), mask);
        const names = [0, 30, 10, 20];
        expect(renumbered).toEqual(labels.map((label) => names[label]!));
      }),
    );
  });

  it('mirrors with the image, except where two seeds are equally near', () => {
    fc.assert(
      fc.property(cases, ({ data, mask, places }) => {
        const seeds = seedsAt(places);
        const labels = watershed(energy(data), seeds, mask);
        const other = mirrored(watershed(energy(mirrored(data)), mirrored(seeds), mirrored(mask)));
        if (labels.every((label, i) => label === other[i])) return;
        const far = (label: number, i: number): number => {
          const place = places[label - 1]!;
          const [x, y] = [place % WIDTH, Math.floor(place / WIDTH)];
          return (x - (i % WIDTH)) ** 2 + (y - Math.floor(i / WIDTH)) ** 2;
        };
        // Of the pixels that differ, one is a tie; the others were reached through it.
        const ties = labels.some((label, i) => label !== other[i] && far(label, i) === far(other[i]!, i));
        expect(ties).toBe(true);
      }),
    );
  });

  it('cuts along the valley', () => {
    const data = Uint8Array.of(9, 7, 5, 3, 2, 4, 6, 8, 9);
    const seeds = Int32Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2);
    const mask = new Uint8Array(9).fill(1);
    // The bottom of the valley is reached from both sides at once; both seeds are equally far.
    expect([...watershed({ width: 9, height: 1, data }, seeds, mask)]).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2]);
    expect([...watershed({ width: 9, height: 1, data }, new Int32Array(9), mask)]).toEqual(Array(9).fill(0));
  });
});

describe('findSeeds', () => {
  const seedsOf = (data: number[], depth: number, least = 1) => {
    const { seeds, count } = findSeeds(
      { width: data.length, height: 1, data: Uint8Array.from(data) },
      new Uint8Array(data.length).fill(1),
      { depth, least },
    );
    return { seeds: [...seeds], count };
  };

  it('finds maxima by how far they rise', () => {
    expect(seedsOf([1, 9, 6, 8, 1, 5, 0], 4)).toEqual({ seeds: [0, 1, 1, 1, 0, 2, 0], count: 2 });
    expect(seedsOf([1, 9, 6, 8, 1, 5, 0], 2)).toEqual({ seeds: [0, 1, 0, 2, 0, 3, 0], count: 3 });
    expect(seedsOf([1, 9, 6, 8, 1, 5, 0], 2, 8).count).toBe(2);
    expect(seedsOf([0, 0, 0], 1)).toEqual({ seeds: [0, 0, 0], count: 0 });
    expect(seedsOf([7, 7, 7], 5)).toEqual({ seeds: [1, 1, 1], count: 1 });
  });

  it('has one seed for each component of pixels that are all alike', () => {
    fc.assert(
      fc.property(pixels(1), (mask) => {
        const data = mask.map((value) => 200 * value);
        const { count } = findSeeds(energy(data), mask, { depth: 50, least: 100 });
        const { components } = connectedComponents({ width: WIDTH, height: HEIGHT, data: mask }, 0);
        expect(count).toBe(components.filter(({ value }) => value === 1).length);
      }),
    );
  });

  it('has as many seeds in the mirror', () => {
    fc.assert(
      fc.property(pixels(200), (data) => {
        const mask = new Uint8Array(data.length).fill(1);
        const options = { depth: 40, least: 20 };
        const { seeds, count } = findSeeds(energy(data), mask, options);
        const other = findSeeds(energy(mirrored(data)), mask, options);
        expect(other.count).toBe(count);
        expect(mirrored(other.seeds).map(Math.sign)).toEqual(seeds.map(Math.sign));
      }),
    );
  });
});
