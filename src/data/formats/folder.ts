/**
 * Format `folder`: images and masks as files, matched by their names in any layout of folders (see
 * data/pairing), or listed by a manifest. A class list beside them (`classes.txt` and others) names the classes.
 */
import { basename } from 'node:path';
import type { FileDataset, FilePair } from '../file-dataset.js';
import { type Layout, type LayoutOptions, openLayout } from '../layout.js';
import { pairFiles, type Pairing, type PairingOptions } from '../pairing/pair-files.js';
import { isImageName } from '../files.js';
import { nameOf, Tree } from '../tree.js';
import { findLegend } from './class-lists.js';
import { isManifestName, readManifest } from './manifest.js';
import { listedParts } from './part-lists.js';

export interface FolderOptions extends LayoutOptions, PairingOptions {}

/** Opens `root`: a folder, or a manifest file. Throws what pairing and `openLayout` throw. */
export async function openFolder(root: string, options: FolderOptions = {}): Promise<FileDataset> {
  return openLayout(root, await folderLayout(await Tree.of(root), options), options);
}

/** Finds images and masks and pairs them, without opening any more than is needed to tell them apart. */
export async function folderLayout(tree: Tree, options: PairingOptions = {}): Promise<Layout> {
  const legend = await findLegend(tree);
  const manifest = manifestIn(tree);
  if (manifest !== undefined && options.images === undefined && options.masks === undefined) {
    const rows = (await readManifest(tree.path(manifest))).filter(({ image }) => !tree.leftOut.has(image));
    const pairs = rows.flatMap(({ mask, ...row }) => (mask === undefined ? [] : [{ ...row, mask }]));
    return {
      format: 'folder',
      pairing: `${pairs.length} pairs listed in ${basename(manifest)}`,
      pairs,
      unlabelled: rows.filter((row) => row.mask === undefined).map((row) => row.image),
      orphanMasks: [],
      unused: reasons([
        [`not listed in ${basename(manifest)}`, notListed(tree, rows)],
        [NOT_READ, otherFiles(tree, [manifest, legend?.source])],
      ]),
      legend,
    };
  }
  return layoutOf('folder', tree, await pairFiles(tree, options), legend);
}

/** The layout of files that were paired, with the parts that lists beside them name. */
export async function layoutOf(
  format: string,
  tree: Tree,
  { pairs: found, kind, ...pairing }: Pairing,
  legend: Layout['legend'],
): Promise<Layout> {
  const variants = [...new Set(found.flatMap(({ masks }) => masks.map(({ variant }) => variant)))].sort();
  const layerClasses =
    kind === 'single'
      ? undefined
      : kind === 'objects'
        ? ['background', 'foreground']
        : ['background', ...variants];
  const listed = found.some(({ split }) => split !== undefined) ? undefined : await listedParts(tree, found);
  const pairs = found.map(({ id, image, masks, split }, i): FilePair => {
    const layers = masks.map(({ file, variant }) => ({
      file: tree.path(file),
      value: kind === 'classes' ? 1 + variants.indexOf(variant) : 1,
    }));
    return {
      id,
      image: tree.path(image),
      mask: layers[0]!.file,
      split: split ?? listed?.[i],
      ...(layerClasses !== undefined && { layers }),
    };
  });
  const said =
    kind === 'objects'
      ? '; one mask an object'
      : kind === 'classes'
        ? `; one mask a class (${variants.join(', ')})`
        : '';
  const absolute = (files: readonly string[]): string[] => files.map((file) => tree.path(file));
  return {
    format,
    pairing: pairing.description + said,
    pairs,
    layerClasses,
    layersAreObjects: kind === 'objects',
    unlabelled: absolute(pairing.unlabelled),
    orphanMasks: absolute(pairing.orphanMasks),
    unused: reasons([
      ...pairing.unused.map(({ reason, files }) => [reason, absolute(files)] as const),
      [NOT_READ, otherFiles(tree, [legend?.source])],
    ]),
    legend,
  };
}

const NOT_READ = 'they are not images, and their format is not supported';

/** Files that are not part of the data, and lists of parts, which are read if they match. */
const SIDE_FILE =
  /^(readme|licen[cs]e|copying|citation|changelog|authors|thumbs\.db$|desktop\.ini$|(train|val|valid|test)(ing|idation)?\.(txt|lst)$)/i;

/** Files that are no images and that nothing reads, absolute paths. */
function otherFiles(tree: Tree, read: readonly (string | undefined)[]): string[] {
  if (tree.named !== undefined) return [];
  const others = tree.files.filter(
    (file) => !isImageName(nameOf(file)) && !SIDE_FILE.test(nameOf(file)) && !read.includes(file),
  );
  return others.map((file) => tree.path(file));
}

/** Images of the folder that no row names. */
function notListed(tree: Tree, rows: readonly { image: string; mask: string | undefined }[]): string[] {
  if (tree.named !== undefined) return [];
  const listed = new Set(rows.flatMap(({ image, mask }) => (mask === undefined ? [image] : [image, mask])));
  return tree
    .images()
    .map((file) => tree.path(file))
    .filter((file) => !listed.has(file));
}

/** Reasons that hold for any file. */
const reasons = (all: readonly (readonly [reason: string, files: string[]])[]): Layout['unused'] =>
  all.flatMap(([reason, files]) => (files.length === 0 ? [] : [{ reason, files }]));

/** The manifest that was given, or the one at the top of the folder. */
function manifestIn(tree: Tree): string | undefined {
  if (tree.named !== undefined) return isManifestName(tree.named) ? tree.named : undefined;
  return ['manifest.csv', 'manifest.tsv', 'manifest.jsonl'].find((name) => tree.has(name));
}
