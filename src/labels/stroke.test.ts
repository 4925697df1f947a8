import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paintStroke, type Stroke, strokeRuns } from './stroke.js';

const UNLABELLED = 255;

function painted(width: number, height: number, ...strokes: Stroke[]): Uint8Array {
  const plane = new Uint8Array(width * height).fill(UNLABELLED);
  for (const stroke of strokes) paintStroke(plane, width, height, stroke);
  return plane;
}

const picture = (plane: Uint8Array, width: number) =>
  Array.from({ length: plane.length / width }, (_, y) =>
    Array.from(plane.subarray(y * width, (y + 1) * width), (value) =>
      value === UNLABELLED ? '.' : value,
    ).join(''),
  );

/** The distance of a pixel's centre to a segment. */
function distance(x: number, y: number, [ax, ay]: readonly number[], [bx, by]: readonly number[]): number {
  const [dx, dy] = [bx! - ax!, by! - ay!];
  const square = dx * dx + dy * dy;
  const t = square === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax!) * dx + (y - ay!) * dy) / square));
  return Math.hypot(x - ax! - t * dx, y - ay! - t * dy);
}

describe('strokeRuns', () => {
  it('paints discs around pixel centres', () => {
    expect(picture(painted(5, 5, { class: 1, radius: 2, points: [[2, 2]] }), 5)).toEqual([
      '..1..',
      '.111.',
      '11111',
      '.111.',
      '..1..',
    ]);
    expect(picture(painted(4, 3, { class: 2, radius: 0, points: [[3, 1]] }), 4)).toEqual([
      '....',
      '...2',
      '....',
    ]);
    // A brush two pixels wide has its centre between pixels.
    expect(picture(painted(4, 3, { class: 1, radius: 1, points: [[1.5, 0.5]] }), 4)).toEqual([
      '.11.',
      '.11.',
      '....',
    ]);
  });

  it('paints a line without gaps, in every direction', () => {
    expect(
      picture(
        painted(5, 3, {
          class: 1,
          radius: 0.5,
          points: [
            [0, 0],
            [4, 2],
          ],
        }),
        5,
      ),
    ).toEqual(['11...', '.111.', '...11']);
  });

  it('paints what is inside the image of a stroke that leaves it, and a class of 255 erases', () => {
    const across: Stroke = {
      class: 3,
      radius: 1,
      points: [
        [-50, 1],
        [50, 1],
      ],
    };
    expect(picture(painted(4, 4, across), 4)).toEqual(['3333', '3333', '3333', '....']);
    expect(
      picture(
        painted(4, 4, across, {
          class: 255,
          radius: 0,
          points: [
            [1, 1],
            [2, 1],
          ],
        }),
        4,
      )[1],
    ).toBe('3..3');
    expect(picture(painted(4, 1, { class: 3, radius: 2, points: [[9, 9]] }), 4)).toEqual(['....']);
  });

  const [width, height] = [32, 24];
  const coordinate = fc.integer({ min: -20, max: 80 }).map((value) => value / 2);
  const anyStroke = fc.record({
    class: fc.constant(1),
    radius: fc.integer({ min: 0, max: 24 }).map((value) => value / 2),
    points: fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 5 }),
  });

  it('covers the pixels within the radius of the line, and only those and the pixels at its points', () => {
    const holds = fc.property(anyStroke, (stroke) => {
      const { points, radius } = stroke;
      return painted(width, height, stroke).every((value, i) => {
        const [x, y] = [i % width, Math.floor(i / width)];
        const near = Math.min(...points.map((to, k) => distance(x, y, points[Math.max(0, k - 1)]!, to)));
        const isPoint = points.some(([px, py]) => Math.round(px) === x && Math.round(py) === y);
        if (near < radius - 1e-9 || isPoint) return value === 1;
        return value !== 1 || near <= radius + 1e-9;
      });
    });
    fc.assert(holds, { numRuns: 30 });
  });

  it('covers the same pixels when it is split at a point', () => {
    const holds = fc.property(anyStroke, fc.nat(), (stroke, cut) => {
      const at = cut % stroke.points.length;
      const parts = [stroke.points.slice(0, at + 1), stroke.points.slice(at)];
      const split = painted(width, height, ...parts.map((points) => ({ ...stroke, points })));
      return Buffer.compare(split, painted(width, height, stroke)) === 0;
    });
    fc.assert(holds, { numRuns: 30 });
  });

  it('gives no run outside the image', () => {
    strokeRuns(
      {
        radius: 500,
        points: [
          [3, 3],
          [-1000, 8],
        ],
      },
      7,
      5,
      (y, start, end) => {
        expect(y >= 0 && y < 5 && start >= 0 && start < end && end <= 7).toBe(true);
      },
    );
  });
});
