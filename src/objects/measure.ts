/**
 * Measurements of the objects in a label image, equal to scikit-image's `regionprops` (0.19), whose names they have.
 * All objects are measured together in a few passes over the pixels, so time does not grow with their number.
 */
import { convexArea, EMPTY } from './convex-hull.js';
import type { IndexedLabels, LabelImage } from './label-image.js';
import { indexLabels } from './label-image.js';

/** The intensities of an object in one channel. */
export interface Intensity {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** The sum over its pixels. */
  readonly total: number;
}

/** Lengths and areas are in pixels. */
export interface ObjectMeasurements {
  /** Its number in the label image. */
  readonly label: number;
  readonly area: number;
  /** As `skimage.measure.perimeter` with 4 neighbours (Benkrid and Crookes, 2000). */
  readonly perimeter: number;
  readonly centroid: readonly [row: number, column: number];
  /** Half-open: rows and columns from `min` to before `max`. */
  readonly bbox: readonly [minRow: number, minColumn: number, maxRow: number, maxColumn: number];
  /** The axes of the ellipse with the same second moments. */
  readonly axisMajorLength: number;
  readonly axisMinorLength: number;
  /** Radians from the rows' axis (down) to the major axis, −π/2 … π/2, counter-clockwise. */
  readonly orientation: number;
  /** Of that ellipse: 0 for a circle, towards 1 for a line. */
  readonly eccentricity: number;
  /** Area by the area of the convex hull. */
  readonly solidity: number;
  /** Area by the area of the bounding box. */
  readonly extent: number;
  /** The diameter of a circle of the same area. */
  readonly equivalentDiameterArea: number;
  /** 8-connected pieces less holes. */
  readonly eulerNumber: number;
  /** Of each channel of the image, if one is given. */
  readonly intensity: readonly Intensity[];
  /** The mean of a map of probabilities over the object, if one is given. */
  readonly meanProbability?: number;
  /** Whether it has a pixel on the border of the image, so that it may be cut off. */
  readonly touchesBorder: boolean;
}

export interface MeasureOptions {
  /** H×W×C. */
  readonly image?: { readonly channels: number; readonly data: ArrayLike<number> } | undefined;
  /** H×W. */
  readonly probability?: ArrayLike<number> | undefined;
}

/** Measures the objects in a label image, in the order of their numbers. The background, 0, is not measured. */
export function measureObjects(
  labels: LabelImage,
  { image, probability }: MeasureOptions = {},
): ObjectMeasurements[] {
  const indexed = indexLabels(labels);
  const { width, height, numbers } = indexed;
  const moments = momentsOf(indexed);
  const convex = convexAreasOf(indexed, moments);
  const perimeters = perimetersOf(indexed);
  const euler = eulerNumbersOf(indexed);
  const intensities = Array.from({ length: image?.channels ?? 0 }, (_, c) =>
    intensitiesOf(indexed, moments.area, image!.data, image!.channels, c),
  );
  const probabilities = probability && intensitiesOf(indexed, moments.area, probability, 1, 0);
  return numbers.map((label, k): ObjectMeasurements => {
    const area = moments.area[k]!;
    const bbox = [moments.top[k]!, moments.left[k]!, moments.bottom[k]! + 1, moments.right[k]! + 1] as const;
    const [top, left, bottom, right] = bbox;
    return {
      label,
      area,
      perimeter: perimeters[k]!,
      centroid: [top + moments.rows[k]! / area, left + moments.columns[k]! / area],
      bbox,
      ...ellipseOf(moments, k),
      solidity: area / convex[k]!,
      extent: area / ((bottom - top) * (right - left)),
      equivalentDiameterArea: Math.sqrt((4 * area) / Math.PI),
      eulerNumber: euler[k]!,
      intensity: intensities.map((channel) => channel(k)),
      ...(probabilities && { meanProbability: probabilities(k).mean }),
      touchesBorder: top === 0 || left === 0 || bottom === height || right === width,
    };
  });
}

