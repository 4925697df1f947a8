/**
 * Finds images and their masks in any layout of folders, by names if possible, else by content. If the result is
 * ambiguous, the error lists the candidates.
 */
import picomatch from 'picomatch';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { stemOf } from '../files.js';

import { folderOf, nameOf, type Tree } from '../tree.js';
import { looksLikeMasks } from './content.js';
import { describePairing, patternOf } from './describe.js';
import { type NamedFile, nameFiles } from './files.js';
import { matchMasks, type Match } from './match.js';
import { isFilling, isOrdinal, isPictured, isRoleWord, partNamed, roleOfFolder, wordsOf } from './words.js';

export interface PairingOptions {
  /** Globs for images and for masks, over paths relative to the folder. If given, nothing is guessed. */
  readonly images?: string | undefined;
  readonly masks?: string | undefined;
}

/** An image with its mask or masks. Paths are relative to the folder. */
export interface FoundPair {
  readonly id: string;
  readonly image: string;
  /** With several masks, `variant` is the class (if there is one mask per class) or the name of the object. */
  readonly masks: readonly { readonly file: string; readonly variant: string }[];
  /** The part named by the image's folders, if all pairs have one. */
  readonly split: string | undefined;
}

/** Unused files, and the reason. */
export interface Unused {
  readonly reason: string;
  readonly files: readonly string[];
}

export interface Pairing {
  readonly pairs: readonly FoundPair[];
  /** The meaning of several masks per image; `single` if each image has one mask. */
  readonly kind: 'single' | 'objects' | 'classes';
  /** Images without a mask. */
  readonly unlabelled: readonly string[];
  /** Masks without an image. */
  readonly orphanMasks: readonly string[];
  /** Other image files that are not used. */
  readonly unused: readonly Unused[];
  /** Description for the user, in one line. */
  readonly description: string;
}

/**
 * Pairs the image files of a folder. Throws `data-ambiguous`, naming the candidates, if several results are equally
 * likely, and `mask-missing` or `data-empty` if there are no pairs.
 */
export async function pairFiles(tree: Tree, options: PairingOptions = {}): Promise<Pairing> {
  const { images, masks, others } = await rolesOf(tree, options);
  const { matches, tied } = matchMasks(images, masks);
  if (tied.length > 0) {
    const { mask, images: several } = tied[0]!;
    const globs = (chosen: readonly number[], files: readonly NamedFile[]): string =>
      [...new Set(chosen.map((i) => globOfFamily(files[i]!, files)))].slice(0, 6).join(' or ');
    const masksTied = tied.filter(({ images: list }) => list.every((i) => several.includes(i)));
    throw new PixelwiseError(
      'data-ambiguous',
      `${tree.path(masks[mask]!.path)} belongs to ${several
        .slice(0, 4)
        .map((i) => images[i]!.path)
        .join(
          ' or to ',
        )}: their names fit equally well (copies in two formats, or one file for each band?). ` +
        `Say which files are meant, with one of each: --images ${globs(several, images)}, and --masks ` +
        `${globs(
          masksTied.map((one) => one.mask),
          masks,
        )}.`,
    );
  }
  const byImage = new Map<number, Match[]>();
  for (const match of matches) {
    const list = byImage.get(match.image);
    if (list === undefined) byImage.set(match.image, [match]);
    else list.push(match);
  }
  const { kept, dropped, kind } = await settleVariants(tree, byImage, images, masks);
  const matched = new Set(matches.map(({ mask }) => mask));
  const orphanMasks = masks.filter((_, m) => !matched.has(m)).map(({ path }) => path);
  const unlabelled = images.filter((_, i) => !byImage.has(i)).map(({ path }) => path);
  const found = [...kept].sort(([a], [b]) => a - b);
  if (found.length === 0) throw nothingPaired(tree, images, masks);
  const ids = idsOf(found.map(([i]) => images[i]!));
  const parts = found.map(([i]) => images[i]!.part);
  const hasParts = parts.every((part) => part !== undefined) && new Set(parts).size > 1;
  const pairs = found.map(([i, list], k) => ({
    id: ids[k]!,
    image: images[i]!.path,
    masks: list.map(({ mask, variant }) => ({ file: masks[mask]!.path, variant: variant.join(' ') })),
    split: hasParts ? parts[k] : undefined,
  }));
  const paths = pairs.map(({ image, masks: list }) => ({ image, masks: list.map(({ file }) => file) }));
  return {
    pairs,
    kind,
    unlabelled,
    orphanMasks,
    unused: [...others, ...dropped],
    description: describePairing(paths),
  };
}

