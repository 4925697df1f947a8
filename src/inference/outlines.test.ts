import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClassMask } from '../images/raster.js';
import { maskOf } from '../../test/inference/drawn-mask.js';
import { connectedComponents } from '../objects/index.js';
import type { MaskPolygon } from './outlines.js';
import { maskToGeoJson, maskToPolygons } from './outlines.js';

/** Pixels whose centres are inside the rings, by counting crossings to their left (even-odd rule). */
function fill(mask: ClassMask, polygons: readonly MaskPolygon[], background: number): Uint8Array {
  const { width, height } = mask;
  const out = new Uint8Array(width * height).fill(background);
  for (const { value, rings } of polygons) {
    const crossings = new Uint8Array(width * height + 1);
    for (const ring of rings) {
      ring.forEach(([x, y], i) => {
        const [x1, y1] = ring[(i + 1) % ring.length]!;
        if (x !== x1) return;
        for (let row = Math.min(y, y1); row < Math.max(y, y1); row++) {
          if (x < width) crossings[row * width + x]! ^= 1;
        }
      });
    }
    for (let y = 0; y < height; y++) {
      let inside = 0;
      for (let x = 0; x < width; x++) {
        inside ^= crossings[y * width + x]!;
        if (inside === 1) out[y * width + x] = value;
      }
    }
  }
  return out;
}

const doubledArea = (ring: readonly (readonly [number, number])[]) =>
  ring.reduce((sum, [x, y], i) => {
    const [x1, y1] = ring[(i + 1) % ring.length]!;
    return sum + x * y1 - x1 * y;
  }, 0);

describe('polygons of a mask', () => {
  it('follow pixel edges, holes in the opposite direction', () => {
    const mask = maskOf(['.....', '.###.', '.#.#.', '.###.', '...2.']);
    expect(maskToPolygons(mask)).toEqual([
      {
        value: 1,
        area: 8,
        rings: [
          [
            [4, 1],
            [4, 4],
            [1, 4],
            [1, 1],
          ],
          [
            [3, 3],
            [3, 2],
            [2, 2],
            [2, 3],
          ],
        ],
      },
      {
        value: 2,
        area: 1,
        rings: [
          [
            [4, 4],
            [4, 5],
            [3, 5],
            [3, 4],
          ],
        ],
      },
    ]);
  });

  it('are two if pixels touch only at a corner, and one with a hole if a ring closes at a corner', () => {
    expect(maskToPolygons(maskOf(['#.', '.#']))).toHaveLength(2);
    const closed = maskToPolygons(maskOf(['###', '#.#', '##.']));
    expect(closed.map(({ area, rings }) => [area, rings.map(doubledArea)])).toEqual([[7, [16, -2]]]);
  });

  it('reproduce any mask, and are simple rings with the orientation of RFC 7946', () => {
    const side = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(
        side,
        side,
        fc.infiniteStream(fc.constantFrom(0, 0, 1, 1, 2, 255)),
        (width, height, stream) => {
          const data = Uint8Array.from({ length: width * height }, () => stream.next().value as number);
          const mask = { width, height, data };
          const polygons = maskToPolygons(mask);
          expect(fill(mask, polygons, 0)).toEqual(data.map((value) => (value === 255 ? 0 : value)));
          const pieces = connectedComponents(mask, 'all').components;
          expect(polygons).toHaveLength(pieces.filter(({ value }) => value !== 0 && value !== 255).length);
          for (const { area, rings } of polygons) {
            expect(rings.map((ring) => doubledArea(ring) > 0)).toEqual(rings.map((_, i) => i === 0));
            expect(rings.reduce((sum, ring) => sum + doubledArea(ring), 0)).toBe(2 * area);
            for (const ring of rings) {
              expect(new Set(ring.map(String)).size).toBe(ring.length);
              ring.forEach(([x, y], i) => {
                const [x1, y1] = ring[(i + 1) % ring.length]!;
                const [x2, y2] = ring[(i + 2) % ring.length]!;
                // Edges are parallel to an axis, and the direction changes at each corner.
                expect((x === x1) !== (y === y1)).toBe(true);
                expect((x === x1) !== (x1 === x2)).toBe(true);
                expect((y === y1) !== (y1 === y2)).toBe(true);
              });
            }
          }
        },
      ),
      { seed: 5, numRuns: 400 },
    );
  });

  it('as GeoJSON have the name of their class, and repeat the first corner', () => {
    const { type, features } = maskToGeoJson(maskOf(['#3']), ['ground', 'tree']);
    expect(type).toBe('FeatureCollection');
    expect(features.map(({ properties }) => properties)).toEqual([
      { class: 'tree', index: 1, area: 1 },
      { class: 'class 3', index: 3, area: 1 },
    ]);
    expect(features[0]!.geometry).toEqual({
      type: 'Polygon',
      coordinates: [
        [
          [1, 0],
          [1, 1],
          [0, 1],
          [0, 0],
          [1, 0],
        ],
      ],
    });
    // A class named background takes precedence over class 0.
    const named = maskToGeoJson(maskOf(['#.']), ['tree', 'background']);
    expect(named.features.map(({ properties }) => properties.class)).toEqual(['tree']);
    // If no class is named background, all have outlines.
    const street = maskToGeoJson(maskOf(['#.']), ['sky', 'tree', 'road']);
    expect(street.features.map(({ properties }) => properties.class)).toEqual(['tree', 'sky']);
    const everything = maskToGeoJson(maskOf(['#.']), ['ground', 'tree'], { background: null });
    expect(everything.features.map(({ properties }) => properties.class)).toEqual(['tree', 'ground']);
  });
});