/** By index of the object. Rows and columns are counted from the top left corner of its bounding box. */
interface Moments {
  readonly area: Float64Array;
  readonly top: Int32Array;
  readonly left: Int32Array;
  readonly bottom: Int32Array;
  readonly right: Int32Array;
  /** Sums over the pixels of row, column, and their products. */
  readonly rows: Float64Array;
  readonly columns: Float64Array;
  readonly rowRow: Float64Array;
  readonly columnColumn: Float64Array;
  readonly rowColumn: Float64Array;
}

function momentsOf({ width, height, numbers, indices }: IndexedLabels): Moments {
  const count = numbers.length;
  const sums = () => new Float64Array(count);
  const [top, left] = [new Int32Array(count).fill(height), new Int32Array(count).fill(width)];
  const [bottom, right] = [new Int32Array(count).fill(-1), new Int32Array(count).fill(-1)];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const k = indices[i]!;
      if (k < 0) continue;
      if (y < top[k]!) top[k] = y;
      bottom[k] = y;
      if (x < left[k]!) left[k] = x;
      if (x > right[k]!) right[k] = x;
    }
  }
  // Relative to the bounding box, so that the sums of all but enormous objects are exact whole numbers.
  const area = sums();
  const [rows, columns, rowRow, columnColumn, rowColumn] = [sums(), sums(), sums(), sums(), sums()];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const k = indices[i]!;
      if (k < 0) continue;
      const r = y - top[k]!;
      const c = x - left[k]!;
      area[k]!++;
      rows[k]! += r;
      columns[k]! += c;
      rowRow[k]! += r * r;
      columnColumn[k]! += c * c;
      rowColumn[k]! += r * c;
    }
  }
  return { area, top, left, bottom, right, rows, columns, rowRow, columnColumn, rowColumn };
}

/** Below this share of the larger variance, a difference of variances is rounding: the object has no direction. */
const ROUNDING = 1e-12;

function ellipseOf(
  m: Moments,
  k: number,
): Pick<ObjectMeasurements, 'axisMajorLength' | 'axisMinorLength' | 'orientation' | 'eccentricity'> {
  const area = m.area[k]!;
  const [row, column] = [m.rows[k]! / area, m.columns[k]! / area];
  const rowVariance = m.rowRow[k]! / area - row * row;
  const columnVariance = m.columnColumn[k]! / area - column * column;
  const covariance = m.rowColumn[k]! / area - row * column;
  const half = (rowVariance + columnVariance) / 2;
  const root = Math.hypot((rowVariance - columnVariance) / 2, covariance);
  const floor = ROUNDING * Math.max(1, half);
  const positive = (value: number): number => (value < floor ? 0 : value);
  const [major, minor] = [positive(half + root), positive(half - root)];
  const difference = rowVariance - columnVariance;
  const orientation =
    Math.abs(difference) < floor
      ? // As its later versions: 0.19 has the signs the other way round.
        Math.PI / (covariance < -floor ? -4 : 4)
      : 0.5 * Math.atan2(2 * covariance, difference);
  return {
    axisMajorLength: 4 * Math.sqrt(major),
    axisMinorLength: 4 * Math.sqrt(minor),
    orientation,
    eccentricity: major === 0 ? 0 : Math.sqrt(1 - minor / major),
  };
}

function convexAreasOf({ width, height, numbers, indices }: IndexedLabels, m: Moments): Float64Array {
  const starts = new Int32Array(numbers.length + 1);
  for (let k = 0; k < numbers.length; k++) starts[k + 1] = starts[k]! + m.bottom[k]! - m.top[k]! + 1;
  const total = starts[numbers.length]!;
  const firsts = new Int32Array(total).fill(EMPTY);
  const lasts = new Int32Array(total).fill(-EMPTY);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const k = indices[i]!;
      if (k < 0) continue;
      const at = starts[k]! + y - m.top[k]!;
      if (firsts[at] === EMPTY) firsts[at] = x;
      lasts[at] = x;
    }
  }
  return Float64Array.from(numbers, (_, k) =>
    convexArea(firsts.subarray(starts[k]!, starts[k + 1]), lasts.subarray(starts[k]!, starts[k + 1])),
  );
}

