/**
 * Drawing labels into a plane of classes: brush strokes, by the pixels that the page sets too (stroke.ts), and the
 * inside of outlines.
 */
import { type Stroke, strokeRuns } from './stroke.js';

/** A class for every pixel, rows from the top (H×W). */
export interface LabelPlane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export type Point = readonly [x: number, y: number];

/** Pixels from (x0, y0) to (x1, y1), both included. */
export interface PixelBox {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** Draws a stroke. Returns the changed box; undefined if the stroke lies outside the plane. */
export function drawStroke({ width, height, data }: LabelPlane, stroke: Stroke): PixelBox | undefined {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  strokeRuns(stroke, width, height, (y, start, end) => {
    data.fill(stroke.class, y * width + start, y * width + end);
    x0 = Math.min(x0, start);
    x1 = Math.max(x1, end - 1);
    y0 = Math.min(y0, y);
    y1 = Math.max(y1, y);
  });
  return x1 < x0 ? undefined : { x0, y0, x1, y1 };
}

/**
 * Calls `span` for the inside of an outline (even-odd rule): pixels whose centres are inside,
 * from `from` to `to`, both included.
 */
export function outlineSpans(
  { width, height }: Pick<LabelPlane, 'width' | 'height'>,
  outline: readonly Point[],
  span: (y: number, from: number, to: number) => void,
): void {
  const rows = outline.map(([, y]) => y);
  const first = Math.max(0, Math.ceil(Math.min(...rows)));
  const last = Math.min(height - 1, Math.floor(Math.max(...rows)));
  for (let y = first; y <= last; y++) {
    const crossings: number[] = [];
    outline.forEach(([ax, ay], i) => {
      const [bx, by] = outline[(i + 1) % outline.length]!;
      // Half open, so that a corner between two edges counts once.
      if (ay <= y === by <= y) return;
      crossings.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, Math.ceil(crossings[i]!));
      const to = Math.min(width - 1, Math.floor(crossings[i + 1]!));
      if (from <= to) span(y, from, to);
    }
  }
}
