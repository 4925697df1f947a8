/** Measurements and outlines of segmented objects, as GeoJSON and COCO instances. Uses nothing from Node. */
import { compressCounts } from '../data/formats/rle.js';
import { backgroundClass } from '../images/palette.js';
import { IGNORE_INDEX, type Raster } from '../images/raster.js';
import {
  type MeasuredObject,
  measureObjects,
  type ObjectMap,
  objectRows,
  type Row,
  type ValueMask,
} from '../objects/index.js';
import { maskToRuns } from './coco.js';
import { type Corner, maskToPolygons } from './outlines.js';
import type { SegmentedObjects } from './segmentation.js';

/** Measurements of segmented objects, with the names of their classes and their mean probabilities. */
export function measureSegmented(
  { width, height, labels, classes, probabilities }: SegmentedObjects,
  names: readonly string[],
  image?: Raster,
): MeasuredObject[] {
  return measureObjects({ width, height, data: labels }, { image }).map((object) => ({
    ...object,
    className: names[classes[object.label - 1]!]!,
    meanProbability: probabilities[object.label - 1]!,
  }));
}

/** Objects as values of a mask; no object has the value for ignored pixels. */
const asValues = ({ width, height, labels }: ObjectMap): ValueMask => ({
  width,
  height,
  data: labels.map((label) => (label < IGNORE_INDEX ? label : label + 1)),
});
const labelOf = (value: number): number => (value < IGNORE_INDEX ? value : value - 1);

export interface ObjectFeature {
  readonly type: 'Feature';
  readonly id: number;
  /** The columns of the table of objects. */
  readonly properties: Row;
  readonly geometry:
    | { readonly type: 'Polygon'; readonly coordinates: readonly (readonly Corner[])[] }
    | { readonly type: 'MultiPolygon'; readonly coordinates: readonly (readonly (readonly Corner[])[])[] };
}

/** The outlines of objects as GeoJSON (RFC 7946). */
export interface ObjectFeatures {
  readonly type: 'FeatureCollection';
  readonly features: readonly ObjectFeature[];
}

/** A path without its folders. */
const baseName = (path: string): string => path.replace(/^.*[/\\]/, '');

/** Objects as GeoJSON, each with its measurements. Coordinates are pixels, x to the right and y down. */
export function objectsToGeoJson(
  objects: SegmentedObjects,
  names: readonly string[],
  fileName: string,
  image?: Raster,
): ObjectFeatures {
  const polygons = new Map<number, (readonly (readonly Corner[])[])[]>();
  for (const { value, rings } of maskToPolygons(asValues(objects))) {
    const closed = rings.map((ring) => [...ring, ring[0]!]);
    polygons.set(labelOf(value), [...(polygons.get(labelOf(value)) ?? []), closed]);
  }
  const rows = objectRows(baseName(fileName), measureSegmented(objects, names, image));
  const features = rows.map((properties): ObjectFeature => {
    const id = properties['label'] as number;
    const [first, ...others] = polygons.get(id)!;
    return {
      type: 'Feature',
      id,
      properties,
      geometry:
        others.length === 0
          ? { type: 'Polygon', coordinates: first! }
          : { type: 'MultiPolygon', coordinates: [first!, ...others] },
    };
  });
  return { type: 'FeatureCollection', features };
}

/** Objects as COCO instances with run lengths. Category ids are class indices; the score is the mean probability. */
export function objectsToCoco(objects: SegmentedObjects, names: readonly string[], fileName: string): object {
  const { width, height } = objects;
  const background = backgroundClass(names);
  const runs = maskToRuns(asValues(objects)).filter(({ value }) => value !== 0);
  return {
    images: [{ id: 1, file_name: baseName(fileName), width, height }],
    categories: names.map((name, id) => ({ id, name })).filter(({ id }) => id !== background),
    annotations: runs.map(({ value, counts, area, box }) => {
      const label = labelOf(value);
      return {
        id: label,
        image_id: 1,
        category_id: objects.classes[label - 1]!,
        segmentation: { size: [height, width], counts: compressCounts(counts) },
        area,
        bbox: box,
        iscrowd: 0,
        score: objects.probabilities[label - 1]!,
      };
    }),
  };
}
