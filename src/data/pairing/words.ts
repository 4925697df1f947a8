/** The meaning of words in names of files and folders: image or mask, part of the data set, variant. */

/** Words for masks. Only irregular plurals are listed. */
const MASK_WORDS = new Set([
  'mask',
  'label',
  'lbl',
  'lab',
  'labelled',
  'labeled',
  'annotation',
  'annot',
  'anno',
  'ann',
  'annotated',
  'gt',
  'gtfine',
  'gtcoarse',
  'groundtruth',
  'truth',
  'seg',
  'segm',
  'segmentation',
  'segmented',
  'segmap',
  'segclass',
  'manual',
  'trimap',
  'matte',
  'target',
  'labelid',
  'silhouette',
  'semantic',
]);

/** Words for images. */
const IMAGE_WORDS = new Set([
  'image',
  'img',
  'im',
  'photo',
  'picture',
  'pic',
  'input',
  'rgb',
  'original',
  'raw',
  'jpegimage',
  'img8bit',
  'frame',
  'scan',
  'tile',
  'sat',
]);

/** Words that occur with those above and mean nothing alone. */
const FILLING = new Set([
  'ground',
  'dir',
  'data',
  'png',
  'jpg',
  'jpeg',
  'tif',
  'tiff',
  'bmp',
  'gif',
  'file',
  'folder',
  'class',
  'binary',
  'all',
  'dataset',
  'set',
  'fine',
  'left',
]);

/** Names of parts. */
const PART_WORDS = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['trn', 'train'],
  ['val', 'valid'],
  ['valid', 'valid'],
  ['validation', 'valid'],
  ['dev', 'valid'],
  ['test', 'test'],
  ['testing', 'test'],
  ['tst', 'test'],
]);

/** Words for copies of a mask for viewing, or with other contents, besides the mask with the classes. */
const PICTURED = new Set([
  'color',
  'colour',
  'colored',
  'coloured',
  'colormap',
  'colourmap',
  'vis',
  'viz',
  'visualization',
  'visualisation',
  'overlay',
  'overlaid',
  'preview',
  'instanceid',
  'instance',
  'edge',
  'contour',
  'boundary',
  'thumbnail',
  'thumb',
  'pseudo',
  'panoptic',
  'rgbmask',
]);

/** First, second…: one of several people who drew the same mask. */
const ORDINAL = /^(1st|2nd|3rd|\dth|observer|annotator|expert|rater|reader|first|second|third)/;

export type Role = 'image' | 'mask';

const plain = (word: string): string =>
  word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;

export const isMaskWord = (word: string): boolean => MASK_WORDS.has(word) || MASK_WORDS.has(plain(word));
export const isImageWord = (word: string): boolean => IMAGE_WORDS.has(word) || IMAGE_WORDS.has(plain(word));
export const isPictured = (word: string): boolean => PICTURED.has(word) || PICTURED.has(plain(word));
export const isOrdinal = (word: string): boolean => ORDINAL.test(word);
export const isFilling = (word: string): boolean => FILLING.has(word);
export const partNamed = (word: string): string | undefined => PART_WORDS.get(word);

/** True for words that name the kind of file, not the sample. */
export const isRoleWord = (word: string): boolean => isMaskWord(word) || isImageWord(word) || isFilling(word);

/**
 * The words of a name, in lower case and one Unicode form: `GroundTruth_01` → `ground`, `truth`, `01`;
 * `manual1` → `manual`, `1`; `a12b` stays one word, so that hashes and ids are not split.
 */
export function wordsOf(name: string): string[] {
  const spaced = name
    .normalize('NFC')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, ' ')
    .trim();
  if (spaced === '') return [];
  return spaced.split(' ').flatMap((word) => {
    if (isMaskWord(word) || isImageWord(word)) return [word];
    // A word from the lists above with a number: `mask1`, `image0001`, `1mask`.
    const match = /^(\p{L}+)(\d+)$/u.exec(word) ?? /^(\d+)(\p{L}+)$/u.exec(word);
    if (match === null) return [word];
    const [first, second] = [match[1]!, match[2]!];
    const letters = /^\d/.test(first) ? second : first;
    return isMaskWord(letters) || isImageWord(letters) || partNamed(letters) !== undefined
      ? [first, second]
      : [word];
  });
}

/** The meaning of a folder's name. A name with words of both kinds (`train_image_masks`) means masks. */
export function roleOfFolder(name: string): Role | undefined {
  const words = wordsOf(name);
  const joined = words.join('');
  if (words.some(isMaskWord) || isMaskWord(joined)) return 'mask';
  if (words.some(isImageWord) || isImageWord(joined)) return 'image';
  return undefined;
}

/** The part named by a folder, ignoring words like `images` and numbers: `train`, `val_images`, `train2017`. */
export function partOfFolder(name: string): string | undefined {
  const rest = wordsOf(name).filter((word) => !isRoleWord(word) && word.length > 1 && !/^\d+$/.test(word));
  return rest.length === 1 ? partNamed(rest[0]!) : undefined;
}
