import { describe, expect, it } from 'vitest';
import { drawStroke, fillOutline, floodFill, type LabelPlane, type Point } from './drawing.js';

const blank = (width: number, height: number): LabelPlane => ({
  width,
  height,
  data: new Uint8Array(width * height).fill(255),
});

const shown = ({ width, data }: LabelPlane): string[] =>
  Array.from({ length: data.length / width }, (_, y) =>
    [...data.subarray(y * width, (y + 1) * width)].map((v) => (v === 255 ? '.' : v)).join(''),
  );

/** Distance of a point to a segment. */
function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const along = (bx - ax) ** 2 + (by - ay) ** 2;
  const t = along === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / along));
  return Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay));
}

describe('drawStroke', () => {
  it('sets one pixel with radius 0', () => {
    const plane = blank(4, 3);
    expect(drawStroke(plane, { value: 1, radius: 0, points: [[2, 1]] })).toEqual({
      x0: 2,
      y0: 1,
      x1: 2,
      y1: 1,
    });
    expect(shown(plane)).toEqual(['....', '..1.', '....']);
  });

  it('draws a connected line one pixel wide with radius 0', () => {
    const plane = blank(7, 4);
    drawStroke(plane, {
      value: 2,
      radius: 0,
      points: [
        [0, 0],
        [6, 3],
      ],
    });
    expect(shown(plane)).toEqual(['22.....', '.222...', '...222.', '.....22']);
  });

  it('sets exactly the pixels within the radius of the segments', () => {
    const points: Point[] = [
      [5, 5],
      [20.5, 9],
      [20.5, 9],
      [8, 21],
      [30, 30],
    ];
    for (const radius of [0.5, 1, 4, 7.5]) {
      const plane = blank(33, 29);
      drawStroke(plane, { value: 3, radius, points });
      const wrong = [...plane.data].filter((value, i) => {
        const at: Point = [i % 33, Math.floor(i / 33)];
        const nearest = Math.min(...points.map((p, k) => distance(at, points[k - 1] ?? p, p)));
        return Math.abs(nearest - radius) > 1e-6 && (value === 3) !== nearest < radius;
      });
      expect(wrong).toEqual([]);
    }
  });

  it('includes pixels exactly at the radius', () => {
    const plane = blank(5, 5);
    drawStroke(plane, { value: 1, radius: 2, points: [[2, 2]] });
    expect(shown(plane)).toEqual(['..1..', '.111.', '11111', '.111.', '..1..']);
  });

  it('leaves the plane alone where the stroke is outside', () => {
    const plane = blank(4, 4);
    expect(drawStroke(plane, { value: 1, radius: 3, points: [[-9, 2]] })).toBeUndefined();
    expect(plane.data.every((value) => value === 255)).toBe(true);
  });
});

describe('fillOutline', () => {
  it('fills the inside by the even-odd rule', () => {
    const plane = blank(6, 5);
    const box = fillOutline(
      plane,
      [
        [0.5, 0.5],
        [4.5, 0.5],
        [4.5, 3.5],
        [0.5, 3.5],
      ],
      1,
    );
    expect(shown(plane)).toEqual(['......', '.1111.', '.1111.', '.1111.', '......']);
    expect(box).toEqual({ x0: 1, y0: 1, x1: 4, y1: 3 });
  });
});

describe('floodFill', () => {
  it('fills the connected pixels of one value', () => {
    const plane = blank(5, 4);
    drawStroke(plane, {
      value: 1,
      radius: 0,
      points: [
        [2, 0],
        [2, 2],
      ],
    });
    expect(floodFill(plane, [0, 0], 0)).toEqual({ x0: 0, y0: 0, x1: 4, y1: 3 });
    expect(shown(plane)).toEqual(['00100', '00100', '00100', '00000']);
    expect(floodFill(plane, [0, 0], 0)).toBeUndefined();
    expect(floodFill(plane, [9, 0], 0)).toBeUndefined();
  });
});
