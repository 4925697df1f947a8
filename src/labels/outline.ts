/** The pixels inside a closed outline. The studio's page and its server both fill with this function. */

export type Point = readonly [x: number, y: number];

/**
 * Calls `paint` for runs of pixels in one row, from `start` up to but excluding `end`: those whose centres lie inside
 * the closed outline by the non-zero rule, so a loop that crosses itself has no holes. Pixel (x, y) has its centre at
 * exactly [x, y]. Rows come from top to bottom, and runs do not overlap.
 */
export function outlineRuns(
  outline: readonly Point[],
  width: number,
  height: number,
  paint: (y: number, start: number, end: number) => void,
): void {
  /** By row, where edges cross it, and whether they go down (1) or up (−1). */
  const crossings = new Map<number, [x: number, direction: number][]>();
  let top = height;
  let bottom = -1;
  for (const [i, b] of outline.entries()) {
    const a = outline[(i || outline.length) - 1]!;
    const [[fromX, fromY], [toX, toY], direction] = a[1] < b[1] ? [a, b, 1] : [b, a, -1];
    // The upper end counts and the lower one does not, so a corner is crossed once.
    const first = Math.max(0, Math.ceil(fromY));
    const last = Math.min(height - 1, Math.ceil(toY) - 1);
    for (let y = first; y <= last; y++) {
      const x = fromX + ((y - fromY) * (toX - fromX)) / (toY - fromY);
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
