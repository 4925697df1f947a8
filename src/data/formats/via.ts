/** Format `via`: VGG Image Annotator's JSON (versions 1 and 2): polygons, rectangles, circles and ellipses by file. */
import type { Dataset } from '../dataset.js';
import type { Tree } from '../tree.js';
import {
  type DrawingOptions,
  type LabelledSample,
  type LabelledShape,
  openLabelled,
  Skipped,
} from './drawn.js';
import { ImageFinder } from './image-finder.js';
import { isObject, type JsonObject, numberOf, textOf } from './json-values.js';
import { ellipse, rectangle, type Shape, thickLine } from './shapes.js';

const MOST_FILES = 8;

async function entriesOf(tree: Tree): Promise<[file: string, images: JsonObject[]][]> {
  const found: [string, JsonObject[]][] = [];
  for (const file of tree.ending('.json').slice(0, MOST_FILES)) {
    const json = await tree.json(file);
    if (!isObject(json)) continue;
    // A project keeps its images one level down.
    const images = Object.values(isObject(json._via_img_metadata) ? json._via_img_metadata : json).filter(
      isObject,
    );
    const ofVia = images.filter((image) => 'filename' in image && 'regions' in image);
    if (ofVia.length > 0) found.push([file, ofVia]);
  }
  return found;
}

export async function isVia(tree: Tree): Promise<boolean> {
  return (await entriesOf(tree)).length > 0;
}

export async function openVia(tree: Tree, options: DrawingOptions): Promise<Dataset> {
  const finder = new ImageFinder(tree);
  const skipped = new Skipped();
  const missing: string[] = [];
  const samples: LabelledSample[] = [];
  for (const [file, images] of await entriesOf(tree)) {
    for (const { filename, regions } of images) {
      const name = textOf(filename) ?? '';
      const image = finder.find(name, file);
      if (image === undefined) {
        missing.push(name);
        continue;
      }
      const shapes: LabelledShape[] = [];
      for (const region of Object.values((regions ?? {}) as object).filter(isObject)) {
        const shape = isObject(region.shape_attributes) ? shapeOf(region.shape_attributes) : undefined;
        if (shape === undefined) {
          skipped.add(
            'regions are points, or of a kind that has no area',
            tree.path(file),
            'Draw polygons instead.',
          );
        } else shapes.push({ label: labelOf(region.region_attributes), shape });
      }
      samples.push({ image, source: tree.path(file), shapes });
    }
  }
  return openLabelled(tree, options, { format: 'via', samples, skipped, missing, unlabelled: finder.left() });
}

const LABELS = ['class', 'label', 'name', 'type', 'category', 'object_name', 'object'];

/** Attributes are free; one of the usual names counts, else the only one, else everything is one class. */
function labelOf(attributes: unknown): string {
  if (!isObject(attributes)) return 'object';
  const entries = Object.entries(attributes).map(
    ([key, value]) => [key.toLowerCase(), chosen(value)] as const,
  );
  const usual =
    entries.find(([key]) => LABELS.includes(key)) ?? (entries.length === 1 ? entries[0] : undefined);
  return usual?.[1] || 'object';
}

/** Of a checkbox, the ticked option. */
function chosen(value: unknown): string {
  if (isObject(value)) return Object.keys(value).find((key) => value[key] === true) ?? '';
  return textOf(value) ?? '';
}

function shapeOf(shape: JsonObject): Shape | undefined {
  const list = (key: string): number[] => (Array.isArray(shape[key]) ? shape[key].map(numberOf) : []);
  const [xs, ys] = [list('all_points_x'), list('all_points_y')];
  const points = xs.flatMap((x, i) => [x, ys[i] ?? NaN]);
  const [x, y, w, h] = ['x', 'y', 'width', 'height'].map((key) => numberOf(shape[key])) as [
    number,
    number,
    number,
    number,
  ];
  const [cx, cy, r, rx, ry] = ['cx', 'cy', 'r', 'rx', 'ry'].map((key) => numberOf(shape[key])) as [
    number,
    number,
    number,
    number,
    number,
  ];
  switch (shape.name) {
    case 'polygon':
      return { kind: 'rings', rings: [points] };
    case 'polyline':
      return thickLine(points, 5);
    case 'rect':
      return rectangle(x, y, x + w, y + h);
    case 'circle':
      return ellipse(cx, cy, r, r);
    case 'ellipse':
      return ellipse(cx, cy, rx, ry, Number.isFinite(numberOf(shape.theta)) ? numberOf(shape.theta) : 0);
    default:
      return undefined;
  }
}
