/**
 * The number of pixels in the convex hull of an object, as scikit-image counts them: the hull of the midpoints of all
 * pixel edges, and the pixels whose centres are inside or on it. All arithmetic is on whole numbers.
 */

/**
 * @param firsts the first column of the object in each of its rows, or a number above `lasts` for a row without pixels.
 * @param lasts the last column in each row.
 */
export function convexArea(firsts: Int32Array, lasts: Int32Array): number {
  // Coordinates are doubled, so that the midpoints of edges are whole numbers.
  const left = chain(firsts, -1);
  const right = chain(lasts, 1);
  let area = 0;
  for (let row = 0, l = 0, r = 0; row < firsts.length; row++) {
    const y = 2 * row;
    while (left[l + 1]!.y < y) l++;
    while (right[r + 1]!.y < y) r++;
    const from = ceilDivide(...crossing(left[l]!, left[l + 1]!, y));
    const to = floorDivide(...crossing(right[r]!, right[r + 1]!, y));
    area += Math.max(0, to - from + 1);
  }
  return area;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** One side of the hull from top to bottom (Andrew's monotone chain). `side` is −1 for the left and 1 for the right. */
function chain(columns: Int32Array, side: -1 | 1): Point[] {
  const points: Point[] = [];
  const add = (point: Point): void => {
    while (points.length >= 2) {
      const [a, b] = [points[points.length - 2]!, points[points.length - 1]!];
      const turn = (b.y - a.y) * (point.x - a.x) - (b.x - a.x) * (point.y - a.y);
      // The middle point is inside or on the line.
      if (side * turn < 0) break;
      points.pop();
    }
    points.push(point);
  };
  const rows = columns.length;
  // In each line of doubled coordinates the outermost point is enough.
  for (let y = -1; y <= 2 * rows - 1; y++) {
    let x = -side * Infinity;
    const consider = (column: number | undefined, offset: number): void => {
      if (column === undefined || column === EMPTY || column === -EMPTY) return;
      const at = 2 * column + offset;
      if (side * at > side * x) x = at;
    };
    if (y % 2 === 0) consider(columns[y / 2], side);
    else {
      consider(columns[(y - 1) / 2], 0);
      consider(columns[(y + 1) / 2], 0);
    }
    if (Number.isFinite(x)) add({ x, y });
  }
  return points;
}

/** Marks a row without pixels: as a first column, and negated as a last one. */
export const EMPTY = 2 ** 31 - 1;

/** The column at which the line from `a` to `b` crosses `y`, as a fraction. */
function crossing(a: Point, b: Point, y: number): [numerator: number, denominator: number] {
  // Halved, since columns are doubled.
  return [a.x * (b.y - a.y) + (y - a.y) * (b.x - a.x), 2 * (b.y - a.y)];
}

const floorDivide = (n: number, d: number): number => Math.floor(n / d);
const ceilDivide = (n: number, d: number): number => Math.ceil(n / d);
