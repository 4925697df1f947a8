import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Raster } from '../images/raster.js';
import { addRestored, applySymmetry, symmetriesOf } from './symmetries.js';

const image: Raster = { width: 3, height: 2, channels: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };

describe('flips and rotations', () => {
  it('transform an image according to their names', () => {
    const shown = symmetriesOf('all').map((symmetry) => {
      const { width, data } = applySymmetry(image, symmetry);
      return data
        .join('')
        .match(new RegExp(`.{${width}}`, 'g'))!
        .join('|');
    });
    expect(shown).toEqual([
      '123|456',
      '321|654',
      '456|123',
      '654|321',
      '14|25|36',
      '41|52|63',
      '36|25|14',
      '63|52|41',
    ]);
    expect(symmetriesOf('mirror')).toEqual(symmetriesOf('all').slice(0, 2));
    expect(symmetriesOf('flips')).toEqual(symmetriesOf('all').slice(0, 4));
    expect(() => symmetriesOf('some' as 'all')).toThrow(/mirror, flips or all/);
  });

  it('are undone', () => {
    const side = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(
        side,
        side,
        side,
        fc.constantFrom(...symmetriesOf('all')),
        (width, height, channels, symmetry) => {
          const size = width * height * channels;
          const data = Uint16Array.from({ length: size }, (_, i) => i * 7);
          const seen = applySymmetry({ width, height, channels, data }, symmetry);
          expect(seen.data).toBeInstanceOf(Uint16Array);
          // From interleaved pixels to planes.
          const pixels = seen.width * seen.height;
          const planes = Float32Array.from({ length: size }, (_, i) => {
            return seen.data[(i % pixels) * channels + Math.floor(i / pixels)]!;
          });
          const sum = new Float32Array(size).fill(0.5);
          addRestored({ width: seen.width, height: seen.height, channels, data: planes }, symmetry, sum);
          const expected = Float32Array.from({ length: size }, (_, i) => {
            return data[(i % pixels) * channels + Math.floor(i / pixels)]! + 0.5;
          });
          expect(sum).toEqual(expected);
        },
      ),
      { seed: 1 },
    );
  });
});
