/**
 * Masks as outlines: polygons along the edges of pixels, and GeoJSON made of them. Nothing is smoothed, so the
 * polygons hold the very pixels of the mask, and filling them gives it back.
 *
 * The pixels of a polygon touch along edges. Those that touch at a corner alone are of two polygons, and a ring
 * that comes back to one of its own corners is split there: so every ring is simple, as OGC's Simple Features
 * (ISO 19125) want it.
 */
import { backgroundClass } from '../images/palette.js';
import type { ClassMask } from '../images/raster.js';
import { IGNORE_INDEX } from '../images/raster.js';
import { connectedComponents } from './components.js';

/** A corner of pixels: x to the right, y down, (0, 0) being the outer corner of the first pixel. */
export type Corner = readonly [x: number, y: number];

/** The first corner is not repeated at the end. */
export type Ring = readonly Corner[];

/** A piece of one class. */
export interface MaskPolygon {
  /** The class. */
  readonly value: number;
  /** Pixels, holes left out. */
  readonly area: number;
  /**
   * The outline, then its holes. By the right-hand rule on the coordinates as numbers: the sum of
   * xᵢ·yᵢ₊₁ − xᵢ₊₁·yᵢ is positive along the outline and negative along a hole.
   */
  readonly rings: readonly Ring[];
}

export interface PolygonOptions {
  /** The class that has no outlines, null for none. Default 0, or where names are given what they say. */
  readonly background?: number | null | undefined;
}

/** The pieces of every class but the background, in order of their first pixels. Ignored pixels have none. */
export function maskToPolygons(mask: ClassMask, { background = 0 }: PolygonOptions = {}): MaskPolygon[] {
  const { labels, components } = connectedComponents(mask, 'all');
  const outlined = components.map(({ value }) => value !== background && value !== IGNORE_INDEX);
  const rings = components.map((): Ring[] => []);
  const { width, height } = mask;
  const walked = new Uint8Array(width * height);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    // Every ring runs along the upper edge of some pixel.
    if (!outlined[label] || walked[i] === 1 || (i >= width && labels[i - width] === label)) continue;
    for (const ring of walk(labels, width, height, i, walked)) {
      // An outline is met before its holes, but a ring that was split may give them the other way round.
      if (turnsRight(ring)) rings[label]!.unshift(ring);
      else rings[label]!.push(ring);
    }
  }
  return components.flatMap(({ value, area }, label) =>
    outlined[label] ? [{ value, area, rings: rings[label]! }] : [],
  );
}

/** Steps to the right, down, left and up: each a turn to the right from the one before. */
const STEP_X = [1, 0, -1, 0] as const;
const STEP_Y = [0, 1, 0, -1] as const;

/**
 * Walks along the edges of a region, its pixels to the right, from the upper edge of pixel `first` until it is
 * there again. Marks the pixels whose upper edges it passes in `walked`.
 */
function walk(
  labels: Int32Array,
  width: number,
  height: number,
  first: number,
  walked: Uint8Array,
): Corner[][] {
  const label = labels[first]!;
  const isInside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && labels[y * width + x] === label;
  const rings: Corner[][] = [];
  const open: Corner[] = [];
  // Where in `open` the corners lie that the walk may pass twice.
  const crossings = new Map<number, number>();
  let [px, py] = [first % width, Math.floor(first / width)];
  let [x, y] = [px, py];
  let heading = 0;
  do {
    if (heading === 0) walked[py * width + px] = 1;
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

  /** Two pixels of the region meet at this corner alone: its second visit closes a ring. */
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

/** Whether twice the signed area is positive. */
function turnsRight(ring: Ring): boolean {
  let doubled = 0;
  ring.forEach(([x, y], i) => {
    const [nextX, nextY] = ring[(i + 1) % ring.length]!;
    doubled += x * nextY - nextX * y;
  });
  return doubled > 0;
}

/** GeoJSON (RFC 7946) of a mask. */
export interface MaskFeatures {
  readonly type: 'FeatureCollection';
  readonly features: readonly MaskFeature[];
}

export interface MaskFeature {
  readonly type: 'Feature';
  readonly properties: {
    /** The class by its name. */
    readonly class: string;
    /** The class by its index. */
    readonly index: number;
    /** Pixels. */
    readonly area: number;
  };
  readonly geometry: { readonly type: 'Polygon'; readonly coordinates: readonly (readonly Corner[])[] };
}

/**
 * The pieces of a mask as a GeoJSON FeatureCollection. Coordinates are pixels, x to the right and y down: a
 * viewer whose y goes up shows them upside down. Rings end with their first corner.
 *
 * @param classes names by index; a class beyond them is named by its index.
 */
export function maskToGeoJson(
  mask: ClassMask,
  classes: readonly string[],
  options: PolygonOptions = {},
): MaskFeatures {
  const { background = backgroundClass(classes) } = options;
  const features = maskToPolygons(mask, { background }).map(({ value, area, rings }): MaskFeature => {
    const coordinates = rings.map((ring) => [...ring, ring[0]!]);
    return {
      type: 'Feature',
      properties: { class: classes[value] ?? `class ${value}`, index: value, area },
      geometry: { type: 'Polygon', coordinates },
    };
  });
  return { type: 'FeatureCollection', features };
}
