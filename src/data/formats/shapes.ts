/** Shapes that labelling tools draw, and class masks made of them, column by column, with memory for one mask. */
import { PixelwiseError } from '../../errors/index.js';
import { type ClassMask, IGNORE_INDEX, type MaskPixels } from '../../images/raster.js';
import { objectCode, type ObjectMask } from '../../objects/index.js';
import { polygonRuns } from './polygon.js';
import { decompressCounts, type EmitRun, type RleSize, rleRuns } from './rle.js';

export type Shape =
  /** Rings of x0, y0, x1, y1 … in pixels. `holes`: a ring within another is a hole; otherwise rings add up. */
  | { readonly kind: 'rings'; readonly rings: readonly (readonly number[])[]; readonly holes?: boolean }
  /** COCO's run lengths, as numbers or compressed. */
  | { readonly kind: 'runs'; readonly counts: readonly number[] | string; readonly size: RleSize }
  /** Pixels of a box; `inside` is not 0 where they belong to the shape. */
  | {
      readonly kind: 'bitmap';
      readonly left: number;
      readonly top: number;
      readonly width: number;
      readonly height: number;
      readonly inside: Uint8Array;
    };

export interface DrawnShape {
  /** The class, or with `sets` the set of it, or IGNORE_INDEX. */
  readonly value: number;
  readonly shape: Shape;
  /** Drawn beneath all others. */
  readonly beneath?: boolean | undefined;
}

/** Emits the pixels of a shape as runs down the columns. Throws `polygon` or `rle` for a shape that is none. */
export function shapeRuns(shape: Shape, size: RleSize, emit: EmitRun): void {
  switch (shape.kind) {
    case 'rings':
      if (shape.holes === true) polygonRuns(shape.rings, size, emit);
      else for (const ring of shape.rings) polygonRuns([ring], size, emit);
      return;
    case 'runs':
      if (shape.size.height !== size.height || shape.size.width !== size.width) {
        throw new PixelwiseError(
          'rle',
          `A code for ${shape.size.width}×${shape.size.height} in an image of ${size.width}×${size.height}.`,
        );
      }
      rleRuns(typeof shape.counts === 'string' ? decompressCounts(shape.counts) : shape.counts, size, emit);
      return;
    case 'bitmap':
      bitmapRuns(shape, size, emit);
  }
}

function bitmapRuns(
  { left, top, width, height, inside }: Shape & { kind: 'bitmap' },
  size: RleSize,
  emit: EmitRun,
): void {
  for (let x = Math.max(0, -left); x < width && left + x < size.width; x++) {
    const rows = Math.min(height, size.height - top);
    for (let y = Math.max(0, -top); y < rows; y++) {
      if (inside[y * width + x] === 0) continue;
      const from = y;
      while (y < rows && inside[y * width + x] !== 0) y++;
      emit(left + x, top + from, top + y);
    }
  }
}

interface DrawOptions {
  readonly smallerOnTop?: boolean;
  /** Whether values are sets, of which pixels get the union. */
  readonly sets?: boolean;
  readonly onBad?: (shape: DrawnShape, error: PixelwiseError) => void;
}

/**
 * Draws shapes into a class mask in the order given, or with the smaller on top. With `sets` none covers another: a
 * pixel gets the union of its shapes' values. What lies outside of every shape is 0. Shapes that cannot be drawn are passed to `onBad` and left out.
 */
export function drawShapes(
  shapes: readonly DrawnShape[],
  size: RleSize,
  options: DrawOptions = {},
): ClassMask {
  return drawInto(new Uint8Array(size.width * size.height), shapes, size, options);
}

/** As {@link drawShapes}, with the code of each shape as an object of its own; class 0 and ignored shapes are none. */
export function drawObjects(
  shapes: readonly DrawnShape[],
  size: RleSize,
  options: DrawOptions = {},
): ObjectMask {
  const coded = shapes.map((drawn, k) =>
    drawn.value === 0 || drawn.value === IGNORE_INDEX
      ? drawn
      : { ...drawn, value: objectCode(k + 1, drawn.value) },
  );
  return drawInto(new Uint32Array(size.width * size.height), coded, size, options);
}

function drawInto<T extends MaskPixels>(
  data: T,
  shapes: readonly DrawnShape[],
  size: RleSize,
  { smallerOnTop = false, sets = false, onBad }: DrawOptions,
): { readonly width: number; readonly height: number; readonly data: T } {
  const areaOf = (drawn: DrawnShape): number | undefined => {
    let area = 0;
    try {
      shapeRuns(drawn.shape, size, (_, from, to) => (area += to - from));
    } catch (error) {
      if (!(error instanceof PixelwiseError)) throw error;
      onBad?.(drawn, error);
      return undefined;
    }
    return area;
  };
  const measured = shapes.flatMap((drawn) => {
    const area = areaOf(drawn);
    return area === undefined
      ? []
      : [{ drawn, rank: drawn.beneath === true ? Infinity : smallerOnTop ? area : 0 }];
  });
  measured.sort((a, b) => (a.rank === b.rank ? 0 : b.rank - a.rank));
  for (const { drawn } of measured) {
    const { value } = drawn;
    shapeRuns(drawn.shape, size, (x, from, to) => {
      for (let y = from, at = from * size.width + x; y < to; y++, at += size.width)
        data[at] = sets ? data[at]! | value : value;
    });
  }
  return { width: size.width, height: size.height, data };
}

/** A rectangle by two opposite corners. */
export function rectangle(x0: number, y0: number, x1: number, y1: number): Shape {
  return { kind: 'rings', rings: [[x0, y0, x1, y0, x1, y1, x0, y1]] };
}

/** An ellipse by its centre, radii and turn in radians, as a polygon of 64 corners. */
export function ellipse(cx: number, cy: number, rx: number, ry: number, turn = 0): Shape {
  const ring: number[] = [];
  for (let i = 0; i < 64; i++) {
    const angle = (i / 64) * 2 * Math.PI;
    const [x, y] = [rx * Math.cos(angle), ry * Math.sin(angle)];
    ring.push(cx + x * Math.cos(turn) - y * Math.sin(turn), cy + x * Math.sin(turn) + y * Math.cos(turn));
  }
  return { kind: 'rings', rings: [ring] };
}

/** A line with a thickness in pixels, as the polygons of its segments. */
export function thickLine(points: readonly number[], thickness: number): Shape {
  const rings: number[][] = [];
  for (let i = 0; i + 3 < points.length; i += 2) {
    const [x0, y0, x1, y1] = points.slice(i, i + 4) as [number, number, number, number];
    const length = Math.hypot(x1 - x0, y1 - y0) || 1;
    const [dx, dy] = [(-(y1 - y0) / length) * (thickness / 2), ((x1 - x0) / length) * (thickness / 2)];
    rings.push([x0 + dx, y0 + dy, x1 + dx, y1 + dy, x1 - dx, y1 - dy, x0 - dx, y0 - dy]);
  }
  return { kind: 'rings', rings };
}
