/**
 * Converts masks to polygons along pixel edges, and to GeoJSON. The polygons are not smoothed, so filling them
 * reproduces the mask exactly.
 *
 * Polygons are 4-connected: pixels that touch only at a corner belong to different polygons. A ring that returns to
 * one of its own corners is split there. Every ring is therefore simple, as OGC's Simple Features (ISO 19125)
 * require.
 */
import { backgroundClass } from '../images/palette.js';
import type { ClassMask } from '../images/raster.js';
import { IGNORE_INDEX } from '../images/raster.js';
import { classesInSets, planeOf } from '../labels/label-set.js';
import { connectedComponents, type ValueMask } from '../objects/index.js';

/** A corner of a pixel: x to the right, y down; (0, 0) is the top left corner of the image. */
export type Corner = readonly [x: number, y: number];

/** A closed ring; the first corner is not repeated at the end. */
export type Ring = readonly Corner[];

/** A connected component of one class. */
export interface MaskPolygon {
  /** Class index. */
  readonly value: number;
  /** Number of pixels, without holes. */
  readonly area: number;
  /**
   * The outline, then its holes. The sum of xᵢ·yᵢ₊₁ − xᵢ₊₁·yᵢ is positive for the outline and negative for a hole
   * (the right-hand rule of RFC 7946).
   */
  readonly rings: readonly Ring[];
}

export interface PolygonOptions {
  /** The class without polygons, or null. Default: the class named `background` if names are given, otherwise 0. */
  readonly background?: number | null | undefined;
  /** Whether the mask holds sets of overlapping classes: then each class has polygons of its own. Default false. */
  readonly multiLabel?: boolean | undefined;
}

/**
 * Returns the polygons of every class except the background, sorted by first pixel (of overlapping classes by class
 * first). Ignored pixels have none.
 */
export function maskToPolygons(
  mask: ValueMask,
  { background = 0, multiLabel }: PolygonOptions = {},
): MaskPolygon[] {
  if (multiLabel === true) {
    const sets = Uint8Array.from(mask.data);
    return classesInSets(sets).flatMap((k) =>
      maskToPolygons({ ...mask, data: planeOf(sets, k) }).map((polygon) => ({ ...polygon, value: k })),
    );
  }
  const { labels, components } = connectedComponents(mask, 'all');
  const outlined = components.map(({ value }) => value !== background && value !== IGNORE_INDEX);
  const rings = components.map((): Ring[] => []);
  const { width, height } = mask;
  const traced = new Uint8Array(width * height);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    // Every ring contains the upper edge of some pixel, so start from upper edges that no ring has passed.
    if (!outlined[label] || traced[i] === 1 || (i >= width && labels[i - width] === label)) continue;
    for (const ring of traceBoundary(labels, width, height, i, traced)) {
      // The outline is found before its holes, except when a ring is split.
      if (turnsRight(ring)) rings[label]!.unshift(ring);
      else rings[label]!.push(ring);
    }
  }
  return components.flatMap(({ value, area }, label) =>
    outlined[label] ? [{ value, area, rings: rings[label]! }] : [],
  );
}

/** Steps to the right, down, left and up, in clockwise order. */
const STEP_X = [1, 0, -1, 0] as const;
const STEP_Y = [0, 1, 0, -1] as const;

/**
 * Traces the boundary of a component clockwise from the upper edge of pixel `first` back to that edge. Marks the
 * pixels whose upper edges it passes in `traced`.
 */
function traceBoundary(
  labels: Int32Array,
  width: number,
  height: number,
  first: number,
  traced: Uint8Array,
): Corner[][] {
  const label = labels[first]!;
  const isInside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && labels[y * width + x] === label;
  const rings: Corner[][] = [];
  const open: Corner[] = [];
  // Positions in `open` of the corners that the trace may pass twice.
  const crossings = new Map<number, number>();
  let [px, py] = [first % width, Math.floor(first / width)];
  let [x, y] = [px, py];
  let heading = 0;
  do {
    if (heading === 0) traced[py * width + px] = 1;
    x += STEP_X[heading]!;
    y += STEP_Y[heading]!;
    const [aheadX, aheadY] = [px + STEP_X[heading]!, py + STEP_Y[heading]!];
    const left = (heading + 3) % 4;
    const [besideX, besideY] = [aheadX + STEP_X[left]!, aheadY + STEP_Y[left]!];
    const beside = isInside(besideX, besideY);
    if (!isInside(aheadX, aheadY)) {
      heading = (heading + 1) % 4;
      if (beside) splitAt(x, y);
      open.push([x, y]);
    } else if (beside) {
      open.push([x, y]);
      heading = left;
      [px, py] = [besideX, besideY];
    } else {
      [px, py] = [aheadX, aheadY];
    }
  } while (heading !== 0 || py * width + px !== first);
  rings.push(open);
  return rings;

  /** At this corner, two pixels of the component touch only diagonally. The second visit closes a ring. */
  function splitAt(cornerX: number, cornerY: number): void {
    const corner = cornerY * (width + 1) + cornerX;
    const since = crossings.get(corner);
    if (since !== undefined) {
      const ring = open.splice(since);
      for (const [rx, ry] of ring) crossings.delete(ry * (width + 1) + rx);
      rings.push(ring);
    }
    crossings.set(corner, open.length);
  }
}

/** Whether the signed area is positive. */
function turnsRight(ring: Ring): boolean {
  let doubled = 0;
  ring.forEach(([x, y], i) => {
    const [nextX, nextY] = ring[(i + 1) % ring.length]!;
    doubled += x * nextY - nextX * y;
  });
  return doubled > 0;
}

/** A mask as GeoJSON (RFC 7946). */
export interface MaskFeatures {
  readonly type: 'FeatureCollection';
  readonly features: readonly MaskFeature[];
}

export interface MaskFeature {
  readonly type: 'Feature';
  readonly properties: {
    /** Class name. */
    readonly class: string;
    /** Class index. */
    readonly index: number;
    /** Number of pixels. */
    readonly area: number;
  };
  readonly geometry: { readonly type: 'Polygon'; readonly coordinates: readonly (readonly Corner[])[] };
}

/**
 * Converts the polygons of a mask to a GeoJSON FeatureCollection. Coordinates are pixels, x to the right and y down;
 * map viewers, whose y axis points up, show them upside down. Rings repeat their first corner at the end.
 *
 * @param classes class names by index; a class without a name is named by its index.
 */
export function maskToGeoJson(
  mask: ClassMask,
  classes: readonly string[],
  options: PolygonOptions = {},
): MaskFeatures {
  const { background = backgroundClass(classes), multiLabel } = options;
  const features = maskToPolygons(mask, { background, multiLabel }).map(
    ({ value, area, rings }): MaskFeature => {
      const coordinates = rings.map((ring) => [...ring, ring[0]!]);
      return {
        type: 'Feature',
        properties: { class: classes[value] ?? `class ${value}`, index: value, area },
        geometry: { type: 'Polygon', coordinates },
      };
    },
  );
  return { type: 'FeatureCollection', features };
}
