import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SampleScores } from '../metrics/index.js';
import { chooseSamples, rankingScore } from './gallery-choice.js';

const scored = (id: string, dice: number | null, foreground = 5): SampleScores => ({
  id,
  meanDice: dice === null ? 1 : (1 + dice) / 2,
  meanIoU: null,
  dice,
  foreground,
  areas: { true: [], predicted: [] },
});

describe('chooseSamples', () => {
  it('shows the worst, the middle and the best', () => {
    const samples = [0.5, 0.1, 0.9, 0.3, 0.7, 0.2, 0.8, 0.4, 0.6].map((dice, i) => scored(`${i}`, dice));
    const chosen = chooseSamples(samples, 2);
    expect(chosen.map(({ rank, score, place }) => [rank, score, place])).toEqual([
      ['worst', 0.1, 9],
      ['worst', 0.2, 8],
      ['median', 0.5, 5],
      ['median', 0.6, 4],
      ['best', 0.8, 2],
      ['best', 0.9, 1],
    ]);
    expect(chosen[0]).toMatchObject({ index: 1, of: 9 });
  });

  it('prefers samples that hold a foreground, and fills up with the worst of the others', () => {
    const lesions = [scored('a', 0.6), scored('b', 0), scored('c', 0.8)];
    const empty = [scored('d', null, 0), scored('e', 0, 0), scored('f', null, 0)];
    const ids = (each: number) => chooseSamples([...empty, ...lesions], each).map(({ index }) => index);
    expect(ids(1)).toEqual([4, 3, 5]);
    // 'd' and 'f' are empty and rightly so: 1; 'e' shows what is not there: 0.
    expect(ids(2)).toEqual([1, 4, 3, 5, 0, 2]);
  });

  it('ranks equal scores by their losses', () => {
    const samples = [0.2, 0.9, null, NaN].map((loss, i) => ({ ...scored(`${i}`, 0.5), loss }));
    expect(chooseSamples(samples).map(({ index }) => index)).toEqual([1, 0, 2, 3]);
  });

  it('holds for any scores: no sample twice, in order, as many as there are to show', () => {
    const number = fc.oneof(fc.double({ min: 0, max: 1 }), fc.constantFrom(null, NaN, 0, 1));
    const sample = fc.record({
      id: fc.string(),
      meanDice: number,
      meanIoU: number,
      dice: fc.option(number, { nil: undefined }),
      loss: fc.option(number, { nil: undefined }),
      foreground: fc.nat({ max: 2 }),
    }) as fc.Arbitrary<SampleScores>;
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (samples, each) => {
        const chosen = chooseSamples(samples, each);
        const defined = samples.filter((one) => rankingScore(one) !== undefined);
        expect(chosen.length).toBe(Math.min(defined.length, 3 * each));
        expect(new Set(chosen.map(({ index }) => index)).size).toBe(chosen.length);
        const places = chosen.map(({ place }) => place);
        expect(places).toEqual([...places].sort((a, b) => b - a));
        chosen.forEach(({ score }, i) => expect(score).toBeGreaterThanOrEqual(chosen[i - 1]?.score ?? 0));
        if (samples.filter((one) => one.foreground > 0 && defined.includes(one)).length >= 3 * each) {
          expect(chosen.every(({ index }) => samples[index]!.foreground > 0)).toBe(true);
        }
      }),
    );
  });
});
