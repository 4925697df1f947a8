/**
 * Drawing labels into a plane of classes: brush strokes and filled outlines. The studio's page and its server both
 * draw with these functions, so that they agree on every pixel.
 *
 * Pixel (x, y) has its centre at (x, y): a stroke of radius 0 at (3, 4) sets that one pixel.
 */

/** A class for every pixel, rows from the top (H×W). */
export interface LabelPlane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export type Point = readonly [x: number, y: number];

/** A brush stroke: discs of a radius along the segments between points. */
export interface Stroke {
  /** Value to set. */
  readonly value: number;
  /** In pixels; 0 for a line one pixel wide. */
  readonly radius: number;
  readonly points: readonly Point[];
}

/** Pixels from (x0, y0) to (x1, y1), both included. */
export interface PixelBox {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** Called with the pixels `from` … `to` of row `y`, both included, all inside the plane. */
type Span = (y: number, from: number, to: number) => void;

/** Absorbs the rounding of square roots and quotients, so that a pixel exactly at the radius is inside. */
const TOLERANCE = 1e-9;

/** Draws a stroke. Returns the changed box; undefined if the stroke lies outside the plane. */
export function drawStroke(plane: LabelPlane, { value, radius, points }: Stroke): PixelBox | undefined {
  const { width, data } = plane;
  return withBox((note) => {
    const span: Span = (y, from, to) => {
      data.fill(value, y * width + from, y * width + to + 1);
      note(y, from, to);
    };
    points.forEach((point, i) => segmentSpans(plane, points[i - 1] ?? point, point, radius, span));
  });
}

/** Fills the inside of an outline (even-odd rule) with a value. Returns the changed box; undefined for none. */
export function fillOutline(
  plane: LabelPlane,
  outline: readonly Point[],
  value: number,
): PixelBox | undefined {
  const { width, data } = plane;
  return withBox((note) => {
    outlineSpans(plane, outline, (y, from, to) => {
      data.fill(value, y * width + from, y * width + to + 1);
      note(y, from, to);
    });
  });
}

/**
 * The connected pixels with the value at `start` get another value (four neighbours). Returns the changed box;
 * undefined if the point is outside the plane or already has the value.
 */
export function floodFill(plane: LabelPlane, start: Point, value: number): PixelBox | undefined {
  const { width, height, data } = plane;
  const [x, y] = start.map(Math.round) as [number, number];
  if (x < 0 || y < 0 || x >= width || y >= height) return undefined;
  const old = data[y * width + x]!;
  if (old === value) return undefined;
  return withBox((note) => {
    const stack: number[] = [y * width + x];
    while (stack.length > 0) {
      const at = stack.pop()!;
      if (data[at] !== old) continue;
      const row = Math.floor(at / width);
      let from = at;
      let to = at;
      while (from > row * width && data[from - 1] === old) from--;
      while (to < (row + 1) * width - 1 && data[to + 1] === old) to++;
      data.fill(value, from, to + 1);
      note(row, from - row * width, to - row * width);
      for (const next of [row - 1, row + 1]) {
        if (next < 0 || next >= height) continue;
        const shift = (next - row) * width;
        // One pixel of each run in the neighbouring row: the run is widened when it is taken from the stack.
        for (let i = from + shift; i <= to + shift; i++) {
          if (data[i] === old && (i === from + shift || data[i - 1] !== old)) stack.push(i);
        }
      }
    }
  });
}

/** Calls `span` for the inside of an outline (even-odd rule): pixels whose centres are inside. */
export function outlineSpans(
  { width, height }: Pick<LabelPlane, 'width' | 'height'>,
  outline: readonly Point[],
  span: Span,
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

/**
 * The pixels within `radius` of the segment from `a` to `b`: all discs along it at once. This shape is convex, so
 * each row is one span, which ends on a disc or on an edge of the rectangle between the discs.
 */
function segmentSpans(
  { width, height }: LabelPlane,
  [ax, ay]: Point,
  [bx, by]: Point,
  radius: number,
  span: Span,
): void {
  const reach = radius + TOLERANCE;
  const length = Math.hypot(bx - ax, by - ay);
  // Half the width of the rectangle, across the segment.
  const [nx, ny] = length === 0 ? [0, 0] : [(-(by - ay) / length) * radius, ((bx - ax) / length) * radius];
  const corners: readonly Point[] = [
    [ax + nx, ay + ny],
    [bx + nx, by + ny],
    [bx - nx, by - ny],
    [ax - nx, ay - ny],
  ];
  // A segment without a width is widened to the pixels nearest to it.
  const [top, bottom] = [Math.min(ay, by), Math.max(ay, by)];
  const first = Math.max(0, radius === 0 ? Math.round(top) : Math.ceil(top - reach));
  const last = Math.min(height - 1, radius === 0 ? Math.round(bottom) : Math.floor(bottom + reach));
  for (let y = first; y <= last; y++) {
    let from = Infinity;
    let to = -Infinity;
    const include = (x: number) => {
      if (x < from) from = x;
      if (x > to) to = x;
    };
    if (radius === 0) {
      thinSpan([ax, ay], [bx, by], y, include);
    } else {
      for (const [cx, cy] of [
        [ax, ay],
        [bx, by],
      ] as const) {
        const h = reach * reach - (y - cy) ** 2;
        if (h < 0) continue;
        include(cx - Math.sqrt(h));
        include(cx + Math.sqrt(h));
      }
      if (length > 0) {
        corners.forEach(([px, py], i) => {
          const [qx, qy] = corners[(i + 1) % 4]!;
          if (Math.min(py, qy) > y || Math.max(py, qy) < y || py === qy) return;
          include(px + ((y - py) / (qy - py)) * (qx - px));
        });
      }
    }
    if (from > to) continue;
    const left = Math.max(0, radius === 0 ? Math.round(from) : Math.ceil(from - TOLERANCE));
    const right = Math.min(width - 1, radius === 0 ? Math.round(to) : Math.floor(to + TOLERANCE));
    if (left <= right) span(y, left, right);
  }
}

/** Where a segment passes through row y, which reaches half a pixel up and down. */
function thinSpan([ax, ay]: Point, [bx, by]: Point, y: number, include: (x: number) => void): void {
  const at = (row: number) => ax + ((row - ay) / (by - ay)) * (bx - ax);
  const within = (row: number) => Math.max(Math.min(ay, by), Math.min(Math.max(ay, by), row));
  if (ay === by) {
    include(ax);
    include(bx);
    return;
  }
  // A steep segment sets one pixel a row, a flat one all that it passes.
  if (Math.abs(by - ay) >= Math.abs(bx - ax)) include(at(within(y)));
  else {
    include(at(within(y - 0.5)));
    include(at(within(y + 0.5)));
  }
}

/** Runs `draw` with a function that it tells its spans, and returns the box around them. */
function withBox(draw: (note: Span) => void): PixelBox | undefined {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  draw((y, from, to) => {
    if (from < x0) x0 = from;
    if (to > x1) x1 = to;
    if (y < y0) y0 = y;
    if (y > y1) y1 = y;
  });
  return x1 < x0 ? undefined : { x0, y0, x1, y1 };
}
