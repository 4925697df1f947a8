/**
 * Format `coco`: instances JSON (Lin et al. 2014) with polygons and run-length codes, drawn into class masks.
 * Class 0 is background, then the categories by ascending id. Where instances overlap, the smaller one is on
 * top; crowd regions, where nobody told the instances apart, are ignored wherever no instance lies over them.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { PixelwiseError } from '../../errors/index.js';
import { type ClassMask, IGNORE_INDEX } from '../../images/raster.js';
import { FileDataset, type FilePair, findLayout } from '../file-dataset.js';
import { byCodePoint, isFile, isFolder, stemOf } from '../files.js';
import { officialSplit } from '../split-names.js';
import { fillPolygon } from './polygon.js';
import { decodeRle, decompressCounts } from './rle.js';

const Rle = z.object({
  counts: z.union([z.string(), z.array(z.number())]),
  size: z.tuple([z.number().int(), z.number().int()]),
});
const Annotation = z.object({
  id: z.union([z.number(), z.string()]).optional(),
  image_id: z.union([z.number(), z.string()]),
  category_id: z.number().int(),
  // Coordinates are checked when drawn: the original's file holds tens of millions of them.
  segmentation: z.union([z.custom<number[][]>(Array.isArray), Rle]).optional(),
  iscrowd: z.union([z.literal(0), z.literal(1), z.boolean()]).optional(),
});
const Instances = z.object({
  images: z.array(
    z.object({
      id: z.union([z.number(), z.string()]),
      file_name: z.string(),
      width: z.number().int(),
      height: z.number().int(),
    }),
  ),
  annotations: z.array(Annotation),
  categories: z.array(z.object({ id: z.number().int(), name: z.string() })),
});

type Instances = z.infer<typeof Instances>;
type Instance = z.infer<typeof Annotation>;

const INSTANCES = /^instances_.*\.json$|^_annotations\.coco\.json$|^instances\.json$/;
/** Files looked at: `annotations/instances_NAME.json` of the original, or one per part as labelling tools write. */
async function findInstances(root: string): Promise<string[]> {
  if (root.toLowerCase().endsWith('.json')) return (await isFile(root)) ? [root] : [];
  const found: string[] = [];
  for (const place of ['annotations', '.', 'train', 'valid', 'val', 'test']) {
    const folder = join(root, place);
    if (!(await isFolder(folder))) continue;
    for (const name of (await readdir(folder)).sort(byCodePoint))
      if (INSTANCES.test(name)) found.push(join(folder, name));
  }
  return found;
}

export async function isCoco(root: string): Promise<boolean> {
  return (await findInstances(root)).length > 0;
}

/** Opens all instances files below `root`, or the one JSON file that `root` is. Images without an annotation are all background. */
export async function openCoco(root: string): Promise<FileDataset> {
  const files = await findInstances(root);
  if (files.length === 0) {
    throw new PixelwiseError('data-missing', `${root}: there is no annotations/instances_*.json in it.`);
  }
  const read = await Promise.all(files.map(readInstances));
  const categories = new Map<number, string>();
  read.forEach((instances, f) => {
    for (const { id, name } of instances.categories) {
      const known = categories.get(id);
      if (known !== undefined && known !== name) {
        throw new PixelwiseError(
          'coco',
          `${files[f]}: category ${id} is "${name}" here and "${known}" in ${files[0]}.`,
        );
      }
      categories.set(id, name);
    }
  });
  const ordered = [...categories].sort(([a], [b]) => a - b);
  if (ordered.length > 254) {
    throw new PixelwiseError(
      'coco',
      `${files[0]}: ${ordered.length} categories; at most 254 fit beside the background.`,
    );
  }
  const indexOf = new Map(ordered.map(([id], i) => [id, i + 1]));

  const pairs: FilePair[] = [];
  const annotated: { size: { width: number; height: number }; instances: Instance[] }[] = [];
  const ids = new Set<string>();
  for (const [f, instances] of read.entries()) {
    const file = files[f]!;
    const split = splitOf(file, files.length);
    const byImage = new Map<number | string, Instance[]>();
    for (const annotation of instances.annotations) {
      if (!indexOf.has(annotation.category_id)) {
        throw new PixelwiseError(
          'coco',
          `${file}: annotation ${annotation.id} is of category ${annotation.category_id}, which is not listed.`,
        );
      }
      const list = byImage.get(annotation.image_id);
      if (list === undefined) byImage.set(annotation.image_id, [annotation]);
      else list.push(annotation);
    }
    const folder = await imageFolder(root, file, instances);
    for (const { id, file_name: name, width, height } of instances.images) {
      const plain = stemOf(name.replaceAll('\\', '/'));
      const unique = ids.has(plain) ? `${split ?? f}/${plain}` : plain;
      ids.add(unique);
      pairs.push({ id: unique, image: join(folder, name), mask: file, split });
      annotated.push({ size: { width, height }, instances: byImage.get(id) ?? [] });
    }
  }
  const { layout, notes } = await findLayout(pairs.map((pair) => pair.image));
  return new FileDataset({
    format: 'coco',
    pairs,
    classes: ['background', ...ordered.map(([, name]) => name)],
    layout,
    notes,
    masks: {
      draw: (pair, i) => {
        const { size, instances } = annotated[i]!;
        return Promise.resolve(drawInstances(instances, size, indexOf, `${pair.mask}, image ${pair.id}`));
      },
    },
  });
}

