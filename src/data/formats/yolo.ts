/**
 * Format `yolo`: YOLO segmentation (Ultralytics): a text file for each image with a line an object, the class index
 * and a polygon in shares of width and height; `data.yaml` or `classes.txt` with the names. Parts by folder.
 */
import type { Dataset } from '../dataset.js';
import { stemOf } from '../files.js';
import { finding } from '../finding.js';
import { describeImage } from '../../images/decode.js';
import { mapParallel } from '../parallel.js';
import { partOfFolder } from '../pairing/words.js';
import { readLines } from '../text-file.js';
import { folderOf, nameOf, type Tree } from '../tree.js';
import { findLegend } from './class-lists.js';
import {
  type DrawingOptions,
  type LabelledSample,
  type LabelledShape,
  openLabelled,
  Skipped,
} from './drawn.js';

const NOT_LABELS =
  /^(classes|class_names|labels|names|obj|readme.*|train|val|valid|test|notes|predefined_classes)\.txt$/i;
/** An object: the class and at least three points. */
const LINE = /^\d+(\s+-?[\d.]+(e-?\d+)?){6,}$/i;
/** A box: the class and four numbers. */
const BOX = /^\d+(\s+-?[\d.]+(e-?\d+)?){4}$/i;
const LOOKED_AT = 20;

function labelFiles(tree: Tree): Map<string, string> {
  const texts = new Map(
    tree
      .ending('.txt')
      .filter((file) => !NOT_LABELS.test(nameOf(file)))
      .map((file) => [keyOf(file), file]),
  );
  const found = new Map<string, string>();
  for (const image of tree.images()) {
    const text = texts.get(keyOf(image)) ?? texts.get(keyOf(image).replace(/(^|\/)images\//, '$1labels/'));
    if (text !== undefined) found.set(image, text);
  }
  return found;
}

const keyOf = (file: string): string => stemOf(file).normalize('NFC').toLowerCase();

export async function isYolo(tree: Tree): Promise<boolean> {
  const labels = [...labelFiles(tree).values()].slice(0, LOOKED_AT);
  for (const file of labels) {
    const lines = await readLines(tree.path(file));
    if (lines.length > 0)
      return (
        lines.every((line) => LINE.test(line) || BOX.test(line)) &&
        (lines.some((line) => LINE.test(line)) || tree.ending('.yaml').length > 0)
      );
  }
  return false;
}

export async function openYolo(tree: Tree, options: DrawingOptions): Promise<Dataset> {
  const skipped = new Skipped();
  const labels = labelFiles(tree);
  const legend = await findLegend(tree);
  const names = new Map(legend?.entries.map(({ name, value }, i) => [value ?? i, name]));
  const pairs = [...labels];
  const parts = pairs.map(([image]) =>
    folderOf(image)
      .split('/')
      .map(partOfFolder)
      .findLast((part) => part !== undefined),
  );
  const split = new Set(parts).size > 1 && parts.every((part) => part !== undefined);
  const samples = await mapParallel(pairs.length, 8, async (i): Promise<LabelledSample> => {
    const [image, file] = pairs[i]!;
    const { width, height } = await describeImage(tree.path(image));
    const shapes: LabelledShape[] = [];
    for (const line of await readLines(tree.path(file))) {
      if (!LINE.test(line)) {
        const what = BOX.test(line) ? 'lines are boxes without an outline' : 'lines are not polygons';
        skipped.add(what, tree.path(file), 'Export segmentation, not detection.');
        continue;
      }
      const [index, ...shares] = line.split(/\s+/).map(Number) as [number, ...number[]];
      if (shares.length % 2 === 1) shares.pop();
      const ring = shares.map((share, at) => share * (at % 2 === 0 ? width : height));
      shapes.push({ label: names.get(index) ?? `class ${index}`, shape: { kind: 'rings', rings: [ring] } });
    }
    return {
      image: tree.path(image),
      source: tree.path(file),
      size: { width, height },
      split: split ? parts[i] : undefined,
      shapes,
    };
  });
  const listed =
    legend === undefined ? undefined : [...names].sort(([a], [b]) => a - b).map(([, name]) => name);
  const left = tree
    .images()
    .filter((image) => !labels.has(image))
    .map((image) => tree.path(image));
  const findings =
    left.length === 0
      ? []
      : [finding('note', 'mask-missing', left, `Images without a text file: ${left.length} kept aside.`)];
  return openLabelled(tree, options, {
    format: 'yolo',
    samples,
    skipped,
    listed,
    unlabelled: left,
    findings,
  });
}
