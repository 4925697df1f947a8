/**
 * Format `supervisely`: folders with `img/` and `ann/`, a JSON for each image with `objects` of polygons, bitmaps
 * (zlib-packed PNG, base64) and rectangles; classes in `meta.json`.
 */
import { inflateSync } from 'node:zlib';
import type { Dataset } from '../dataset.js';
import { decodeStoredMask } from '../../images/decode-mask.js';
import { nameOf, folderOf, type Tree } from '../tree.js';
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
import { rectangle, type Shape } from './shapes.js';

const isAnnotation = (file: string): boolean =>
  nameOf(folderOf(file)) === 'ann' && file.toLowerCase().endsWith('.json');

export async function isSupervisely(tree: Tree): Promise<boolean> {
  const file = tree.files.find(isAnnotation);
  if (file === undefined) return false;
  const json = await tree.json(file);
  return isObject(json) && Array.isArray(json.objects) && isObject(json.size);
}

export async function openSupervisely(tree: Tree, options: DrawingOptions): Promise<Dataset> {
  const finder = new ImageFinder(tree);
  const skipped = new Skipped();
  const missing: string[] = [];
  const samples: LabelledSample[] = [];
  for (const file of tree.files.filter(isAnnotation)) {
    const json = await tree.json(file);
    if (!isObject(json)) continue;
    // `a.png.json`, or `a.json` in older exports.
    const name = nameOf(file).replace(/\.json$/i, '');
    const folder = folderOf(folderOf(file));
    const image = finder.find(name, file, [folder === '' ? 'img' : `${folder}/img`]);
    if (image === undefined) {
      missing.push(name);
      continue;
    }
    const shapes: LabelledShape[] = [];
    for (const object of objectsIn(json.objects)) {
      const label = textOf(object.classTitle);
      const shape = await shapeOf(object);
      if (label === undefined || shape === undefined) {
        skipped.add(
          `objects are of a kind that has no area (${textOf(object.geometryType) ?? 'none'})`,
          tree.path(file),
          'Draw polygons or masks instead.',
        );
      } else shapes.push({ label, shape });
    }
    const size = isObject(json.size) ? sizeFrom(json.size.width, json.size.height) : undefined;
    samples.push({ image, source: tree.path(file), size, shapes });
  }
  const meta = tree.has('meta.json') ? await tree.json('meta.json') : undefined;
  const listed = isObject(meta)
    ? objectsIn(meta.classes).flatMap(({ title }) => textOf(title) ?? [])
    : undefined;
  return openLabelled(tree, options, {
    format: 'supervisely',
    samples,
    skipped,
    missing,
    listed,
    unlabelled: finder.left(),
  });
}

async function shapeOf({ geometryType: type, points, bitmap }: JsonObject): Promise<Shape | undefined> {
  if (type === 'bitmap' && isObject(bitmap)) {
    const data = textOf(bitmap.data);
    const [left, top] = Array.isArray(bitmap.origin) ? bitmap.origin.map(numberOf) : [NaN, NaN];
    if (data === undefined) return undefined;
    // A palette of black and white, or colour with the mask as alpha.
    const stored = await decodeStoredMask(inflateSync(Buffer.from(data, 'base64')));
    const { width, height } = stored;
    const inside = Uint8Array.from(stored.channels === 1 ? stored.data : stored.alpha!, (value) =>
      value > 0 ? 1 : 0,
    );
    return { kind: 'bitmap', left: left!, top: top!, width, height, inside };
  }
  if (!isObject(points)) return undefined;
  const exterior = flatPoints(points.exterior);
  if (type === 'rectangle') {
    const [x0, y0, x1, y1] = exterior as [number, number, number, number];
    return rectangle(x0, y0, x1 + 1, y1 + 1);
  }
  if (type !== 'polygon') return undefined;
  const interior = Array.isArray(points.interior) ? points.interior.map(flatPoints) : [];
  return { kind: 'rings', rings: [exterior, ...interior], holes: true };
}
