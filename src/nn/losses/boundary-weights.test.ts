import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boundaryWeights } from './boundary-weights.js';

function weightsOf(rows: readonly string[], options = {}): number[][] {
  const [height, width] = [rows.length, rows[0]!.length];
  const into = new Float32Array(height * width);
  boundaryWeights(Uint8Array.from(rows.join(''), Number), height, width, options, into);
  return rows.map((_, y) => [...into.subarray(y * width, (y + 1) * width)]);
}

it('weighs a gap by the distances to the two objects beside it', () => {
  const [row] = weightsOf(['1001000'], { strength: 10, sigma: 2 });
  const weight = (gap: number) => 1 + 10 * Math.exp((-gap * gap) / 8);
  const wanted = [1, weight(1 + 2), weight(2 + 1), 1, weight(1 + 4), weight(2 + 5), weight(3 + 6)];
  row!.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5));
});

it('counts pixels that touch by a corner as one object, and classes apart', () => {
  expect(
    weightsOf(['100', '010', '000'])
      .flat()
      .every((weight) => weight === 1),
  ).toBe(true);
  expect(weightsOf(['100', '020', '000'])[2]![1]).toBeGreaterThan(1);
});

it('leaves objects alone, and pictures of fewer than two', () => {
  expect(
    weightsOf(['0000', '0110'])
      .flat()
      .every((weight) => weight === 1),
  ).toBe(true);
  expect(weightsOf(['1101'])[0]).toEqual([1, 1, expect.closeTo(1 + 10 * Math.exp(-4 / 50), 5), 1]);
});

/** The same by looking at every pair of pixels. */
function slow(mask: readonly number[], height: number, width: number, strength: number, sigma: number) {
  const labels = new Array<number>(mask.length).fill(0);
  let count = 0;
  const flood = (at: number) => {
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const [x, y] = [(at % width) + dx, Math.floor(at / width) + dy];
        const next = y * width + x;
        if (x < 0 || y < 0 || x >= width || y >= height || labels[next] || mask[next] !== mask[at]) continue;
        labels[next] = count;
        flood(next);
      }
    }
  };
  mask.forEach((value, at) => {
    if (value === 0 || labels[at]) return;
    labels[at] = ++count;
    flood(at);
  });
  return mask.map((value, at) => {
    if (value !== 0 || count < 2) return 1;
    const nearest = new Array<number>(count).fill(Infinity);
    labels.forEach((label, other) => {
      const distance = Math.hypot(
        (at % width) - (other % width),
        Math.floor(at / width) - Math.floor(other / width),
      );
      if (label > 0) nearest[label - 1] = Math.min(nearest[label - 1]!, distance);
    });
    const [first, second] = nearest.sort((a, b) => a - b) as [number, number];
    return 1 + strength * Math.exp(-((first + second) ** 2) / (2 * sigma * sigma));
  });
}

it('equals the search over all pairs', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }));
  const pictures = sizes.chain(([height, width]) => {
    const pixel = fc.constantFrom(0, 0, 0, 0, 1, 2);
    return fc.record({
      height: fc.constant(height),
      width: fc.constant(width),
      mask: fc.array(pixel, { minLength: height * width, maxLength: height * width }),
      sigma: fc.constantFrom(0.5, 2, 5),
    });
  });
  fc.assert(
    fc.property(pictures, ({ height, width, mask, sigma }) => {
      const into = new Float32Array(mask.length);
      boundaryWeights(Uint8Array.from(mask), height, width, { sigma }, into);
      slow(mask, height, width, 10, sigma).forEach((weight, i) => expect(into[i]).toBeCloseTo(weight, 3));
    }),
    { numRuns: 300 },
  );
});
