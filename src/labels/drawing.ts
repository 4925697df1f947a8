/** Drawing brush strokes into a plane of classes, by the pixels that the page sets too (stroke.ts). */
import { type Stroke, strokeRuns } from './stroke.js';

/** A class for every pixel, rows from the top (H×W). */
export interface LabelPlane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

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
