/**
 * Format `cvat`: "CVAT for images 1.1": one XML file with polygons, boxes, ellipses and masks (run lengths of a box,
 * along the rows) for each image. CVAT's "Segmentation mask 1.1" has the layout of `voc`.
 */
import { open } from 'node:fs/promises';
import { SaxesParser } from 'saxes';
import { PixelwiseError } from '../../errors/index.js';
import type { Dataset } from '../dataset.js';
import { officialSplit } from '../split-names.js';
import { readText } from '../text-file.js';
import type { Tree } from '../tree.js';
import {
  type DrawingOptions,
  type LabelledSample,
  type LabelledShape,
  openLabelled,
  Skipped,
} from './drawn.js';
import { ImageFinder } from './image-finder.js';
import { numberOf, sizeFrom } from './json-values.js';
import { ellipse, rectangle, type Shape, thickLine } from './shapes.js';

type Attributes = Readonly<Record<string, string>>;

interface CvatImage {
  readonly attributes: Attributes;
  readonly shapes: { readonly kind: string; readonly attributes: Attributes }[];
}

const SHAPES = new Set(['polygon', 'box', 'ellipse', 'mask', 'polyline', 'points', 'cuboid', 'skeleton']);
const HEAD_BYTES = 4096;

async function cvatFiles(tree: Tree): Promise<string[]> {
  const found: string[] = [];
  for (const file of tree.ending('.xml').slice(0, 8)) {
    const handle = await open(tree.path(file));
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      const head = buffer.toString('utf8', 0, bytesRead);
      if (/<annotations\b/.test(head) && /<(version|meta|image)\b/.test(head)) found.push(file);
    } finally {
      await handle.close();
    }
  }
  return found;
}

export async function isCvat(tree: Tree): Promise<boolean> {
  return (await cvatFiles(tree)).length > 0;
}

export async function openCvat(tree: Tree, options: DrawingOptions): Promise<Dataset> {
  const finder = new ImageFinder(tree);
  const skipped = new Skipped();
  const missing: string[] = [];
  const samples: LabelledSample[] = [];
  const listed: string[] = [];
  for (const file of await cvatFiles(tree)) {
    const { images, labels } = parseCvat(await readText(tree.path(file)), tree.path(file));
    listed.push(...labels.filter((name) => !listed.includes(name)));
    for (const { attributes, shapes } of images) {
      const name = attributes.name ?? '';
      const image = finder.find(name, file);
      if (image === undefined) {
        missing.push(name);
        continue;
      }
      const drawn: LabelledShape[] = [];
      // Lower z_order lies beneath.
      const ordered = shapes.toSorted(
        (a, b) => numberOf(a.attributes.z_order ?? 0) - numberOf(b.attributes.z_order ?? 0),
      );
      for (const one of ordered) {
        const shape = shapeOf(one.kind, one.attributes);
        if (shape === undefined)
          skipped.add(
            `shapes are ${one.kind}, which have no area`,
            tree.path(file),
            'Draw polygons or masks instead.',
          );
        else drawn.push({ label: one.attributes.label ?? 'object', shape });
      }
      const subset = attributes.subset?.toLowerCase();
      const split = subset === undefined || subset === 'default' ? undefined : officialSplit(subset);
      samples.push({
        image,
        source: tree.path(file),
        size: sizeFrom(attributes.width, attributes.height),
        split,
        shapes: drawn,
      });
    }
  }
  return openLabelled(tree, options, {
    format: 'cvat',
    samples,
    skipped,
    missing,
    listed,
    unlabelled: finder.left(),
  });
}

/** Images with their shapes, and the names of the project's labels. Throws `cvat` naming the file for broken XML. */
export function parseCvat(text: string, file: string): { images: CvatImage[]; labels: string[] } {
  const images: CvatImage[] = [];
  const labels: string[] = [];
  const path: string[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw new PixelwiseError('cvat', `${file}: not readable as XML (${error.message}). Export it again.`, {
      cause: error,
    });
  });
  parser.on('opentag', ({ name, attributes }) => {
    path.push(name);
    if (name === 'image') images.push({ attributes, shapes: [] });
    else if (SHAPES.has(name)) images.at(-1)?.shapes.push({ kind: name, attributes });
  });
  parser.on('text', (content) => {
    if (path.slice(-3).join('/') === 'labels/label/name' && content.trim() !== '')
      labels.push(content.trim());
  });
  parser.on('closetag', () => void path.pop());
  parser.write(text).close();
  return { images, labels };
}

function shapeOf(kind: string, at: Attributes): Shape | undefined {
  const points = (at.points ?? '').split(/[;,]/).map(Number);
  const value = (key: string): number => numberOf(at[key]);
  switch (kind) {
    case 'polygon':
      return { kind: 'rings', rings: [points] };
    case 'polyline':
      return thickLine(points, 5);
    case 'box':
      return rectangle(value('xtl'), value('ytl'), value('xbr'), value('ybr'));
    case 'ellipse':
      return ellipse(
        value('cx'),
        value('cy'),
        value('rx'),
        value('ry'),
        (numberOf(at.rotation ?? 0) * Math.PI) / 180,
      );
    case 'mask': {
      const [width, height] = [value('width'), value('height')];
      const inside = new Uint8Array(width * height);
      let [from, on] = [0, 0];
      for (const run of (at.rle ?? '').split(',').map(Number)) {
        inside.fill(on, from, from + run);
        from += run;
        on = 1 - on;
      }
      return { kind: 'bitmap', left: value('left'), top: value('top'), width, height, inside };
    }
    default:
      return undefined;
  }
}
