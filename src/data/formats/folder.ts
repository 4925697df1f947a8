/**
 * Format `folder`: images and masks as files, matched by their names in any layout of folders (see
 * data/pairing), or listed by a manifest. A class list beside them (`classes.txt` and others) names the classes.
 */
import { basename } from 'node:path';
import type { FileDataset, FilePair } from '../file-dataset.js';
import { type Layout, type LayoutOptions, openLayout } from '../layout.js';
import { pairFiles, type Pairing, type PairingOptions } from '../pairing/pair-files.js';
import { Tree } from '../tree.js';
import { findLegend } from './class-lists.js';
import { isManifestName, readManifest } from './manifest.js';
import { listedParts } from './part-lists.js';

export interface FolderOptions extends LayoutOptions, PairingOptions {}

/** Opens `root`: a folder, or a manifest file. Throws what pairing and {@link openLayout} throw. */
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
      unused: [],
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
    unlabelled: absolute(pairing.unlabelled),
    orphanMasks: absolute(pairing.orphanMasks),
    unused: pairing.unused.map(({ reason, files }) => ({ reason, files: absolute(files) })),
    legend,
  };
}

/** The manifest that was named, or lies at the top of the folder. */
function manifestIn(tree: Tree): string | undefined {
  if (tree.named !== undefined) return isManifestName(tree.named) ? tree.named : undefined;
  return ['manifest.csv', 'manifest.tsv', 'manifest.jsonl'].find((name) => tree.has(name));
}
