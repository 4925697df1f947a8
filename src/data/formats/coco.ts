/**
 * Format `coco`: instances JSON (Lin et al. 2014) of any name, with polygons and run-length codes, drawn into
 * class masks. Class 0 is background, then the categories by ascending id. Where instances overlap, the smaller
 * one is on top; crowd regions, whose instances were not separated, are ignored except where an instance is on
 * top. Labelling tools write the format loosely: a bad annotation is left out and counted.
 */
import { basename, dirname } from 'node:path';
import { PixelwiseError } from '../../errors/index.js';
import { IGNORE_INDEX } from '../../images/raster.js';
import type { FileDataset } from '../file-dataset.js';
import { type Finding, finding } from '../finding.js';
import { stemOf } from '../files.js';
import { isBackgroundName } from '../legend.js';
import { patternOf } from '../pairing/describe.js';
import { officialSplit } from '../split-names.js';
import { nameOf, Tree } from '../tree.js';
import { type DrawingOptions, type DrawnSample, openDrawn, Skipped, usable } from './drawn.js';
import { ImageFinder } from './image-finder.js';
import { checkRuns, decompressCounts } from './rle.js';
import type { DrawnShape, Shape } from './shapes.js';

interface CocoFile {
  /** Relative path. */
  readonly file: string;
  readonly images: readonly Record<string, unknown>[];
  readonly annotations: readonly Record<string, unknown>[];
  readonly categories: readonly Record<string, unknown>[];
}

/** Depth of COCO's JSON files: at the top or in a folder below it (`annotations`, or one per part). */
const DEEPEST = 3;
/** The most JSON files that are opened to detect the format; other formats have one per image. */
const MOST_FILES = 24;

export async function isCoco(tree: Tree): Promise<boolean> {
  return (await findInstances(tree)).length > 0;
}

