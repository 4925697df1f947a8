/**
 * The pixels of a brush stroke. The studio's page and its server both paint with this function, so a stroke gives
 * the same labels on both sides, bit for bit: it uses only +, −, ×, ÷ and the square root, which IEEE 754 defines
 * to the last bit.
 */

/** A brush stroke as the studio's endpoints exchange it. */
export interface Stroke {
  /** The class to paint, or 255 to erase. */
  readonly class: number;
  /** Half the brush's width in pixels. 0 paints single pixels. */
  readonly radius: number;
  /** The line of the stroke in pixels. Pixel (x, y) has its centre at exactly [x, y]. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/**
 * Calls `paint` for runs of pixels in one row, from `start` up to but excluding `end`. Together the runs cover every
 * pixel of a `width`×`height` image whose centre is within the radius of the line, and the pixels that contain the
 * points. Runs may overlap. A stroke that is split at one of its points covers the same pixels.
 */
export function strokeRuns(
  { radius, points }: Pick<Stroke, 'radius' | 'points'>,
  width: number,
  height: number,
  paint: (y: number, start: number, end: number) => void,
): void {
  const run = (y: number, first: number, last: number) => {
    const start = Math.max(0, first);
    const end = Math.min(width, last + 1);
    if (start < end && y >= 0 && y < height) paint(y, start, end);
  };
  for (const [i, to] of points.entries()) {
    const nearest = [Math.round(to[0]), Math.round(to[1])] as const;
    run(nearest[1], nearest[0], nearest[0]);
    segmentRuns(points[Math.max(0, i - 1)]!, to, radius, height, run);
  }
}

/** Paints a stroke into a plane of labels. */
export function paintStroke(plane: Uint8Array, width: number, height: number, stroke: Stroke): void {
  strokeRuns(stroke, width, height, (y, start, end) =>
    plane.fill(stroke.class, y * width + start, y * width + end),
  );
}

/**
 * The rows of a disc that is swept from `a` to `b`. The shape is convex, so a row is one run: from the least to the
 * greatest x of the two discs and of the rectangle between them.
 */
function segmentRuns(
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
  radius: number,
  height: number,
  run: (y: number, first: number, last: number) => void,
): void {
  const length = Math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay));
  const normalX = length === 0 ? 0 : (-(by - ay) * radius) / length;
  const normalY = length === 0 ? 0 : ((bx - ax) * radius) / length;
  const corners = [
    [ax + normalX, ay + normalY],
    [bx + normalX, by + normalY],
    [bx - normalX, by - normalY],
    [ax - normalX, ay - normalY],
  ] as const;
  const top = Math.max(0, Math.ceil(Math.min(ay, by) - radius));
  const bottom = Math.min(height - 1, Math.floor(Math.max(ay, by) + radius));
  for (let y = top; y <= bottom; y++) {
    let least = Infinity;
    let greatest = -Infinity;
    const include = (x: number) => {
      if (x < least) least = x;
      if (x > greatest) greatest = x;
    };
    const disc = (cx: number, cy: number) => {
      const square = radius * radius - (y - cy) * (y - cy);
      if (square < 0) return;
      include(cx - Math.sqrt(square));
      include(cx + Math.sqrt(square));
    };
    disc(ax, ay);
    disc(bx, by);
    for (let i = 0; i < 4; i++) {
      const [x0, y0] = corners[i]!;
      const [x1, y1] = corners[(i + 1) % 4]!;
      if (y0 !== y1 && y >= Math.min(y0, y1) && y <= Math.max(y0, y1)) {
        include(x0 + ((y - y0) * (x1 - x0)) / (y1 - y0));
      }
    }
    run(y, Math.ceil(least), Math.floor(greatest));
  }
}
