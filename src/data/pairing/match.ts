/** Matches masks to images by common words in their names and folders. */
import type { NamedFile } from './files.js';
import { withoutRoleWords } from './files.js';

export interface Match {
  readonly image: number;
  readonly mask: number;
  /** Words of the mask's name and folders that its image does not have: the class, or the number of the object. */
  readonly variant: readonly string[];
}

export interface Matching {
  readonly matches: readonly Match[];
  /** Masks that match several images equally well, with these images. */
  readonly tied: readonly { readonly mask: number; readonly images: readonly number[] }[];
}

/** Separates the words of a key; does not occur in names. */
const GAP = '\u0001';
const keyOf = (words: readonly string[]): string => words.join(GAP);
const numeric = (words: readonly string[]): string[] =>
  words.map((word) => (/^\d+$/.test(word) ? String(BigInt(word)) : word));
/** `t000` → `t`, `000`. */
const pieces = (words: readonly string[]): string[] =>
  words.flatMap((word) => word.match(/\p{N}+|[^\p{N}]+/gu) ?? []);

/**
 * Matches masks to images. These rules are tried until nearly all masks have an image: by the words of the image
 * without those that name the kind; also without words at the start or end of all images in a folder; also with numbers
 * compared by value; by the words of the mask in the image's name; with letters separated from digits; and by the
 * folder, if it contains one image.
 */
export function matchMasks(images: readonly NamedFile[], masks: readonly NamedFile[]): Matching {
  const plain = images.map(({ words }) => withoutRoleWords(words));
  const trimmed = withoutCommonEnds(images, plain);
  const asNumbers = masks.map((mask) => ({
    ...mask,
    words: numeric(mask.words),
    context: numeric(mask.context),
  }));
  const attempts: (() => Matching)[] = [
    () => matchByWords(images, plain, masks),
    () => matchByWords(images, trimmed, masks),
    () => matchByWords(images, plain.map(numeric), asNumbers),
    () => matchByWords(images, trimmed.map(numeric), asNumbers),
    () => matchWithinImages(images, masks),
    () => {
      const apart = images.map((image) => ({ ...image, words: pieces(image.words) }));
      const keys = withoutCommonEnds(
        apart,
        apart.map(({ words }) => withoutRoleWords(words)),
      );
      return matchByWords(
        apart,
        keys,
        masks.map((mask) => ({ ...mask, words: pieces(mask.words) })),
      );
    },
    () => matchByFolder(images, masks),
  ];
  let best: Matching = { matches: [], tied: [] };
  for (const attempt of attempts) {
    const found = attempt();
    if (score(found) > score(best)) best = found;
    if (
      best.matches.length >= 0.9 * masks.length &&
      covered(best) >= 0.9 * Math.min(images.length, masks.length)
    )
      break;
  }
  return best;
}

const covered = ({ matches }: Matching): number => new Set(matches.map(({ image }) => image)).size;
const score = (matching: Matching): number =>
  matching.matches.length + covered(matching) + matching.tied.length / 1000;

/** Removes words at the start or end of all images in a folder, if the other words still identify each image. */
function withoutCommonEnds(images: readonly NamedFile[], words: readonly (readonly string[])[]): string[][] {
  const byFolder = new Map<string, number[]>();
  images.forEach(({ folder }, i) => {
    const list = byFolder.get(folder);
    if (list === undefined) byFolder.set(folder, [i]);
    else list.push(i);
  });
  const out = words.map((list) => [...list]);
  for (const members of byFolder.values()) {
    if (members.length < 2) continue;
    const shortest = Math.min(...members.map((i) => words[i]!.length));
    const same = (at: number): boolean =>
      members.every((i) => words[i]!.at(at) === words[members[0]!]!.at(at));
    let [head, tail] = [0, 0];
    while (head < shortest - 1 && same(head)) head++;
    while (tail < shortest - 1 - head && same(-1 - tail)) tail++;
    for (const i of members) out[i] = words[i]!.slice(head, words[i]!.length - tail);
  }
  return out;
}

interface Candidate {
  readonly from: number;
  readonly to: number;
  readonly images: readonly number[];
}