/**
 * The weight of an edge pixel by 10·(edge pixels at its corners) + 2·(at its sides) + 1, from the reference
 * implementation.
 */
const PERIMETER_WEIGHTS = new Float64Array(50);
for (const code of [5, 7, 15, 17, 25, 27]) PERIMETER_WEIGHTS[code] = 1;
for (const code of [21, 33]) PERIMETER_WEIGHTS[code] = Math.SQRT2;
for (const code of [13, 23]) PERIMETER_WEIGHTS[code] = (1 + Math.SQRT2) / 2;

function perimetersOf({ width, height, numbers, indices }: IndexedLabels): Float64Array {
  // 1 for pixels with a side that is not their object's.
  const edge = new Uint8Array(indices.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const k = indices[i]!;
      if (k < 0) continue;
      const inside =
        x > 0 &&
        x < width - 1 &&
        y > 0 &&
        y < height - 1 &&
        indices[i - 1] === k &&
        indices[i + 1] === k &&
        indices[i - width] === k &&
        indices[i + width] === k;
      if (!inside) edge[i] = 1;
    }
  }
  const perimeters = new Float64Array(numbers.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (edge[i] === 0) continue;
      const k = indices[i]!;
      const at = (dx: number, dy: number): number => {
        if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) return 0;
        const j = i + dy * width + dx;
        return indices[j] === k ? edge[j]! : 0;
      };
      const sides = at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1);
      const corners = at(-1, -1) + at(1, -1) + at(-1, 1) + at(1, 1);
      perimeters[k]! += PERIMETER_WEIGHTS[1 + 2 * sides + 10 * corners]!;
    }
  }
  return perimeters;
}

/**
 * Euler numbers by bit quads (Gray, "Local properties of binary images in two dimensions", 1971): a quarter of the 2×2
 * windows with one pixel of the object, less those with three, less twice those with two at opposite corners.
 */
function eulerNumbersOf({ width, height, numbers, indices }: IndexedLabels): Float64Array {
  const quads = new Float64Array(numbers.length);
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      const i = y * width + x;
      const a = y > 0 && x > 0 ? indices[i - width - 1]! : -1;
      const b = y > 0 && x < width ? indices[i - width]! : -1;
      const c = y < height && x > 0 ? indices[i - 1]! : -1;
      const d = y < height && x < width ? indices[i]! : -1;
      if (a === b && a === c && a === d) continue;
      const add = (k: number): void => {
        const count = Number(a === k) + Number(b === k) + Number(c === k) + Number(d === k);
        if (count === 1) quads[k]!++;
        else if (count === 3) quads[k]!--;
        else if (count === 2 && (a === k) === (d === k)) quads[k]! -= 2;
      };
      if (a >= 0) add(a);
      if (b >= 0 && b !== a) add(b);
      if (c >= 0 && c !== a && c !== b) add(c);
      if (d >= 0 && d !== a && d !== b && d !== c) add(d);
    }
  }
  return quads.map((sum) => sum / 4);
}

function intensitiesOf(
  { numbers, indices }: IndexedLabels,
  area: Float64Array,
  values: ArrayLike<number>,
  channels: number,
  channel: number,
): (k: number) => Intensity {
  const total = new Float64Array(numbers.length);
  const min = new Float64Array(numbers.length).fill(Infinity);
  const max = new Float64Array(numbers.length).fill(-Infinity);
  for (let i = 0, at = channel; i < indices.length; i++, at += channels) {
    const k = indices[i]!;
    if (k < 0) continue;
    const value = values[at]!;
    total[k]! += value;
    if (value < min[k]!) min[k] = value;
    if (value > max[k]!) max[k] = value;
  }
  return (k) => ({ mean: total[k]! / area[k]!, min: min[k]!, max: max[k]!, total: total[k]! });
}
