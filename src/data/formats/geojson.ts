/**
 * Format `geojson`: polygons in pixels, a `.geojson` (or `.json`) file beside each image, as QuPath exports
 * annotations and `predict --annotations geojson` writes them.
 */
import type { Dataset } from '../dataset.js';
import { stemOf } from '../files.js';
import { nameOf, type Tree } from '../tree.js';
import {
  type DrawingOptions,
  type LabelledSample,
  type LabelledShape,
  openLabelled,
  Skipped,
} from './drawn.js';
import { ImageFinder } from './image-finder.js';
import { flatPoints, isObject, type JsonObject, objectsIn, textOf } from './json-values.js';
import type { Shape } from './shapes.js';

const LOOKED_AT = 3;

function featuresIn(json: unknown): JsonObject[] | undefined {
  // QuPath also writes a bare list of features.
  const list = isObject(json) && json.type === 'FeatureCollection' ? json.features : json;
  if (!Array.isArray(list)) return undefined;
  const features = objectsIn(list).filter(({ type }) => type === 'Feature');
  return features.length === list.length ? features : undefined;
}

const candidates = (tree: Tree): string[] => {
  const own = tree.ending('.geojson');
  return own.length > 0 ? own : tree.ending('.json');
};

export async function isGeoJson(tree: Tree): Promise<boolean> {
  for (const file of candidates(tree).slice(0, LOOKED_AT)) {
    const features = featuresIn(await tree.json(file));
    if (features !== undefined && features.length > 0) return true;
  }
  return false;
}

export async function openGeoJson(tree: Tree, options: DrawingOptions): Promise<Dataset> {
  const finder = new ImageFinder(tree);
  const skipped = new Skipped();
  const missing: string[] = [];
  const samples: LabelledSample[] = [];
  for (const file of candidates(tree)) {
    const features = featuresIn(await tree.json(file));
    if (features === undefined) continue;
    const name = nameOf(file).replace(/\.(geo)?json$/i, '');
    const image = finder.find(name, file) ?? finder.find(stemOf(name), file);
    if (image === undefined) {
      missing.push(nameOf(file));
      continue;
    }
    const shapes: LabelledShape[] = [];
    for (const { geometry, properties } of features) {
      const drawn = isObject(geometry) ? shapesOf(geometry) : [];
      if (drawn.length === 0)
        skipped.add('features are points or lines', tree.path(file), 'Draw areas instead.');
      for (const shape of drawn) shapes.push({ label: labelOf(properties), shape });
    }
    samples.push({ image, source: tree.path(file), shapes });
  }
  return openLabelled(tree, options, {
    format: 'geojson',
    samples,
    skipped,
    missing,
    unlabelled: finder.left(),
  });
}

function labelOf(properties: unknown): string {
  if (!isObject(properties)) return 'object';
  const { classification } = properties;
  if (isObject(classification)) {
    const names = Array.isArray(classification.names)
      ? classification.names.flatMap((name) => textOf(name) ?? []).join(': ')
      : undefined;
    return textOf(classification.name) ?? names ?? 'object';
  }
  return textOf(properties.class) ?? textOf(properties.label) ?? textOf(properties.name) ?? 'object';
}

function shapesOf({ type, coordinates, geometries }: JsonObject): Shape[] {
  if (type === 'GeometryCollection') return objectsIn(geometries).flatMap(shapesOf);
  if (!Array.isArray(coordinates)) return [];
  const polygons =
    type === 'Polygon' ? [coordinates] : type === 'MultiPolygon' ? (coordinates as unknown[]) : [];
  return polygons.map((rings) => ({
    kind: 'rings',
    rings: Array.isArray(rings) ? rings.map((ring) => withoutRepeat(flatPoints(ring))) : [],
    holes: true,
  }));
}

/** GeoJSON repeats the first point at the end of a ring. */
function withoutRepeat(ring: number[]): number[] {
  return ring.length > 6 && ring[0] === ring.at(-2) && ring[1] === ring.at(-1) ? ring.slice(0, -2) : ring;
}
