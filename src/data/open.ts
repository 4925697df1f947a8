/** One way in to every format: `openDataset`. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import { classNames, type ClassesOption, type MaskValues } from './class-values.js';
import type { Dataset } from './dataset.js';
import { isFile, isFolder } from './files.js';
import { isCamvid, openCamvid } from './formats/camvid.js';
import { isCarvana, openCarvana } from './formats/carvana.js';
import { isCoco, openCoco } from './formats/coco.js';
import { isFolderFormat, openFolder } from './formats/folder.js';
import { isLggMri, openLggMri } from './formats/lgg-mri.js';
import { isOxfordPets, openOxfordPets, type PetsTarget } from './formats/oxford-pets.js';
import { isVoc, openVoc } from './formats/voc.js';
import { Relabelled } from './subset.js';

export interface OpenOptions {
  /** A folder, a manifest (.csv, .jsonl), or a COCO instances file (.json). */
  readonly root: string;
  /** Recognised by the files where not given. */
  readonly format?: FormatName | undefined;
  /** What a pixel's class means, for `oxford-pets`; default `trimap`. */
  readonly target?: PetsTarget | undefined;
  /** Names, or how many; formats with classes of their own take as many names in their stead. */
  readonly classes?: ClassesOption | undefined;
  /** How masks store classes, where their values leave it open, for `folder`. */
  readonly maskValues?: MaskValues | undefined;
  /** Groups by a pattern over ids, for `folder`. */
  readonly group?: RegExp | undefined;
  /** Throw where an image has no mask, for `folder`. */
  readonly requireMasks?: boolean | undefined;
  /** Resize masks that have the shape but not the size of their image, for `folder`. */
  readonly resizeMasks?: boolean | undefined;
}

interface Format {
  recognises(root: string): Promise<boolean>;
  open(options: OpenOptions): Promise<Dataset>;
}

/** Names that `--format` takes, in the order of recognition: the more particular layouts first. */
export const FORMAT_NAMES = ['oxford-pets', 'voc', 'coco', 'carvana', 'camvid', 'lgg-mri', 'folder'] as const;

export type FormatName = (typeof FORMAT_NAMES)[number];

const FORMATS: Record<FormatName, Format> = {
  'oxford-pets': { recognises: isOxfordPets, open: ({ root, target }) => openOxfordPets(root, target) },
  voc: { recognises: isVoc, open: ({ root, classes }) => openVoc(root, classes) },
  coco: { recognises: isCoco, open: ({ root }) => openCoco(root) },
  carvana: { recognises: isCarvana, open: ({ root }) => openCarvana(root) },
  camvid: { recognises: isCamvid, open: ({ root }) => openCamvid(root) },
  'lgg-mri': { recognises: isLggMri, open: ({ root }) => openLggMri(root) },
  folder: { recognises: isFolderFormat, open: ({ root, ...options }) => openFolder(root, options) },
};

/**
 * Opens a data set of any format. Throws UsageError for an option that the format has no use for,
 * `data-missing` for a path that is not there, and what the format throws.
 */
export async function openDataset(options: OpenOptions): Promise<Dataset> {
  const { root, target, group, classes } = options;
  if (!(await isFolder(root)) && !(await isFile(root))) {
    throw new PixelwiseError('data-missing', `${root}: there is no such folder or file. Check the path.`);
  }
  const name = options.format ?? (await recogniseFormat(root));
  const format = FORMATS[name] as Format | undefined;
  if (format === undefined) {
    throw new UsageError(`There is no format "${String(name)}"; choose one of ${FORMAT_NAMES.join(', ')}.`);
  }
  if (target !== undefined && name !== 'oxford-pets') {
    throw new UsageError(`A target is for the format oxford-pets; ${root} is read as ${name}.`);
  }
  if (group !== undefined && name !== 'folder') {
    throw new UsageError(`A group pattern is for the format folder; ${name} has groups of its own, or none.`);
  }
  const dataset = await format.open(options);
  if (classes === undefined || name === 'folder' || name === 'voc') return dataset;
  const names = classNames(classes);
  if (names.length !== dataset.classes.length) {
    throw new UsageError(
      `${names.length} classes are given, ${name} has ${dataset.classes.length}: ${dataset.classes.join(', ')}.`,
    );
  }
  return typeof classes === 'number' ? dataset : new Relabelled(dataset, names);
}

/**
 * The format that the files of `root` are laid out in; `folder` where nothing else fits.
 *
 * @param first the format that is tried before the others.
 */
export async function recogniseFormat(root: string, first?: FormatName): Promise<FormatName> {
  if (first !== undefined && (await FORMATS[first].recognises(root))) return first;
  for (const name of FORMAT_NAMES) if (await FORMATS[name].recognises(root)) return name;
  return 'folder';
}
