import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../test/golden/objects_scores.json' with { type: 'json' };
import { type ObjectMap } from './object-map.js';
import { matchObjects, ObjectScorer, type ObjectScores } from './scores.js';

function parse(rows: readonly string[], classes: readonly number[]): ObjectMap {
  const labels = Int32Array.from(rows.join(''), (c) => golden.alphabet.indexOf(c));
  return { width: rows[0]!.length, height: rows.length, labels, classes: Uint8Array.from(classes) };
}

/** Objects of class 1 from characters. */
function drawn(...rows: readonly string[]): ObjectMap {
  const count = Math.max(...[...rows.join('')].map((c) => golden.alphabet.indexOf(c)));
  return parse(rows, new Array<number>(count).fill(1));
}

const WIDTH = 6;
/** Maps of up to four objects of two classes. */
const maps = fc
  .record({
    data: fc.array(fc.nat(4), { minLength: 5 * WIDTH, maxLength: 5 * WIDTH }),
    classes: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 4, maxLength: 4 }),
  })
  .map(({ data, classes }): ObjectMap => {
    const present = [...new Set(data.filter((k) => k > 0))].sort((a, b) => a - b);
    return {
      width: WIDTH,
      height: 5,
      labels: Int32Array.from(data, (k) => present.indexOf(k) + 1),
      classes: Uint8Array.from(present, (k) => classes[k - 1]!),
    };
  });

function scoresOf(...pairs: readonly (readonly [ObjectMap, ObjectMap])[]): ObjectScores {
  const scorer = new ObjectScorer();
  for (const [truth, predicted] of pairs) scorer.add(truth, predicted);
  return scorer.scores();
}

describe('ObjectScorer', () => {
  it.each(golden.cases)('equals the reference: $name', ({ images, scores }) => {
    const scorer = new ObjectScorer();
    for (const image of images) {
      const truth = parse(image.truth, image.truthClasses);
      scorer.add(truth, parse(image.predicted, image.predictedClasses), { scores: image.scores });
    }
    const found = scorer.scores();
    for (const [name, value] of Object.entries(scores)) {
      expect(found[name as keyof ObjectScores], name).toBeCloseTo(value, 10);
    }
  });

  it('is perfect for the truth itself, and symmetric where it should be', () => {
    fc.assert(
      fc.property(maps, maps, (a, b) => {
        const { classes } = a;
        if (classes.length > 0) {
          expect(scoresOf([a, a])).toMatchObject({
            ap50: 1,
            ap: 1,
            cocoAp: 1,
            f1: 1,
            panopticQuality: 1,
            aggregatedJaccard: 1,
            countError: 0,
            missed: 0,
            invented: 0,
          });
        }
        const [one, other] = [scoresOf([a, b]), scoresOf([b, a])];
        for (const name of ['ap50', 'ap', 'f1', 'panopticQuality'] as const) {
          if (one[name] === null) expect(other[name]).toBeNull();
          else expect(other[name]).toBeCloseTo(one[name]!, 12);
        }
        expect([one.missed, one.invented]).toEqual([other.invented, other.missed]);
      }),
    );
  });

  it('does not depend on numbers, mirrors, or the order of images', () => {
    fc.assert(
      fc.property(maps, maps, (truth, predicted) => {
        const mirrored = (map: ObjectMap): ObjectMap => ({ ...map, labels: map.labels.slice().reverse() });
        const renumbered = (map: ObjectMap): ObjectMap => ({
          ...map,
          labels: map.labels.map((k) => (k === 0 ? 0 : map.classes.length + 1 - k)),
          classes: map.classes.slice().reverse(),
        });
        const scores = scoresOf([truth, predicted], [predicted, predicted]);
        const others = scoresOf(
          [mirrored(predicted), mirrored(renumbered(predicted))],
          [renumbered(mirrored(truth)), mirrored(predicted)],
        );
        for (const name of [
          'ap50',
          'ap',
          'f1',
          'panopticQuality',
          'counted',
          'true',
          'split',
          'merged',
        ] as const) {
          if (scores[name] === null) expect(others[name]).toBeNull();
          else expect(others[name]).toBeCloseTo(scores[name]!, 12);
        }
      }),
    );
  });

  it('has no score where there is nothing', () => {
    const empty = { width: 2, height: 1, labels: new Int32Array(2), classes: new Uint8Array() };
    expect(scoresOf([empty, empty])).toMatchObject({
      ap: null,
      cocoAp: null,
      f1: null,
      panopticQuality: null,
      aggregatedJaccard: null,
      countError: null,
      counted: 0,
    });
  });
});

describe('matchObjects', () => {
  it('tells splits and merges', () => {
    const truth = drawn('1111.2233.44', '1111.2233.44');
    const predicted = drawn('1122.3333...', '1122.3333..5');
    const { truths, predictions, matches } = matchObjects(truth, predicted);
    expect(truths).toEqual(['split', 'merged', 'merged', 'missed']);
    expect(predictions).toEqual(['split', 'split', 'merged', 'invented', 'invented']);
    expect(matches).toEqual([]);
  });

  it('leaves out what lies on ignored pixels', () => {
    const truth = drawn('11......', '11......');
    const predicted = drawn('11..2233', '11..2233');
    const ignored = Uint8Array.from('00000022'.repeat(2), (c) => (c === '2' ? 255 : 0));
    const { counted, predictions, ap } = matchObjects(truth, predicted, ignored);
    expect([counted, ap]).toEqual([2, 0.5]);
    expect(predictions).toEqual(['matched', 'invented', 'matched']);
  });

  it('does not match objects of different classes', () => {
    const truth = parse(['11'], [1]);
    expect(matchObjects(truth, parse(['11'], [2])).truths).toEqual(['missed']);
  });
});
