/**
 * Finds images and their masks in any layout of folders, by names alone where these tell, else by content. What
 * cannot be decided is an error that shows the candidates.
 */
import picomatch from 'picomatch';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { stemOf } from '../files.js';

import { folderOf, nameOf, type Tree } from '../tree.js';
import { looksLikeMasks } from './content.js';
import { describePairing, patternOf } from './describe.js';
import { type NamedFile, nameFiles } from './files.js';
import { matchMasks, type Match } from './match.js';
import { isOrdinal, isPictured, isRoleWord, partNamed, roleOfFolder, wordsOf } from './words.js';

export interface PairingOptions {
  /** Which files are images, and which masks, as globs over paths relative to the folder. Given, nothing is guessed. */
  readonly images?: string | undefined;
  readonly masks?: string | undefined;
}

/** An image with its mask, or its several masks. Paths are relative to the folder. */
export interface FoundPair {
  readonly id: string;
  readonly image: string;
  /** Of several masks, `variant` is the class (where masks are one a class) or the object's name. */
  readonly masks: readonly { readonly file: string; readonly variant: string }[];
  /** The part that the image's folders name, where all pairs have one. */
  readonly split: string | undefined;
}

/** Files that are not used, and why. */
export interface Unused {
  readonly reason: string;
  readonly files: readonly string[];
}

export interface Pairing {
  readonly pairs: readonly FoundPair[];
  /** How several masks of one image are meant; `single` where each has one. */
  readonly kind: 'single' | 'objects' | 'classes';
  /** Images without a mask. */
  readonly unlabelled: readonly string[];
  /** Masks without an image. */
  readonly orphanMasks: readonly string[];
  /** Other image files that are not used. */
  readonly unused: readonly Unused[];
  /** One line for a person. */
  readonly description: string;
}

/**
 * Pairs the image files of a folder. Throws `data-ambiguous` naming the candidates where several readings are as
 * likely, `mask-missing` or `data-empty` where nothing pairs.
 */
export async function pairFiles(tree: Tree, options: PairingOptions = {}): Promise<Pairing> {
  const { images, masks, others } = await rolesOf(tree, options);
  const { matches, tied } = matchMasks(images, masks);
  if (tied.length > 0) {
    const {
      mask,
      images: [a, b],
    } = tied[0]!;
    throw new PixelwiseError(
      'data-ambiguous',
      `${tree.path(masks[mask]!.path)} belongs to ${images[a]!.path} or to ${images[b]!.path}: their names fit equally well. ` +
        'Rename or remove one of them, or say which files are meant with --images and --masks.',
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
    // Files whose names say nothing are images too, if they are what the masks belong to.
    const all = [...named, ...open];
    const [some, more] = [matchMasks(named, masks), matchMasks(all, masks)];
    const images = more.tied.length === 0 && more.matches.length > some.matches.length ? all : named;
    const others =
      images === named && open.length > 0 ? [unused('neither images nor masks by their names', open)] : [];
    return { images, masks, others };
  }
  if (masks.length > 0 && open.length > 0) return { images: open, masks, others: [] };
  return rolesByContent(tree, files);
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

/** Families of files that lie in one folder and have one ending: one holds the masks, if content tells it. */
async function rolesByContent(tree: Tree, files: readonly NamedFile[]): Promise<Roles> {
  const families = familiesOf(files);
  const answers = await Promise.all(
    families.map((family) => looksLikeMasks(family.map(({ path }) => tree.path(path)))),
  );
  const masks = families.filter((_, i) => answers[i]);
  const images = families.filter((_, i) => !answers[i]);
  if (masks.length === 0 || images.length === 0) {
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

/** Files by folder (the words that differ between samples left out), ending, and what follows a name they share. */
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

/** The first folder below the top, which is where families usually part. */
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

/** Decides what several masks of one image are: copies for the eye, one a class, one an object, or a question. */
async function settleVariants(
  tree: Tree,
  byImage: ReadonlyMap<number, readonly Match[]>,
  images: readonly NamedFile[],
  masks: readonly NamedFile[],
): Promise<Settled> {
  const lists = [...byImage].map(
    ([image, list]) =>
      [image, list.map((match) => ({ ...match, says: saysOf(match, masks[match.mask]!) }))] as const,
  );
  const pictured: NamedFile[] = [];
  const kept = new Map<number, (Match & { says: string })[]>();
  for (const [image, list] of lists) {
    const real = list.filter(({ mask }) => !isCopy(masks[mask]!));
    const used = list.length > 1 && real.length > 0 ? real : list;
    for (const match of list) if (!used.includes(match)) pictured.push(masks[match.mask]!);
    kept.set(image, used);
  }
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
  // A class is met in many images, a name of an object in one.
  const asClasses = !repeated && variants.size * 2 <= all.length && [...variants.keys()].every(isClassName);
  const everywhere = kept.size > 1 && [...kept.values()].every((list) => list.length === variants.size);
  const stems = new Set(example.map(({ mask }) => masks[mask]!.words.join(' ')));
  const asObjects = !asClasses && !everywhere && stems.size === example.length;
  if (asObjects || (asClasses && !(await sameObject(tree, files)))) {
    return { kept: withVariants(kept), dropped, kind: asClasses ? 'classes' : 'objects' };
  }
  const candidates = [...variants.keys()].map((says) =>
    patternOf(
      [...kept.values()]
        .flat()
        .filter((match) => match.says === says)
        .map(({ mask }) => masks[mask]!.path),
    ),
  );
  const image = images[example[0]!.image]!.path;
  throw new PixelwiseError(
    'data-ambiguous',
    `${tree.path(image)} has several masks, and it is not clear which is meant: ${example
      .slice(0, 4)
      .map(({ mask }) => masks[mask]!.path)
      .join(', ')}. ` +
      `Name the right ones: ${candidates
        .slice(0, 4)
        .map((glob) => `--masks '${globOf(glob)}'`)
        .join(' or ')}, with --images '${globOf(patternOf([...kept.keys()].map((i) => images[i]!.path)))}'.`,
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

/** The variant in words that are not of the trade; of numbers only where there is nothing else. */
function saysOf({ variant }: Match, mask: NamedFile): string {
  const telling = variant.filter((word) => !isRoleWord(word) && partNamed(word) === undefined);
  const words = telling.filter((word) => /\p{L}{2,}/u.test(word));
  // `1. Microaneurysms/x_MA` says it twice; the folder's word is the fuller one.
  const inFolder = words.filter((word) => mask.context.includes(word));
  return (
    inFolder.length > 0 ? inFolder : words.length > 0 && telling.length === words.length ? words : telling
  ).join(' ');
}

const isCopy = ({ words, folder }: NamedFile): boolean =>
  words.some(isPictured) || wordsOf(nameOf(folder)).some(isPictured);

/** True where two masks mark mostly the same pixels: the same thing drawn twice, not two classes. */
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

/** A pattern for a person as a glob. */
const globOf = (pattern: string): string =>
  pattern.replace(/\b(NAME|N|FOLDER|SAMPLE|PART)\b/g, '*').replace('…', '**');

/** The path without its ending and without folders whose names only say that images are in them. */
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
        'Put masks into a folder "masks", named like their images; or export the annotations of your labelling tool to this folder.',
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
