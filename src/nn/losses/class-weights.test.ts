import fc from 'fast-check';
import { expect, it } from 'vitest';
import { classWeightsOf } from './class-weights.js';

const close = (values: readonly number[], wanted: readonly number[]) =>
  values.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 10));

it('weighs by the inverse of the share, its root, or as ENet does', () => {
  // Shares ¾ and ¼.
  close(classWeightsOf([300, 100]), [2 / 3, 2]);
  const root = (300 / Math.sqrt(0.75) + 100 / Math.sqrt(0.25)) / 400;
  close(classWeightsOf([300, 100], { weighting: 'sqrt' }), [1 / Math.sqrt(0.75) / root, 2 / root]);
  const [a, b] = [1 / Math.log(1.77), 1 / Math.log(1.27)];
  const mean = (3 * a + b) / 4;
  close(classWeightsOf([300, 100], { weighting: 'enet' }), [a / mean, b / mean]);
});

it('gives median frequency balancing where the images that hold a class are told', () => {
  // SegNet: median(f) ÷ f with f = pixels of a class ÷ pixels of the images that hold it.
  const frequencies = [600 / 1000, 300 / 500, 100 / 200];
  const published = frequencies.map((f) => 0.6 / f);
  const ours = classWeightsOf([600, 300, 100], { within: [1000, 500, 200] });
  const scale = ours[0]! / published[0]!;
  close(
    ours,
    published.map((weight) => weight * scale),
  );
});

it('weighs a pixel 1 on average, and an absent class 0', () => {
  const counts = fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(counts, fc.constantFrom('inverse', 'sqrt', 'enet'), (pixels, weighting) => {
      const total = pixels.reduce((a, b) => a + b, 0);
      fc.pre(total > 0);
      const weights = classWeightsOf(pixels, { weighting });
      expect(weights.reduce((sum, weight, i) => sum + weight * pixels[i]!, 0) / total).toBeCloseTo(1, 9);
      pixels.forEach((count, i) => expect(weights[i] === 0).toBe(count === 0));
    }),
  );
});

it('says what is off', () => {
  expect(() => classWeightsOf([0, 0])).toThrow(/one of them above 0, not 0, 0/);
  expect(() => classWeightsOf([1, -1])).toThrow(/not 1, -1/);
  expect(() => classWeightsOf([5, 5], { within: [10] })).toThrow(
    /at least as many pixels as the class \(5, 5\), not 10/,
  );
  expect(() => classWeightsOf([5, 5], { within: [10, 4] })).toThrow(/not 10, 4/);
});
