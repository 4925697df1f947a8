/** One way in to every format: `openDataset`. */
import { PixelwiseError, UsageError } from '../errors/index.js';
import { classNames, type ClassesOption, type MaskValues } from './class-values.js';
import { givenClasses } from './coloured-classes.js';
import type { PageReading } from '../images/tiff/structure.js';
import type { Dataset } from './dataset.js';
import { isFile, isFolder } from './files.js';
import { FORMAT_NAMES, type FormatName } from './format-names.js';
import { FORMATS } from './formats/registry.js';
import type { PetsTarget } from './formats/oxford-pets.js';
import { oneClassAPixel } from './layout.js';
import { Relabelled } from './subset.js';
import { Tree } from './tree.js';

export { FORMAT_NAMES, type FormatName };

export interface OpenOptions {
  /** A folder, a manifest (.csv, .tsv, .jsonl), or the file of a labelling tool (.json, .xml). */
  readonly root: string;
  /** Detected from the files where not given. */
  readonly format?: FormatName | undefined;
  /** What a pixel's class means, for `oxford-pets`; default `trimap`. */
  readonly target?: PetsTarget | undefined;
  /**
   * Names, or how many; formats with classes of their own take as many names in their stead. `name=#rrggbb` says
   * which colour of a colour mask stands for the class.
   */
  readonly classes?: ClassesOption | undefined;
  /** How masks store classes, where their values leave it open. */
  readonly maskValues?: MaskValues | undefined;
  /** Groups by a pattern over ids. */
  readonly group?: RegExp | undefined;
  /** Throw where an image has no mask. */
  readonly requireMasks?: boolean | undefined;
  /** Crop and resize masks of another size than their image where that is safe; default true, unless `strict`. */
  readonly resizeMasks?: boolean | undefined;
  /** Refuse what would be repaired: soft or lossy masks, masks of another size. */
  readonly strict?: boolean | undefined;
  /** What the pages of TIFFs are, where nothing in the files says so. */
  readonly pages?: PageReading | undefined;
  /** Globs over paths below `root` that say which files are images and which masks; nothing is guessed then. */
  readonly images?: string | undefined;
  readonly masks?: string | undefined;
  /** Whether classes overlap: a pixel may have several, or none. Takes one mask file for each class, or drawn shapes. */
  readonly multiLabel?: boolean | undefined;
  /** Files (absolute paths) that are passed over as if they were not there. */
  readonly leftOut?: ReadonlySet<string> | undefined;
}

/**
 * Opens a data set of any format. Throws UsageError for an option that the format has no use for,
 * `data-missing` for a path that does not exist, and what the format throws.
 */
export async function openDataset(options: OpenOptions): Promise<Dataset> {
  const { root, target, group } = options;
  const { classes, colours } = givenClasses(options.classes);
  if (!(await isFolder(root)) && !(await isFile(root))) {
    throw new PixelwiseError('data-missing', `${root}: there is no such folder or file. Check the path.`);
  }
  const tree = await Tree.of(root, options.leftOut);
  const byGlobs = options.images !== undefined || options.masks !== undefined;
  const name = options.format ?? (byGlobs ? 'folder' : await recognise(tree));
  const format = (FORMATS as Partial<typeof FORMATS>)[name];
  if (format === undefined) {
    throw new UsageError(`There is no format "${String(name)}"; choose one of ${FORMAT_NAMES.join(', ')}.`);
  }
  if (target !== undefined && name !== 'oxford-pets') {
    throw new UsageError(`A target is for the format oxford-pets; ${root} is read as ${name}.`);
  }
  if (byGlobs && name !== 'folder') {
    throw new UsageError(`--images and --masks are for the format folder; ${root} is read as ${name}.`);
  }
  if (group !== undefined && format.hasGroups === true) {
    throw new UsageError(`A group pattern is not for ${name}, which has groups of its own.`);
  }
  if (colours !== undefined && format.layout === undefined) {
    throw new UsageError(
      `--classes with colours are for masks in colour; ${root} is read as ${name}, which has none: leave the colours out.`,
    );
  }
  const dataset = await format.open(tree, { ...options, classes, colours });
  if (options.multiLabel === true && dataset.multiLabel !== true) throw oneClassAPixel(root, name);
  if (classes === undefined || format.takesClasses === true) return dataset;
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
  return recognise(await Tree.of(root), first);
}

async function recognise(tree: Tree, first?: FormatName): Promise<FormatName> {
  const tried = first === undefined ? FORMAT_NAMES : [first, ...FORMAT_NAMES];
  for (const name of tried) if (await FORMATS[name].recognises(tree)) return name;
  return 'folder';
}
