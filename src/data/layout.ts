/**
 * A layout: the image files and their masks, as a format finds them before any pixel is read. All formats whose masks
 * are image files make their data set from a layout in the same way.
 */
import { PixelwiseError, UsageError } from '../errors/index.js';
import { decodeMask } from '../images/decode-mask.js';
import { describeImage } from '../images/decode.js';
import { IGNORE_INDEX } from '../images/raster.js';
import { checkOverlappingClasses, setOf } from '../labels/label-set.js';
import { groupsOf } from './group-pattern.js';
import { classNames, type ClassesOption, type MaskValues, valuesIn } from './class-values.js';
import { FileDataset, type FilePair, findLayout } from './file-dataset.js';
import { type Finding, finding } from './finding.js';
import type { PageReading } from '../images/tiff/structure.js';
import { isBackgroundName, isIgnoredName, type Legend } from './legend.js';
import { findMaskMeaning, type LegendEntry as ColouredClass } from './mask-meaning.js';
import { expandPages } from './pages.js';
import { mapParallel } from './parallel.js';
import type { Size } from './sample-reading.js';
import { findSizeRepairs } from './size-repairs.js';
import { spread } from './spread.js';
import type { Unused } from './pairing/pair-files.js';

export interface Layout {
  /** Format name, as `--format` takes it. */
  readonly format: string;
  /** How images and masks were matched, in one line. */
  readonly pairing: string;
  readonly pairs: readonly FilePair[];
  /** Class names, if an image has one mask per class or per object; the masks are then layers. */
  readonly layerClasses?: readonly string[] | undefined;
  /** Whether each of these masks marks one object. */
  readonly layersAreObjects?: boolean;
  /** Images without a mask, absolute paths. */
  readonly unlabelled: readonly string[];
  /** Masks without an image, absolute paths. */
  readonly orphanMasks: readonly string[];
  /** Other image files that are not used, and the reason. */
  readonly unused: readonly Unused[];
  readonly legend?: Legend | undefined;
  readonly findings?: readonly Finding[];
}

export interface LayoutOptions {
  /** Class names, or their number. Default: detected from the legend or the masks. */
  readonly classes?: ClassesOption | undefined;
  /** The colours of these classes in colour masks, if given. */
  readonly colours?: readonly ColouredClass[] | undefined;
  /** How masks store two classes, if their values are ambiguous (only 0, or 0 and 255). Default: guessed. */
  readonly maskValues?: MaskValues | undefined;
  /** Groups samples by their ids: by the first capture group of the pattern, or by the whole match. */
  readonly group?: RegExp | undefined;
  /** Throw if an image has no mask, instead of treating it as unlabelled. */
  readonly requireMasks?: boolean | undefined;
  /** Crops and resizes masks whose size differs from their image's, if that is safe. Default true, unless `strict`. */
  readonly resizeMasks?: boolean | undefined;
  /** Throw for what would be repaired: soft or lossy masks, masks of another size. */
  readonly strict?: boolean | undefined;
  /** What the pages of TIFFs are, if the files do not say so. */
  readonly pages?: PageReading | undefined;
  /** Whether classes overlap, which takes one mask file for each class. */
  readonly multiLabel?: boolean | undefined;
}

/**
 * The data set of a layout. `root` names it in messages. Throws `mask-missing` (if requested), `data-empty`,
 * `group`, and what {@link findMaskMeaning} throws.
 */
