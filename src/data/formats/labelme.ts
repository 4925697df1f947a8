/**
 * Format `labelme`: a JSON file beside each image, with `shapes` of polygons, rectangles, circles, lines and masks
 * (labelme 3 to 5, and X-AnyLabeling, which writes the same).
 */
import type { Dataset } from '../dataset.js';
import { isImageName, stemOf } from '../files.js';
import { decodeMask } from '../../images/decode-mask.js';
import { nameOf, type Tree } from '../tree.js';
import { findLegend } from './class-lists.js';
import {
  type DrawingOptions,
  type LabelledSample,
  type LabelledShape,
  openLabelled,
  Skipped,
} from './drawn.js';
import { ImageFinder } from './image-finder.js';
import {
  flatPoints,
  isObject,
  type JsonObject,
  numberOf,
  objectsIn,
  sizeFrom,
  textOf,
} from './json-values.js';
import { ellipse, rectangle, type Shape, thickLine } from './shapes.js';

/** Files looked at to recognise the format. */
const LOOKED_AT = 3;

export async function isLabelme(tree: Tree): Promise<boolean> {
  for (const file of tree.ending('.json').slice(0, LOOKED_AT))
    if (isLabelmeFile(await tree.json(file))) return true;
  return false;
}

const isLabelmeFile = (json: unknown): json is JsonObject =>
  isObject(json) && Array.isArray(json.shapes) && ('imagePath' in json || 'imageHeight' in json);

export async function openLabelme(tree: Tree, options: DrawingOptions): Promise<Dataset> {
  const finder = new ImageFinder(tree);
  const skipped = new Skipped();
  const samples: LabelledSample[] = [];
  const missing: string[] = [];
  for (const file of tree.ending('.json')) {
    const json = await tree.json(file);
    if (!isLabelmeFile(json)) continue;
    const listed = textOf(json.imagePath) ?? '';
    // A renamed pair keeps the old name inside; the file's own name is the better guide then.
    const image =
      finder.find(isImageName(listed) ? listed : stemOf(nameOf(file)), file) ??
      finder.find(stemOf(nameOf(file)), file);
    if (image === undefined) {
      missing.push(listed);
      continue;
    }
    const shapes: LabelledShape[] = [];
    for (const one of objectsIn(json.shapes)) {
      const label = textOf(one.label);
      const shape = await shapeOf(one);
      if (label === undefined || shape === undefined) {
        skipped.add(
          `shapes are points, or of a kind that has no area (${textOf(one.shape_type) ?? 'none'})`,
          tree.path(file),
          'Draw polygons instead.',
        );
      } else shapes.push({ label, shape });
    }
    samples.push({
      image,
      source: tree.path(file),
      size: sizeFrom(json.imageWidth, json.imageHeight),
      shapes,
    });
  }
  const legend = await findLegend(tree);
  return openLabelled(tree, options, {
    format: 'labelme',
    samples,
    skipped,
    missing,
    unlabelled: finder.left(),
    listed: legend?.entries.map(({ name }) => name),
  });
}

async function shapeOf({ points, shape_type: type, mask }: JsonObject): Promise<Shape | undefined> {
  const flat = flatPoints(points);
  const [x0, y0, x1, y1] = flat as [number, number, number, number];
  switch (type ?? 'polygon') {
    case 'polygon':
      return { kind: 'rings', rings: [flat] };
    case 'rotation':
      return { kind: 'rings', rings: [flat] };
    case 'rectangle':
      // Two opposite corners, or (X-AnyLabeling) all four.
      return flat.length > 4 ? { kind: 'rings', rings: [flat] } : rectangle(x0, y0, x1, y1);
    case 'circle':
      return ellipse(x0, y0, Math.hypot(x1 - x0, y1 - y0), Math.hypot(x1 - x0, y1 - y0));
    case 'line':
    case 'linestrip':
      return thickLine(flat, 5);
    case 'mask': {
      const text = textOf(mask);
      if (text === undefined) return undefined;
      const { width, height, data } = await decodeMask(Buffer.from(text, 'base64'));
      return {
        kind: 'bitmap',
        left: Math.round(numberOf(x0)),
        top: Math.round(numberOf(y0)),
        width,
        height,
        inside: Uint8Array.from(data, (value) => (value > 0 ? 1 : 0)),
      };
    }
    default:
      return undefined;
  }
}
