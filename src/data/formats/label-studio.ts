/**
 * Format `label-studio`: Label Studio's JSON export (all tasks in one file, or JSON-MIN) with polygons, rectangles,
 * ellipses and brush strokes. Brush strokes are run lengths of RGBA bytes, packed bit by bit (@thi.ng/rle-pack).
 */
import { nameOf } from '../tree.js';
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
import { isObject, type JsonObject, numberOf, objectsIn, sizeFrom, textOf } from './json-values.js';
import { ellipse, type Shape } from './shapes.js';

const MOST_FILES = 8;

async function taskFiles(tree: Tree): Promise<[file: string, tasks: JsonObject[]][]> {
  const found: [string, JsonObject[]][] = [];
  for (const file of tree.ending('.json').slice(0, MOST_FILES)) {
    const json = await tree.json(file);
    const tasks = objectsIn(Array.isArray(json) ? json : [json]);
    if (
      tasks.some(
        (task) => isObject(task.data) && (Array.isArray(task.annotations) || Array.isArray(task.completions)),
      )
    )
      found.push([file, tasks]);
  }
  return found;
}

export async function isLabelStudio(tree: Tree): Promise<boolean> {
  return (await taskFiles(tree)).length > 0;
}

export async function openLabelStudio(tree: Tree, options: DrawingOptions): Promise<Dataset> {
  const finder = new ImageFinder(tree);
  const skipped = new Skipped();
  const missing: string[] = [];
  const samples: LabelledSample[] = [];
  for (const [file, tasks] of await taskFiles(tree)) {
    for (const task of tasks) {
      const listed = imageOf(task);
      const image = find(finder, listed, file);
      if (image === undefined) {
        missing.push(listed ?? `task ${String(task.id)}`);
        continue;
      }
      // Of several people's annotations the first that was not cancelled counts.
      const done = objectsIn(task.annotations ?? task.completions).find(
        ({ was_cancelled: cancelled }) => cancelled !== true,
      );
      const shapes: LabelledShape[] = [];
      let size: LabelledSample['size'];
      for (const result of objectsIn(done?.result)) {
        if (!isObject(result.value)) continue;
        const own = sizeFrom(result.original_width, result.original_height);
        const label = labelOf(result.value);
        if (label === undefined || own === undefined) continue;
        size = own;
        const shape = shapeOf(result.value, own);
        if (shape === undefined)
          skipped.add(
            `regions are of a kind that has no area (${textOf(result.type) ?? 'none'})`,
            tree.path(file),
            'Use brushes or polygons.',
          );
        else shapes.push({ label, shape });
      }
      samples.push({ image, source: tree.path(file), size, shapes });
    }
  }
  return openLabelled(tree, options, {
    format: 'label-studio',
    samples,
    skipped,
    missing,
    unlabelled: finder.left(),
  });
}

/** The image's address: the first text among the task's data that ends like an image. */
function imageOf({ data, file_upload: upload }: JsonObject): string | undefined {
  const values = isObject(data) ? Object.values(data) : [];
  return [...values, upload]
    .flatMap((value) => textOf(value) ?? [])
    .find((text) => /\.\w{3,4}(\?.*)?$/.test(text));
}

/** Uploads get eight random digits before their name: `/data/upload/1/3f2a91bc-cell.png`. */
function find(finder: ImageFinder, listed: string | undefined, file: string): string | undefined {
  if (listed === undefined) return undefined;
  const name = decodeURIComponent(nameOf(listed.replace(/^.*[?&]d=/, '').replace(/\?.*$/, '')));
  return finder.find(name, file) ?? finder.find(name.replace(/^[\da-f]{8}-/, ''), file);
}

function labelOf(value: JsonObject): string | undefined {
  for (const key of ['brushlabels', 'polygonlabels', 'rectanglelabels', 'ellipselabels', 'labels']) {
    const labels = value[key];
    if (Array.isArray(labels)) return textOf(labels[0]);
  }
  return undefined;
}

/** Coordinates are percent of width and height. */
function shapeOf(
  value: JsonObject,
  { width, height }: { readonly width: number; readonly height: number },
): Shape | undefined {
  const [sx, sy] = [width / 100, height / 100];
  if (Array.isArray(value.rle)) {
    const rgba = unpackRle(Uint8Array.from(value.rle.map(numberOf)));
    const inside = Uint8Array.from({ length: width * height }, (_, i) => (rgba[4 * i + 3]! > 0 ? 1 : 0));
    return { kind: 'bitmap', left: 0, top: 0, width, height, inside };
  }
  if (Array.isArray(value.points)) {
    const ring = value.points.flatMap((point) =>
      Array.isArray(point) ? [numberOf(point[0]) * sx, numberOf(point[1]) * sy] : [NaN, NaN],
    );
    return { kind: 'rings', rings: [ring] };
  }
  const turn = (numberOf(value.rotation ?? 0) * Math.PI) / 180;
  const [x, y] = [numberOf(value.x) * sx, numberOf(value.y) * sy];
  if ('radiusX' in value)
    return ellipse(x, y, numberOf(value.radiusX) * sx, numberOf(value.radiusY) * sy, turn);
  if (!('width' in value)) return undefined;
  const [w, h] = [numberOf(value.width) * sx, numberOf(value.height) * sy];
  const corner = (dx: number, dy: number): number[] => [
    x + dx * Math.cos(turn) - dy * Math.sin(turn),
    y + dx * Math.sin(turn) + dy * Math.cos(turn),
  ];
  return { kind: 'rings', rings: [[...corner(0, 0), ...corner(w, 0), ...corner(w, h), ...corner(0, h)]] };
}

/**
 * Unpacks bytes of @thi.ng/rle-pack: 32 bits of length, 5 bits word size − 1, four times 4 bits of size classes − 1;
 * then blocks: one bit (repeated or not), two bits (size class), that many bits of count − 1, and the word or words.
 */
export function unpackRle(bytes: Uint8Array): Uint8Array {
  let at = 0;
  const read = (bits: number): number => {
    let value = 0;
    for (let i = 0; i < bits; i++, at++) value = value * 2 + (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    return value;
  };
  const length = read(32);
  const word = read(5) + 1;
  const sizes = [0, 1, 2, 3].map(() => read(4) + 1);
  const out = new Uint8Array(length);
  for (let i = 0; i < length && at < bytes.length * 8;) {
    const repeated = read(1) === 1;
    const count = read(sizes[read(2)]!) + 1;
    if (repeated) {
      out.fill(read(word), i, i + count);
      i += count;
    } else for (const end = i + count; i < end; i++) out[i] = read(word);
  }
  return out;
}
