import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Calibration } from './calibration.js';
import { CalibrationCounter } from './calibration.js';

interface Golden {
  readonly planes: number[];
  readonly target: number[];
  readonly bins: [pixels: number, probability: number | null, frequency: number | null][];
  readonly error: number;
}

/** Computed by test/golden/score_intervals.py. */
const { calibration: golden } = JSON.parse(
  readFileSync(new URL('../../test/golden/score_intervals.json', import.meta.url), 'utf8'),
) as { calibration: Record<Calibration['of'], Golden> };

it.each(['foreground', 'choice', 'class'] as const)('bins the probabilities (%s) as NumPy does', (of) => {
  const { planes, target, bins, error } = golden[of];
  // In two parts, as from two processes.
  const counter = new CalibrationCounter(of);
  const other = new CalibrationCounter(of);
  const channels = planes.length / target.length;
  const part = (from: number, to: number) =>
    Float32Array.from(
      Array.from({ length: channels }, (_, k) => planes.slice(k * target.length, (k + 1) * target.length))
        .map((plane) => plane.slice(from, to))
        .flat(),
    );
  counter.add(part(0, 25), Uint8Array.from(target.slice(0, 25)));
  other.add(part(25, target.length), Uint8Array.from(target.slice(25)));
  counter.merge(other.counts);
  const found = counter.calibration()!;
  expect(found.bins.map(({ pixels }) => pixels)).toEqual(bins.map(([pixels]) => pixels));
  found.bins.forEach(({ probability, frequency }, bin) => {
    const [, p, f] = bins[bin]!;
    if (p === null) expect([probability, frequency]).toEqual([null, null]);
    else {
      expect(probability).toBeCloseTo(p, 6);
      expect(frequency).toBeCloseTo(f!, 12);
    }
  });
  expect(found.expectedError).toBeCloseTo(error, 6);
});

it('has no calibration without pixels', () => {
  expect(new CalibrationCounter('choice').calibration()).toBeUndefined();
});