async function findInstances(tree: Tree): Promise<CocoFile[]> {
  const candidates = tree.ending('.json').filter((file) => file.split('/').length <= DEEPEST);
  const likely = candidates.filter((file) => /instances|coco|annotation|result|label/i.test(nameOf(file)));
  const looked = candidates.length <= MOST_FILES ? candidates : likely.slice(0, MOST_FILES);
  const found: CocoFile[] = [];
  for (const file of looked) {
    const json = await tree.json(file);
    if (typeof json !== 'object' || json === null) continue;
    const { images, annotations, categories } = json as Record<string, unknown>;
    if (
      !Array.isArray(images) ||
      !Array.isArray(annotations) ||
      !images.some((image) => isRecord(image) && 'file_name' in image)
    )
      continue;
    found.push({
      file,
      images: images.filter(isRecord),
      annotations: annotations.filter(isRecord),
      categories: Array.isArray(categories) ? categories.filter(isRecord) : [],
    });
  }
  // The original data set also has captions and keypoints of the same images.
  const instances = found.filter(({ file }) => /^instances_/.test(nameOf(file)));
  return instances.length > 0 ? instances : found;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Ids may be numbers or text; they are compared as text. */
const idOf = (value: unknown): string => String(value as string | number);

/** Opens all instances files of a folder, or the given one. Images without an annotation are background only. */
export async function openCoco(
  tree: Tree,
  options: DrawingOptions & { readonly group?: RegExp | undefined } = {},
): Promise<FileDataset> {
  const files = await findInstances(tree);
  if (files.length === 0) {
    const named = tree.ending('.json').at(0);
    throw new PixelwiseError(
      'coco',
      `${named === undefined ? tree.root : tree.path(named)}: not a COCO instances file: it needs the lists "images" (with file_name) and "annotations", as JSON.`,
    );
  }
  const where = tree.path(files[0]!.file);
  const findings: Finding[] = [];
  const categories = readCategories(files, tree, findings);
  const skipped = new Skipped();
  const samples: DrawnSample[] = [];
  const missing: string[] = [];
  const ids = new Set<string>();
  const counts = { shapes: 0, boxes: 0, orphans: 0, crowds: 0 };
  const crowdsAreObjects = brushed(files);
  const finder = new ImageFinder(
    tree.named === undefined ? tree : await Tree.of(placeOf(tree.path(tree.named))),
  );
  for (const [f, { file, images: listed, annotations }] of files.entries()) {
    const split = splitOf(file, files.length);
    const part = /^instances_(.*)\.json$/.exec(nameOf(file))?.[1];
    const sizes = new Map(listed.map((image) => [idOf(image.id), sizeOf(image)]));
    const known = new Set(listed.map(({ id }) => idOf(id)));
    const byImage = new Map<string, DrawnShape[]>();
    for (const annotation of annotations) {
      const image = idOf(annotation.image_id);
      const name = `${tree.path(file)}, annotation ${idOf(annotation.id ?? '?')}`;
      if (!known.has(image)) {
        counts.orphans++;
        skipped.add(
          'annotations belong to images that are not listed',
          name,
          'Export the annotations again, with their images.',
        );
        continue;
      }
      const value = categories.valueOf.get(idOf(annotation.category_id));
      if (value === undefined) {
        skipped.add(
          'annotations are of categories that are not listed',
          name,
          'Add the categories to the file, or remove these annotations.',
        );
        continue;
      }
      const shape = shapeOf(annotation.segmentation);
      if (shape === undefined) {
        counts.boxes++;
        skipped.add(
          'annotations have no outline (only a box, or nothing)',
          name,
          'Draw outlines; boxes say nothing of pixels.',
        );
        continue;
      }
      const size = sizes.get(image);
      const wrong = typeof shape === 'string' ? shape : usable(shape);
      if (wrong !== undefined || typeof shape === 'string') {
        skipped.add(`annotations are ${wrong}`, name, 'Correct or remove them.');
        continue;
      }
      if (
        shape.kind === 'runs' &&
        size &&
        (size.width !== shape.size.width || size.height !== shape.size.height)
      ) {
        skipped.add(
          'annotations are run lengths for another size than their image has',
          name,
          'Export them again.',
        );
        continue;
      }
      if (shape.kind === 'runs') sizes.set(image, shape.size);
      const crowd = (annotation.iscrowd === 1 || annotation.iscrowd === true) && !crowdsAreObjects;
      counts.shapes++;
      if (crowd) counts.crowds++;
      const list = byImage.get(image) ?? [];
      byImage.set(image, list);
      list.push({ value: crowd ? IGNORE_INDEX : value, shape, beneath: crowd });
    }
    for (const image of listed) {
      const name = String(image.file_name).replaceAll('\\', '/');
      const path = finder.find(name, file, part === undefined ? [] : [part, `images/${part}`]);
      if (path === undefined) {
        missing.push(name);
        continue;
      }
      const plain = stemOf(name);
      const unique = ids.has(plain) ? `${split ?? f}/${plain}` : plain;
      ids.add(unique);
      const shapes = byImage.get(idOf(image.id)) ?? [];
      samples.push({
        id: unique,
        image: path,
        source: tree.path(file),
        split,
        size: sizes.get(idOf(image.id)),
        shapes: () => shapes,
      });
    }
  }
  if (missing.length > 0) {
    findings.push(
      finding(
        'warning',
        'image-missing',
        missing,
        `Listed images that are not there: ${missing.length} left out.`,
        'To use them, copy them beside the others.',
      ),
    );
  }
  findings.push(...skipped.findings('annotation-skipped'));
  if (crowdsAreObjects) {
    findings.push(
      finding(
        'note',
        'coco-brush',
        [],
        'Run-length codes marked as crowds are read as objects: brush tools mark all of theirs so.',
      ),
    );
  }
  if (counts.crowds > CROWD_SHARE * counts.shapes) {
    findings.push(
      finding(
        'warning',
        'coco-crowd',
        [],
        `${counts.crowds} of ${counts.shapes} annotations are marked as crowds (iscrowd 1); their pixels are ignored.`,
        'If they are objects, set iscrowd to 0.',
      ),
    );
  }
  if (samples.length === 0) {
    throw new PixelwiseError(
      'data-missing',
      `${where}: none of its ${missing.length} images is there (${missing[0] ?? 'it lists none'}). Put them into a folder "images" beside it.`,
    );
  }
  if (counts.shapes === 0) {
    const causes = [
      counts.boxes > 0 ? `${counts.boxes} annotations are boxes without an outline` : '',
      counts.orphans > 0
        ? `${counts.orphans} annotations belong to images that the file does not list (ids such as ${idOf(files[0]!.annotations[0]?.image_id)}; the images have ${idOf(files[0]!.images[0]?.id)})`
        : '',
      files.every(({ categories: list }) => list.length === 0) ? 'it lists no categories' : '',
    ].filter((cause) => cause !== '');
    throw new PixelwiseError(
      'data-empty',
      `${where}: no annotation can be drawn, so every pixel would be background: ${causes.join('; ') || 'it has no annotations'}. Export the project again, with outlines or masks.`,
    );
  }
  return openDrawn({
    format: 'coco',
    samples,
    classes: categories.names,
    pairing: `${samples.length} images: ${patternOf(samples.map(({ image }) => image.slice(tree.root.length + 1)))} ↔ ${counts.shapes} annotations in ${files.map(({ file }) => file).join(', ')}`,
    findings,
    smallerOnTop: true,
    // Strokes of a brush may cover several objects.
    hasObjects: !crowdsAreObjects && counts.shapes > samples.length,
    resizeMasks: options.resizeMasks,
    multiLabel: options.multiLabel,
    group: options.group,
  });
}

function sizeOf({ width, height }: Record<string, unknown>): { width: number; height: number } | undefined {
  const isSide = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;
  return isSide(width) && isSide(height) ? { width, height } : undefined;
}

/** Where to look for images if a JSON file is given: next to its folder, if that contains only annotations. */
function placeOf(path: string): string {
  const folder = dirname(path);
  return /^annotations?$/i.test(basename(folder)) ? dirname(folder) : folder;
}

/** More crowds than this are reported. The original data set has about one in a hundred. */
const CROWD_SHARE = 0.05;

/** Above this share of annotations, those marked as crowds are brush strokes of a tool, not crowds. */
const BRUSH_SHARE = 0.5;

function brushed(files: readonly CocoFile[]): boolean {
  const all = files.flatMap(({ annotations }) => annotations);
  const crowds = all.filter(({ iscrowd }) => iscrowd === 1 || iscrowd === true).length;
  return crowds > BRUSH_SHARE * all.length;
}

/** The outline or run-length code of an annotation in any common form; a text if it is invalid; undefined if there is none. */
function shapeOf(segmentation: unknown): Shape | string | undefined {
  if (Array.isArray(segmentation)) {
    if (segmentation.length === 0) return undefined;
    // Some tools omit the outer list.
    const rings = (typeof segmentation[0] === 'number' ? [segmentation] : segmentation) as unknown[];
    const numbers = rings.map((ring) => (Array.isArray(ring) ? ring.flat().map(Number) : []));
    return { kind: 'rings', rings: numbers.filter((ring) => ring.length > 0) };
  }
  if (!isRecord(segmentation)) return undefined;
  const { counts, size } = segmentation;
  if (!Array.isArray(size) || (typeof counts !== 'string' && !Array.isArray(counts))) return undefined;
  const [height, width] = size.map(Number) as [number, number];
  try {
    const lengths = typeof counts === 'string' ? decompressCounts(counts) : counts.map(Number);
    checkRuns(lengths, { height, width });
    return { kind: 'runs', counts: counts as string | number[], size: { height, width } };
  } catch (error) {
    if (error instanceof PixelwiseError) return 'run lengths that do not fill their size, or are damaged';
    throw error;
  }
}

interface Categories {
  readonly names: readonly string[];
  /** Class by category id. */
  readonly valueOf: ReadonlyMap<string, number>;
}

/** Classes from the categories: a background is class 0, equal names are one class, unused parents are omitted. */
function readCategories(files: readonly CocoFile[], tree: Tree, findings: Finding[]): Categories {
  const names = new Map<string, string>();
  const supers = new Set<string>();
  for (const { file, categories } of files) {
    for (const { id, name, supercategory } of categories) {
      const key = idOf(id);
      const known = names.get(key);
      if (known !== undefined && known !== String(name)) {
        throw new PixelwiseError(
          'coco',
          `${tree.path(file)}: category ${key} is "${String(name)}" here and "${known}" in ${files[0]!.file}. Number the categories alike in all files.`,
        );
      }
      names.set(key, String(name));
      if (typeof supercategory === 'string') supers.add(supercategory);
    }
  }
  const used = new Set(
    files.flatMap(({ annotations }) => annotations.map((annotation) => idOf(annotation.category_id))),
  );
  const ordered = [...names].sort(([a], [b]) => Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0));
  const classes: string[] = ['background'];
  const valueOf = new Map<string, number>();
  const merged: string[] = [];
  const parents: string[] = [];
  for (const [id, name] of ordered) {
    if (isBackgroundName(name)) {
      classes[0] = name;
      valueOf.set(id, 0);
    } else if (supers.has(name) && !used.has(id)) parents.push(name);
    else {
      const same = classes.indexOf(name);
      if (same > 0) merged.push(name);
      valueOf.set(id, same > 0 ? same : classes.push(name) - 1);
    }
  }
  if (merged.length > 0)
    findings.push(
      finding(
        'warning',
        'coco-same-name',
        [...new Set(merged)],
        `Categories of the same name (${[...new Set(merged)].join(', ')}) are read as one class.`,
        'Give them different names if they are different things.',
      ),
    );
  if (parents.length > 0)
    findings.push(
      finding(
        'note',
        'coco-parent',
        parents,
        `The category "${parents.join('", "')}" only groups others and is left out.`,
      ),
    );
  if (classes.length > 255) {
    throw new PixelwiseError(
      'coco',
      `${tree.path(files[0]!.file)}: ${classes.length - 1} categories; at most 254 fit beside the background.`,
    );
  }
  return { names: classes, valueOf };
}

/** `instances_val2017.json` → `valid`; `train/_annotations.coco.json` → `train`; a lone file has no part. */
function splitOf(file: string, files: number): string | undefined {
  if (files === 1) return undefined;
  const named =
    /^instances_([a-z]+)/i.exec(basename(file)) ??
    /(?:^|[_-])(train|val|valid|test)(?:[_.-]|$)/i.exec(nameOf(file));
  return officialSplit(named?.[1] ?? basename(dirname(file)));
}