interface Roles {
  readonly images: readonly NamedFile[];
  readonly masks: readonly NamedFile[];
  readonly others: readonly Unused[];
}

async function rolesOf(tree: Tree, options: PairingOptions): Promise<Roles> {
  const files = nameFiles(tree.images());
  if (options.images !== undefined || options.masks !== undefined) return rolesByGlobs(tree, files, options);
  const masks = files.filter(({ role }) => role === 'mask');
  const named = files.filter(({ role }) => role === 'image');
  const open = files.filter(({ role }) => role === undefined);
  if (masks.length > 0 && named.length > 0) {
    // Files without a kind in their names are images, too, if masks belong to them.
    const all = [...named, ...open];
    const [some, more] = [matchMasks(named, masks), matchMasks(all, masks)];
    const images = more.tied.length === 0 && more.matches.length > some.matches.length ? all : named;
    if (images === all || open.length === 0) return { images, masks, others: [] };
    const drawn = await drawnAmong(tree, open, named);
    const rest = open.filter((file) => !drawn.includes(file));
    return {
      images,
      masks: [...masks, ...drawn],
      others: rest.length === 0 ? [] : [unused('neither images nor masks by their names', rest)],
    };
  }
  if (masks.length > 0 && open.length > 0) return { images: open, masks, others: [] };
  return rolesByContent(tree, files);
}

/** Throws if other files look like masks and match the images as well as those named as masks. */
async function drawnAmong(
  tree: Tree,
  open: readonly NamedFile[],
  images: readonly NamedFile[],
): Promise<NamedFile[]> {
  const families = familiesOf(open);
  const drawn = await Promise.all(
    families.map(async (family) => {
      const belongs = matchMasks(images, family).matches.length * 2 > family.length;
      return belongs && (await looksLikeMasks(family.map(({ path }) => tree.path(path))));
    }),
  );
  return families.filter((_, i) => drawn[i]).flat();
}

