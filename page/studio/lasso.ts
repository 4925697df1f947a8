/** The pixels inside a line that is drawn around them. */
import type { Point } from './viewport.js';

/**
 * Calls `paint` for runs of pixels in one row, from `start` up to but excluding `end`: those whose centres lie inside
 * the closed polygon by the non-zero rule, so a loop that crosses itself has no holes. Pixel (x, y) has its centre at
 * (x, y). Rows come from top to bottom.
 */
export function lassoRuns(
  points: readonly Point[],
  width: number,
  height: number,
  paint: (y: number, start: number, end: number) => void,
): void {
  /** By row, where edges cross it, and whether they go down (1) or up (−1). */
  const crossings = new Map<number, [x: number, direction: number][]>();
  let top = height;
  let bottom = -1;
  for (const [i, b] of points.entries()) {
    const a = points[(i || points.length) - 1]!;
    const [from, to, direction] = a.y < b.y ? [a, b, 1] : [b, a, -1];
    // The upper end counts and the lower one does not, so a corner is crossed once.
    const first = Math.max(0, Math.ceil(from.y));
    const last = Math.min(height - 1, Math.ceil(to.y) - 1);
    for (let y = first; y <= last; y++) {
      const x = from.x + ((y - from.y) * (to.x - from.x)) / (to.y - from.y);
      const row = crossings.get(y);
      if (row) row.push([x, direction]);
      else crossings.set(y, [[x, direction]]);
    }
    if (first <= last) {
      top = Math.min(top, first);
      bottom = Math.max(bottom, last);
    }
  }
  for (let y = top; y <= bottom; y++) {
    const row = (crossings.get(y) ?? []).sort(([a], [b]) => a - b);
    let winding = 0;
    for (let i = 0; i < row.length - 1; i++) {
      winding += row[i]![1];
      if (winding === 0) continue;
      const start = Math.max(0, Math.ceil(row[i]![0]));
      const end = Math.min(width, Math.ceil(row[i + 1]![0]));
      if (start < end) paint(y, start, end);
    }
  }
}