export async function openLayout(root: string, layout: Layout, options: LayoutOptions): Promise<FileDataset> {
  const { unlabelled, orphanMasks, unused } = layout;
  if (options.requireMasks === true && unlabelled.length > 0) {
    throw new PixelwiseError(
      'mask-missing',
      `${unlabelled.length} images have no mask: ${shortened(unlabelled)}. Add masks named like them, or move ` +
        'these images away.',
    );
  }
  const { group } = options;
  const files = group === undefined ? layout.pairs : grouped(layout.pairs, group);
  const { pairs, findings: paged } = await expandPages(files, options.pages);
  const resizeMasks = options.resizeMasks ?? options.strict !== true;
  const findings: Finding[] = [...(layout.findings ?? []), ...paged];
  if (unlabelled.length > 0) {
    findings.push(
      finding(
        'warning',
        'mask-missing',
        unlabelled,
        'These images have no mask; they are left out of training.',
        'Add masks named like them, or move these images away.',
      ),
    );
  }
  if (orphanMasks.length > 0) {
    findings.push(
      finding(
        'warning',
        'image-missing',
        orphanMasks,
        'These masks have no image; they are not used.',
        'Add images named like them, or remove these masks.',
      ),
    );
  }
  for (const { reason, files } of unused) {
    findings.push(
      finding(
        'warning',
        'file-unused',
        files,
        `These files are not used: ${reason}.`,
        'Nothing, if that is right.',
      ),
    );
  }
  const {
    layout: images,
    notes,
    sizes,
  } = await findLayout(
    [...new Set(pairs.map((pair) => pair.image))],
    pairs.some(({ page }) => page === 'channels') ? 'channels' : undefined,
  );
  const common = {
    format: layout.format,
    pairing: layout.pairing,
    pairs,
    layout: images,
    unlabelled,
    resizeMasks,
  };
  const { colours } = options;
  if (layout.layerClasses !== undefined) {
    if (colours !== undefined) {
      throw new UsageError(
        `--classes with colours are for masks in colour; in ${root} each mask file marks one class or object: leave the colours out.`,
      );
    }
    const { multiLabel: sets = false } = options;
    // Layer k is bit k − 1 then, since class 0 is the background.
    const found = sets ? layout.layerClasses.slice(1) : layout.layerClasses;
    const names = options.classes === undefined ? found : classNames(options.classes);
    if (sets) checkOverlappingClasses(found, root);
    if (resizeMasks) findings.push(...findSizeRepairs(pairs, sizes, await layerSizes(pairs)));
    return new FileDataset({
      ...common,
      classes: names,
      notes: [...notes, ...findings.filter(({ level }) => level === 'note').map(({ message }) => message)],
      findings,
      multiLabel: sets,
      hasObjects: !sets && layout.layersAreObjects === true,
      masks: {
        reading: ({ layers }) =>
          sets
            ? {
                kind: 'layers',
                layers: layers!.map((layer) => ({ ...layer, value: setOf(layer.value - 1) })),
                sets,
              }
            : { kind: 'layers', layers: layers!, perObject: layout.layersAreObjects === true },
      },
    });
  }
  if (options.multiLabel === true) throw oneClassAPixel(root, layout.format);
  const { unfit, ...named } =
    colours === undefined
      ? await legendClasses(layout, options.classes)
      : { classes: options.classes, legend: colours, legendGiven: true, unfit: undefined };
  if (unfit !== undefined) findings.push(unfit);
  const meaning = await findMaskMeaning(
    pairs.map((pair) => pair.mask),
    { where: root, maskValues: options.maskValues, strict: options.strict, ...named },
  );
  if (resizeMasks) findings.push(...findSizeRepairs(pairs, sizes, meaning.sizes));
  findings.push(...meaning.findings);
  return new FileDataset({
    ...common,
    classes: meaning.names,
    maskValues: meaning.maskValues,
    notes: [...notes, ...findings.filter(({ level }) => level === 'note').map(({ message }) => message)],
    findings,
    hasObjects: meaning.numbered,
    masks: { reading: () => meaning.reading },
  });
}

/** The error for `multiLabel` where a pixel has one class. */
export function oneClassAPixel(root: string, format: string): UsageError {
  return new UsageError(
    `--multi-label needs classes that can overlap: one mask file for each class, or the shapes of a labelling tool. ` +
      `${root} is read as ${format}, whose masks hold one class for each pixel: leave it out.`,
  );
}

/** Number of pairs for which the size of the first layer is compared with that of the image. */
const LAYERS_LOOKED_AT = 256;

/** Sizes of the masks that are layers, from their headers. Unreadable files are reported when they are read. */
async function layerSizes(pairs: readonly FilePair[]): Promise<ReadonlyMap<string, Size>> {
  const looked = spread(pairs.length, LAYERS_LOOKED_AT).map((i) => pairs[i]!.mask);
  const sizes = await mapParallel(looked.length, 8, (i) => describeImage(looked[i]!).catch(() => undefined));
  return new Map(looked.flatMap((file, i) => (sizes[i] === undefined ? [] : [[file, sizes[i]]])));
}

