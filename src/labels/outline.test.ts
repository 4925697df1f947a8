import { describe, expect, it } from 'vitest';
import { outlineRuns, type Point } from './outline.js';

function inside(outline: readonly Point[], width = 8, height = 6): string[] {
  const rows = Array.from({ length: height }, () => '.'.repeat(width));
  outlineRuns(outline, width, height, (y, start, end) => {
    rows[y] = rows[y]!.slice(0, start) + '#'.repeat(end - start) + rows[y]!.slice(end);
  });
  return rows;
}

describe('outlineRuns', () => {
  it('covers the pixels whose centres are inside, in either direction', () => {
    const expected = ['........', '..###...', '..###...', '..###...', '........', '........'];
    const square: Point[] = [
      [1.5, 0.5],
      [4.5, 0.5],
      [4.5, 3.5],
      [1.5, 3.5],
    ];
    expect(inside(square)).toEqual(expected);
    expect(inside([...square].reverse())).toEqual(expected);
  });

  it('has no holes where the line crosses itself, and ends at the edges of the image', () => {
    const twice: Point[] = [
      [-5, -5],
      [20, -5],
      [20, 20],
      [-5, 20],
    ];
    expect(inside([...twice, ...twice])).toEqual(Array.from({ length: 6 }, () => '########'));
    expect(inside([[20, 20]])).toEqual(inside([]));
  });

  it('finds the pixels of a slanted edge', () => {
    const slanted: Point[] = [
      [0.5, 0.5],
      [4.5, 0.5],
      [4.5, 2.5],
      [-3, 2.5],
    ];
    expect(inside(slanted, 6, 4)).toEqual(['......', '#####.', '#####.', '......']);
  });
});