function matchByWords(
  images: readonly NamedFile[],
  keys: readonly (readonly string[])[],
  masks: readonly NamedFile[],
): Matching {
  const byKey = new Map<string, number[]>();
  keys.forEach((words, i) => {
    if (words.length === 0) return;
    const key = keyOf(words);
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [i]);
    else list.push(i);
  });
  const longest = Math.max(0, ...keys.map((words) => words.length));
  // If a mask's words contain several keys, the position where most masks have theirs decides.
  const places = new Map<string, number>();
  const found = masks.map((mask) => {
    const words = [...mask.context, ...mask.words];
    const candidates: Candidate[] = [];
    for (let from = 0; from < words.length; from++) {
      for (let to = from + 1; to <= Math.min(words.length, from + longest); to++) {
        const list = byKey.get(keyOf(words.slice(from, to)));
        if (list !== undefined) candidates.push({ from, to, images: list });
      }
    }
    return { words, candidates };
  });
  if (found.some(({ candidates }) => candidates.length > 1)) {
    found.forEach(({ words, candidates }, m) => {
      for (const place of new Set(candidates.flatMap((one) => placesOf(one, words.length, masks[m]!)))) {
        places.set(place, (places.get(place) ?? 0) + 1);
      }
    });
  }
  const matches: Match[] = [];
  const tied: { mask: number; images: readonly number[] }[] = [];
  found.forEach(({ words, candidates }, m) => {
    const mask = masks[m]!;
    const rank = (one: Candidate): number =>
      Math.max(...placesOf(one, words.length, mask).map((place) => places.get(place)!));
    const ordered =
      candidates.length < 2
        ? candidates
        : candidates.toSorted(
            (a, b) => b.to - b.from - (a.to - a.from) || rank(b) - rank(a) || b.from - a.from,
          );
    for (const candidate of ordered) {
      const best = nearest(candidate.images, images, mask);
      if (best === undefined) continue;
      if (typeof best !== 'number') {
        tied.push({ mask: m, images: best });
        return;
      }
      const rest = [...words.slice(0, candidate.from), ...words.slice(candidate.to)];
      matches.push({ image: best, mask: m, variant: withoutContext(rest, images[best]!.context) });
      return;
    }
  });
  return withinContexts({ matches, tied }, images, masks);
}

/** Counted from the left and from the right of the name, and whether in the name or in the folders. */
function placesOf({ from, to }: Candidate, length: number, { context }: NamedFile): string[] {
  const where = from >= context.length ? 'name' : 'folder';
  return [`${where} left ${from - (where === 'name' ? context.length : 0)}`, `${where} right ${length - to}`];
}

/** The image whose folders have most words in common with the mask's; several if tied; never one of another part. */
function nearest(
  candidates: readonly number[],
  images: readonly NamedFile[],
  mask: NamedFile,
): number | readonly number[] | undefined {
  let best: number[] = [];
  let most = -Infinity;
  for (const i of candidates) {
    const image = images[i]!;
    if (image.part !== undefined && mask.part !== undefined && image.part !== mask.part) continue;
    const shared = image.context.filter((word) => mask.context.includes(word)).length;
    const closeness = 100 * shared - image.context.length + (image.folder === mask.folder ? 0.5 : 0);
    if (closeness > most) [best, most] = [[i], closeness];
    else if (closeness === most) best.push(i);
  }
  if (best.length === 0) return undefined;
  return best.length === 1 ? best[0] : best;
}

/** Names of images that contain those of masks: `a01_s1_w1_3f.tif` of `a01_s1.png`. Several images for a mask are a tie. */
function matchWithinImages(images: readonly NamedFile[], masks: readonly NamedFile[]): Matching {
  const keys = masks.map(({ words }) => withoutRoleWords(words));
  const byMask = new Map<number, number[]>();
  for (const { image: mask, mask: image } of matchByWords(masks, keys, images).matches) {
    const list = byMask.get(mask);
    if (list === undefined) byMask.set(mask, [image]);
    else list.push(image);
  }
  const found = [...byMask];
  return {
    matches: found.flatMap(([mask, [image, ...more]]) =>
      more.length === 0 ? [{ image: image!, mask, variant: [] }] : [],
    ),
    tied: found.flatMap(([mask, list]) => (list.length > 1 ? [{ mask, images: list }] : [])),
  };
}

/** If the folders of most pairs agree, drops pairs whose folders contradict each other. */
function withinContexts(
  matching: Matching,
  images: readonly NamedFile[],
  masks: readonly NamedFile[],
): Matching {
  const agrees = ({ image, mask }: Match): boolean =>
    images[image]!.context.every(
      (word) => masks[mask]!.context.includes(word) || masks[mask]!.words.includes(word),
    );
  const contextual = matching.matches.filter(({ image }) => images[image]!.context.length > 0);
  const agreeing = contextual.filter(agrees).length;
  if (agreeing * 2 <= contextual.length) return matching;
  return {
    ...matching,
    matches: matching.matches.filter((match) => images[match.image]!.context.length === 0 || agrees(match)),
  };
}

/** One folder per sample: the masks in it, or in folders next to its image's, belong to its only image. */
function matchByFolder(images: readonly NamedFile[], masks: readonly NamedFile[]): Matching {
  const byContext = new Map<string, number[]>();
  images.forEach(({ context }, i) => {
    const key = keyOf(context);
    const list = byContext.get(key);
    if (list === undefined) byContext.set(key, [i]);
    else list.push(i);
  });
  if (byContext.size < 2 && images.length > 1) return { matches: [], tied: [] };
  const matches: Match[] = [];
  masks.forEach((mask, m) => {
    for (let length = mask.context.length; length > 0; length--) {
      const found = byContext.get(keyOf(mask.context.slice(0, length)));
      if (found === undefined) continue;
      if (found.length === 1) {
        matches.push({ image: found[0]!, mask: m, variant: [...mask.context.slice(length), ...mask.words] });
      }
      return;
    }
  });
  return { matches, tied: [] };
}

function withoutContext(words: readonly string[], context: readonly string[]): string[] {
  const left = [...context];
  return words.filter((word) => {
    const at = left.indexOf(word);
    if (at === -1) return true;
    left.splice(at, 1);
    return false;
  });
}