/** Class names and colours: the given ones, else those of the legend file. */
async function legendClasses(
  { legend, pairs }: Layout,
  given: ClassesOption | undefined,
): Promise<{
  classes?: ClassesOption;
  legend?: readonly ColouredClass[];
  indices?: true;
  unfit?: Finding;
}> {
  if (legend !== undefined && legend.entries.some(isIgnoredValue)) {
    const entries = legend.entries.filter((entry) => !isIgnoredValue(entry));
    return { classes: given ?? namesByValue(entries, await foundValues(pairs)), indices: true };
  }
  // The classes of a run have no colours, but the legend file of these masks may have them.
  const known = typeof given === 'object' ? given : [];
  const isOfClasses = legend?.entries.every(
    ({ name, colour }) => colour !== undefined && known.includes(name),
  );
  if (given !== undefined && isOfClasses !== true) return { classes: given };
  if (legend === undefined) return {};
  const { entries } = legend;
  if (entries.every(({ colour }) => colour !== undefined)) {
    const coloured = entries.map(({ name, colour }) => ({ name, colour: colour! }));
    // The background is class 0, wherever the tool lists it.
    const background = coloured.findIndex(
      ({ name, colour }) => isBackgroundName(name) || colour.every((c) => c === 0),
    );
    const first =
      background === -1 ? { name: 'background', colour: [0, 0, 0] as const } : coloured[background]!;
    return {
      ...(given !== undefined && { classes: given }),
      legend: [first, ...coloured.filter((_, i) => i !== background)],
    };
  }
  const found = await foundValues(pairs);
  const names = namesByValue(entries, found);
  const twoValues = found.size === 2 && found.has(0) && found.has(255);
  if (!twoValues || names.length <= 2) return { classes: names };
  // The list names what is in the pictures, not the classes of the masks.
  const message = `${legend.source} lists ${entries.length} names, but the masks hold only 0 and 255: they are background and foreground.`;
  const fix = 'Nothing, if that is right; else give --classes with all names, and 255 marks ignored pixels.';
  return { unfit: finding('warning', 'classes-unfit', [legend.source], message, fix) };
}

/** `255 ignore` in a list of values and names. */
const isIgnoredValue = ({ name, value }: Legend['entries'][number]): boolean =>
  value === IGNORE_INDEX && isIgnoredName(name);

/** Number of masks examined to decide whether a list of names omits the background. */
const LOOKED_AT = 32;

function namesByValue(entries: Legend['entries'], found: ReadonlySet<number>): string[] {
  const byValue = new Map(entries.map(({ name, value }, i) => [value ?? i, name]));
  const highest = Math.max(...byValue.keys());
  const names = Array.from(
    { length: highest + 1 },
    (_, value) => byValue.get(value) ?? (value === 0 ? 'background' : `class ${value}`),
  );
  if (names.some(isBackgroundName)) return names;
  if (names.length === 1) return ['background', ...names];
  const classes = [...found].filter((value) => value !== IGNORE_INDEX);
  return Math.max(0, ...classes) === names.length ? ['background', ...names] : names;
}

/** The values in the first masks. Unreadable files are reported when they are read. */
async function foundValues(pairs: readonly FilePair[]): Promise<Set<number>> {
  const looked = await Promise.all(
    pairs.slice(0, LOOKED_AT).map(({ mask }) => decodeMask(mask).then(valuesIn, () => new Set<number>())),
  );
  return new Set(looked.flatMap((values) => [...values]));
}

function grouped(pairs: readonly FilePair[], pattern: RegExp): FilePair[] {
  const ids = pairs.map(({ id }) => id);
  return groupsOf(ids, pattern).map((group, i) => {
    const pair = pairs[i]!;
    if (group !== undefined) return { ...pair, group };
    throw new PixelwiseError(
      'group',
      `${pair.image}: the group pattern ${String(pattern)} does not match its id "${pair.id}". Widen the pattern.`,
    );
  });
}

function shortened(files: readonly string[]): string {
  return files.length <= 5
    ? files.join(', ')
    : `${files.slice(0, 5).join(', ')} and ${files.length - 5} more`;
}