async function readInstances(file: string): Promise<Instances> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PixelwiseError('coco', `${file}: not readable as JSON (${why}). Export it again.`, { cause });
  }
  const parsed = Instances.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new PixelwiseError(
    'coco',
    `${file}: not a COCO instances file: ${issue.path.join('.')}: ${issue.message}.`,
  );
}

/** `instances_val2017.json` → `valid`; `train/_annotations.coco.json` → `train`; a lone file has no part. */
function splitOf(file: string, files: number): string | undefined {
  if (files === 1) return undefined;
  const named = /^instances_([a-z]+)/i.exec(basename(file));
  return officialSplit(named?.[1] ?? basename(dirname(file)));
}

/** Where the first image lies: beside the JSON, under images/, or in a folder named like the part. */
async function imageFolder(root: string, file: string, { images }: Instances): Promise<string> {
  const first = images[0]?.file_name;
  const base = root.toLowerCase().endsWith('.json') ? dirname(dirname(file)) : root;
  const part = /^instances_(.*)\.json$/.exec(basename(file))?.[1] ?? '';
  const places = [part, join('images', part), 'images', '.'].map((place) => join(base, place));
  const candidates = [dirname(file), ...places];
  if (first === undefined) return candidates[0]!;
  for (const folder of candidates) if (await isFile(join(folder, first))) return folder;
  throw new PixelwiseError(
    'data-missing',
    `${file}: its first image ${first} is in none of ${candidates.join(', ')}.`,
  );
}

/** Draws the instances of one image, largest first. */
export function drawInstances(
  instances: readonly Instance[],
  size: { readonly width: number; readonly height: number },
  indexOf: ReadonlyMap<number, number>,
  where: string,
): ClassMask {
  const data = new Uint8Array(size.width * size.height);
  const drawn = instances.map((instance) => {
    const inside = rasterise(instance, size, where);
    let area = 0;
    for (const pixel of inside) area += pixel;
    const crowd = instance.iscrowd === 1 || instance.iscrowd === true;
    return {
      inside,
      area: crowd ? Infinity : area,
      value: crowd ? IGNORE_INDEX : indexOf.get(instance.category_id)!,
    };
  });
  drawn.sort((a, b) => (a.area === b.area ? 0 : b.area - a.area));
  for (const { inside, value } of drawn) {
    for (let i = 0; i < data.length; i++) if (inside[i] === 1) data[i] = value;
  }
  return { ...size, data };
}

function rasterise(
  { id, segmentation }: Instance,
  size: { width: number; height: number },
  where: string,
): Uint8Array {
  const mask = new Uint8Array(size.width * size.height);
  if (segmentation === undefined) return mask;
  try {
    if (Array.isArray(segmentation)) {
      for (const polygon of segmentation) fillPolygon(polygon, size, mask);
      return mask;
    }
    const [height, width] = segmentation.size;
    if (height !== size.height || width !== size.width) {
      throw new PixelwiseError(
        'rle',
        `A code for ${width}×${height} in an image of ${size.width}×${size.height}.`,
      );
    }
    const { counts } = segmentation;
    return decodeRle(typeof counts === 'string' ? decompressCounts(counts) : counts, size);
  } catch (cause) {
    if (!(cause instanceof PixelwiseError)) throw cause;
    throw new PixelwiseError(
      'coco',
      `${where}, annotation ${id ?? '?'}: ${cause.message} Correct or remove it.`,
      { cause },
    );
  }
}