function rolesByGlobs(tree: Tree, files: readonly NamedFile[], { images, masks }: PairingOptions): Roles {
  if (images === undefined || masks === undefined) {
    throw new UsageError('--images and --masks are given together: one glob for each.');
  }
  const fits = (glob: string): ((path: string) => boolean) => {
    const match = picomatch(glob.replace(/^\.\//, ''), { nocase: true });
    return (path) => match(path) || match(tree.path(path));
  };
  const [isImage, isMask] = [fits(images), fits(masks)];
  const chosenMasks = files.filter(({ path }) => isMask(path));
  const chosenImages = files.filter(({ path }) => isImage(path) && !isMask(path));
  for (const [flag, glob, list] of [
    ['--images', images, chosenImages],
    ['--masks', masks, chosenMasks],
  ] as const) {
    if (list.length > 0) continue;
    throw new PixelwiseError(
      'data-empty',
      `${tree.root}: no image file fits ${flag} '${glob}'. Paths are compared relative to the folder, such as ${files[0]?.path ?? 'images/a.png'}.`,
    );
  }
  const others = files.filter(({ path }) => !isImage(path) && !isMask(path));
  return {
    images: chosenImages,
    masks: chosenMasks,
    others: others.length === 0 ? [] : [unused('fit neither --images nor --masks', others)],
  };
}

/** Families of files in one folder with one extension: finds the family of masks by content. */
async function rolesByContent(tree: Tree, files: readonly NamedFile[]): Promise<Roles> {
  const families = familiesOf(files);
  const answers = await Promise.all(
    families.map((family) => looksLikeMasks(family.map(({ path }) => tree.path(path)))),
  );
  const masks = families.filter((_, i) => answers[i]);
  const images = families.filter((_, i) => !answers[i]);
  if (masks.length === 0 || images.length === 0) {
    if (masks.length === 0 && notRead(tree) !== '') return { images: files, masks: [], others: [] };
    if (families.length > 1) {
      throw new PixelwiseError(
        'data-ambiguous',
        `${tree.root}: neither names nor pixels tell images from masks; ${masks.length === 0 ? 'none' : 'all'} of these look like masks: ` +
          `${families
            .slice(0, 6)
            .map((family) => `${patternOf(family.map(({ path }) => path))} (${family.length})`)
            .join(', ')}. ` +
          "Say which are which, for instance --images 'photos/*.jpg' --masks 'masks/*.png'.",
      );
    }
    return { images: masks.length === 0 ? files : [], masks: masks.length === 0 ? [] : files, others: [] };
  }
  return { images: images.flat(), masks: masks.flat(), others: [] };
}

/** Groups files by folder (without words that differ between samples), extension, and suffix after a common name. */
function familiesOf(files: readonly NamedFile[]): NamedFile[][] {
  const families = new Map<string, NamedFile[]>();
  const stems = new Map<string, Set<string>>();
  for (const { folder, words } of files) {
    const known = stems.get(folder) ?? new Set();
    known.add(words.join(' '));
    stems.set(folder, known);
  }
  for (const file of files) {
    const ending = /\.[^.]+$/.exec(nameOf(file.path))?.[0].toLowerCase() ?? '';
    const known = stems.get(file.folder)!;
    let suffix = '';
    for (let length = file.words.length - 1; length > 0; length--) {
      if (!known.has(file.words.slice(0, length).join(' '))) continue;
      suffix = file.words.slice(length).join(' ');
      break;
    }
    const key = `${topFolders(file)}|${ending}|${suffix}`;
    const list = families.get(key);
    if (list === undefined) families.set(key, [file]);
    else list.push(file);
  }
  return [...families.values()];
}

/** The first folder below the top, which usually separates the families. */
const topFolders = ({ folder }: NamedFile): string => folder.split('/').slice(0, 2).join('/');

const unused = (reason: string, files: readonly NamedFile[]): Unused => ({
  reason,
  files: files.map(({ path }) => path),
});

interface Settled {
  readonly kept: ReadonlyMap<number, readonly Match[]>;
  readonly dropped: readonly Unused[];
  readonly kind: Pairing['kind'];
}

/** Decides what several masks per image are: copies for viewing, one per class, one per object, or ambiguous. */
async function settleVariants(
  tree: Tree,
  byImage: ReadonlyMap<number, readonly Match[]>,
  images: readonly NamedFile[],
  masks: readonly NamedFile[],
): Promise<Settled> {
  const pictured: NamedFile[] = [];
  const real = new Map<number, readonly Match[]>();
  for (const [image, list] of byImage) {
    const plain = list.filter(({ mask }) => !isCopy(masks[mask]!));
    const used = list.length > 1 && plain.length > 0 ? plain : list;
    for (const match of list) if (!used.includes(match)) pictured.push(masks[match.mask]!);
    real.set(image, used);
  }
  // A word that all masks have does not distinguish them.
  const telling = new Map(
    [...real.values()].flat().map((match) => [match, tellingWords(match, masks[match.mask]!)]),
  );
  const [first = [], ...more] = telling.values();
  const common = new Set(first.filter((word) => more.every((words) => words.includes(word))));
  const kept = new Map(
    [...real].map(([image, list]) => [
      image,
      list.map((match) => ({
        ...match,
        says: saysOf(
          telling.get(match)!.filter((word) => !common.has(word)),
          masks[match.mask]!,
        ),
      })),
    ]),
  );
  const dropped =
    pictured.length === 0 ? [] : [unused('copies of masks for the eye, or of their objects', pictured)];
  const several = [...kept.values()].filter((list) => list.length > 1);
  if (several.length === 0) return { kept, dropped, kind: 'single' };

  const variants = new Map<string, number>();
  for (const list of kept.values())
    for (const { says } of list) variants.set(says, (variants.get(says) ?? 0) + 1);
  const all = [...kept.values()].flat();
  const example = several[0]!;
  const files = example.map(({ mask }) => masks[mask]!.path);
  const repeated = several.some((list) => new Set(list.map(({ says }) => says)).size < list.length);
  // A class occurs in many images, the name of an object in one.
  const asClasses = !repeated && variants.size * 2 <= all.length && [...variants.keys()].every(isClassName);
  const everywhere = kept.size > 1 && [...kept.values()].every((list) => list.length === variants.size);
  const stems = new Set(example.map(({ mask }) => masks[mask]!.words.join(' ')));
  // The objects of an image are in one folder; files in several folders are masks of several kinds.
  const together = several.every((list) => new Set(list.map(({ mask }) => masks[mask]!.folder)).size === 1);
  const asObjects = !asClasses && !everywhere && together && stems.size === example.length;
  if ((asObjects || asClasses) && !(await sameObject(tree, files))) {
    return { kept: withVariants(kept), dropped, kind: asClasses ? 'classes' : 'objects' };
  }
  // Groups masks by the words that their image does not have; kinds in sibling folders belong together.
  const kinds = new Map<string, Set<string>>();
  const siblings = new Map<string, Set<string>>();
  const add = (map: Map<string, Set<string>>, key: string, value: string): void =>
    void map.set(key, (map.get(key) ?? new Set()).add(value));
  for (const { image, mask } of all) {
    const kind = kindOf(masks[mask]!, images[image]!);
    add(kinds, kind, masks[mask]!.path);
    add(siblings, kindOf({ ...masks[mask]!, folder: folderOf(masks[mask]!.folder) }, images[image]!), kind);
  }
  const groups = [...kinds.keys()].map((kind) => [kind]);
  for (const together of siblings.values()) {
    if (together.size > 2 && together.size < kinds.size) groups.push([...together]);
  }
  const candidates = groups
    .map((group) => group.flatMap((kind) => [...kinds.get(kind)!]))
    .sort((a, b) => b.length - a.length)
    .map((paths) => `--masks '${globOf(paths)}'`);
  const image = images[example[0]!.image]!.path;
  throw new PixelwiseError(
    'data-ambiguous',
    `${tree.path(image)} has several masks, and it is not clear which is meant: ${example
      .slice(0, 4)
      .map(({ mask }) => masks[mask]!.path)
      .join(', ')}. ` +
      `Name the right ones: ${[...new Set(candidates)]
        .slice(0, 6)
        .join(' or ')}, with --images '${globOf([...kept.keys()].map((i) => images[i]!.path))}'.`,
  );
}

/** Words, but neither an ordinal (one of several annotators) nor a hash. */
function isClassName(says: string): boolean {
  return /\p{L}{2,}/u.test(says) && !isOrdinal(says) && !/^(?=.*\d)[\da-f]{8,}$/.test(says);
}

function withVariants(
  kept: ReadonlyMap<number, readonly (Match & { says: string })[]>,
): Map<number, Match[]> {
  return new Map(
    [...kept].map(([image, list]) => [
      image,
      list.map(({ says, ...match }) => ({ ...match, variant: [says] })),
    ]),
  );
}

const folderWords = ({ folder }: NamedFile): string[] => folder.split('/').flatMap(wordsOf);

/** The variant without common words such as "mask"; `left` in `leftMask` may distinguish masks. */
function tellingWords({ variant }: Match, mask: NamedFile): string[] {
  return [
    ...folderWords(mask).filter(isFilling),
    ...variant.filter((word) => !isRoleWord(word) && partNamed(word) === undefined),
  ];
}

/** The words that distinguish a mask from the others of its image; numbers only if there are no words. */
function saysOf(telling: readonly string[], mask: NamedFile): string {
  const words = telling.filter((word) => /\p{L}{2,}/u.test(word));
  // `1. Microaneurysms/x_MA` names the class twice; the folder's word is the longer one.
  const ofFolder = folderWords(mask);
  const inFolder = words.filter((word) => ofFolder.includes(word));
  if (inFolder.length > 0) return [...new Set(inFolder)].join(' ');
  // A numbered folder (`0/00012_hair`) is a piece of a large set.
  const inName = telling.filter((word) => mask.words.includes(word));
  return (words.length > 0 ? inName : telling).join(' ');
}

/** Whether a mask is a copy for viewing; `rgb` in its name means that, too. */
const isCopy = (mask: NamedFile): boolean =>
  [...mask.words, ...folderWords(mask)].some((word) => isPictured(word) || word === 'rgb');

/** Identifies masks of one kind: the words of folder and name, without those of the image, the part and numbers. */
function kindOf(mask: NamedFile, image: NamedFile): string {
  const known = new Set([...image.words, ...image.context]);
  const words = [...folderWords(mask), '/', ...mask.words];
  const rest = words.filter((word) => !known.has(word) && partNamed(word) === undefined);
  return rest.join(' ').replace(/\d+/g, '');
}

/** A glob for a file and similar ones: in the same folder of any part, with its extension. */
function globOfFamily(file: NamedFile, files: readonly NamedFile[]): string {
  const key = ({ path, folder }: NamedFile): string =>
    [...wordsOf(folder).filter((word) => partNamed(word) === undefined), path.replace(/.*\./, '')].join(' ');
  const family = files.filter((other) => key(other) === key(file));
  return `'${globOf(family.map(({ path }) => path))}'`;
}

/** True if two masks mark mostly the same pixels: the same object drawn twice, not two classes. */
async function sameObject(tree: Tree, files: readonly string[]): Promise<boolean> {
  const { decodeImage } = await import('../../images/decode.js');
  const marks = await Promise.all(
    files.slice(0, 4).map(async (file) => {
      const { data, channels } = await decodeImage(tree.path(file));
      return Uint8Array.from({ length: data.length / channels }, (_, i) => (data[i * channels]! > 0 ? 1 : 0));
    }),
  ).catch(() => []);
  for (let a = 0; a < marks.length; a++) {
    for (let b = a + 1; b < marks.length; b++) {
      if (marks[a]!.length !== marks[b]!.length) continue;
      let [both, either] = [0, 0];
      marks[a]!.forEach((value, i) => {
        both += value & marks[b]![i]!;
        either += value | marks[b]![i]!;
      });
      if (either > 0 && both > 0.5 * either) return true;
    }
  }
  return false;
}

/** A glob for paths and similar ones. */
function globOf(paths: readonly string[]): string {
  const levels = paths.map((path) => path.split('/'));
  const depth = levels[0]!.length;
  if (levels.some(({ length }) => length !== depth)) return `**/${globOfNames(paths.map(nameOf))}`;
  return Array.from({ length: depth }, (_, at) => globOfNames(levels.map((names) => names[at]!))).join('/');
}

/** The common start and end of all names, in whole words, with `*` between. */
function globOfNames(names: readonly string[]): string {
  const shared = (ends: readonly string[][]): string[] => {
    const differs = ends[0]!.findIndex((sign, at) => ends.some((other) => other[at] !== sign));
    return differs === -1 ? ends[0]! : ends[0]!.slice(0, differs);
  };
  const signs = names.map((name) => [...name]);
  const head = shared(signs).join('');
  const tail = shared(signs.map((list) => list.toReversed()))
    .toReversed()
    .join('');
  const glob = names.every((name) => name === names[0])
    ? names[0]!
    : `${head.replace(/[\p{L}\p{N}]+$/u, '')}*${tail.replace(/^[\p{L}\p{N}]+/u, '')}`;
  return glob.replace(/[()[\]{}!+@]/g, '?');
}

/** The path without its extension and without folders like `images`. */
function idsOf(images: readonly NamedFile[]): string[] {
  const classic = images.every(({ path }) => path.startsWith('images/'));
  const short = images.map(({ path }) => {
    const stem = stemOf(path).normalize('NFC');
    if (classic) return stem.slice('images/'.length);
    const folders = folderOf(stem) === '' ? [] : folderOf(stem).split('/');
    const telling = folders.filter(
      (name) => roleOfFolder(name) !== 'image' || wordsOf(name).some((word) => !isRoleWord(word)),
    );
    return [...telling, nameOf(stem)].join('/');
  });
  if (new Set(short).size === short.length) return short;
  const whole = images.map(({ path }) => stemOf(path).normalize('NFC'));
  return new Set(whole).size === whole.length ? whole : images.map(({ path }) => path.normalize('NFC'));
}

/** Files that probably contain annotations in an unsupported format. */
function notRead(tree: Tree): string {
  const kinds = ['xml', 'csv', 'json', 'mat', 'npy', 'npz', 'h5', 'txt'].flatMap((ending) => {
    const found = tree.ending(`.${ending}`).filter((file) => !/readme|licen[cs]e|attribution/i.test(file));
    return found.length === 0 ? [] : [`${found.length} .${ending} (${patternOf(found)})`];
  });
  if (kinds.length === 0) return '';
  return (
    ` There are other files too: ${kinds.join(', ')}. If these hold the annotations (outlines in XML, run lengths in a CSV), ` +
    'they are in no form that is read: write one PNG for each image from them, 0 for background, 1, 2 … for the classes.'
  );
}

function nothingPaired(
  tree: Tree,
  images: readonly NamedFile[],
  masks: readonly NamedFile[],
): PixelwiseError {
  if (images.length === 0 && masks.length === 0) {
    const [some] = tree.files;
    return new PixelwiseError(
      'data-empty',
      `${tree.root}: there are no image files in it${some === undefined ? '' : ` (but, for instance, ${some})`}. Give the folder that holds images and masks.`,
    );
  }
  if (masks.length === 0) {
    return new PixelwiseError(
      'mask-missing',
      `${tree.root}: there are ${images.length} images (${patternOf(images.map(({ path }) => path))}) and no masks. ` +
        `Put masks into a folder "masks", named like their images; or export the annotations of your labelling tool to this folder.${notRead(tree)}`,
    );
  }
  return new PixelwiseError(
    images.length === 0 ? 'data-empty' : 'mask-missing',
    `${tree.root}: no mask has the name of an image. ${images.length} images (${images.length === 0 ? 'none' : patternOf(images.map(({ path }) => path))}), ` +
      `${masks.length} masks (${patternOf(masks.map(({ path }) => path))})` +
      (images.length > 0
        ? `; for instance, ${images[0]!.path} has no mask and ${masks[0]!.path} no image`
        : '') +
      ". Name each mask like its image, or say which files are meant: --images 'photos/*.jpg' --masks 'masks/*.png'.",
  );
}
