import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../../test/golden/objects_measure.json' with { type: 'json' };
import type { LabelImage } from './label-image.js';
import { measureObjects, type ObjectMeasurements } from './measure.js';

function parse(rows: readonly string[]): LabelImage {
  const data = Uint16Array.from(rows.join(''), (c) => (c === '.' ? 0 : 7 * golden.alphabet.indexOf(c)));
  return { width: rows[0]!.length, height: rows.length, data };
}

const close = (actual: unknown, wanted: unknown, where: string): void => {
  if (typeof wanted === 'number') {
    expect(Math.abs((actual as number) - wanted), where).toBeLessThanOrEqual(
      1e-9 * Math.max(1, Math.abs(wanted)),
    );
  } else if (wanted !== null) {
    for (const [key, value] of Object.entries(wanted as object)) {
      close((actual as Record<string, unknown>)[key], value, `${where}.${key}`);
    }
  }
};

describe('measureObjects', () => {
  it.each(golden.cases)('equals scikit-image: $name', ({ labels, objects }) => {
    const parsed = parse(labels);
    const data = Array.from({ length: 2 * parsed.data.length }, (_, i) => (i * 37) % 251);
    const measured = measureObjects(parsed, { image: { channels: 2, data } });
    expect(measured.map(({ label }) => label)).toEqual(objects.map(({ label }) => label));
    objects.forEach((wanted, k) => close(measured[k], wanted, `object ${wanted.label}`));
  });

  it('turns with the image', () => {
    const mask = fc
      .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }))
      .chain(([width, height]) =>
        fc
          .uint8Array({ min: 0, max: 2, minLength: width * height, maxLength: width * height })
          .map((data) => ({ width, height, data })),
      );
    fc.assert(
      fc.property(mask, ({ width, height, data }) => {
        const turned = data.map((_, i) => data[(i % height) * width + Math.floor(i / height)]!);
        const before = measureObjects({ width, height, data });
        const after = measureObjects({ width: height, height: width, data: turned });
        before.forEach((one, k) => {
          const other = after[k]!;
          const same: (keyof ObjectMeasurements)[] = ['label', 'area', 'extent', 'solidity', 'eulerNumber'];
          for (const key of same) expect(other[key]).toBe(one[key]);
          expect(other.perimeter).toBeCloseTo(one.perimeter, 9);
          expect(other.axisMajorLength).toBeCloseTo(one.axisMajorLength, 6);
          expect([...other.centroid].reverse()).toEqual([...one.centroid]);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('takes numbers of any size, and the mean of a probability', () => {
    const data = Uint32Array.of(0, 4_000_000_000, 4_000_000_000, 9);
    const measured = measureObjects({ width: 4, height: 1, data }, { probability: [0, 0.5, 1, 0.25] });
    expect(measured.map(({ label, area, meanProbability }) => [label, area, meanProbability])).toEqual([
      [9, 1, 0.25],
      [4_000_000_000, 2, 0.75],
    ]);
  });

  it('finds nothing in an empty image', () => {
    expect(measureObjects({ width: 3, height: 2, data: new Uint8Array(6) })).toEqual([]);
  });
});
