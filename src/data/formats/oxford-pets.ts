/**
 * Format `oxford-pets`: the Oxford-IIIT Pet data set in its official layout (Parkhi et al., "Cats and Dogs",
 * 2012). `images/*.jpg` (some are PNG or GIF by content), `annotations/trimaps/*.png` whose values are 1 pet,
 * 2 background, 3 border, and the official lists `annotations/trainval.txt` and `test.txt`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { type ClassValues, classValues } from '../class-values.js';
import { FileDataset, type FilePair } from '../file-dataset.js';
import { isFile, isImageName, listFiles, stemOf } from '../files.js';
import { nameOf, type Tree } from '../tree.js';
import { PETS_TARGETS, type PetsTarget } from './pets-targets.js';
import { describeFiles } from '../pairing/describe.js';

export { PETS_TARGETS, type PetsTarget };

/** The 37 breeds in the order of their official numbers, 1 to 37. Cats are written with a capital. */
const BREEDS = [
  'Abyssinian',
  'american_bulldog',
  'american_pit_bull_terrier',
  'basset_hound',
  'beagle',
  'Bengal',
  'Birman',
  'Bombay',
  'boxer',
  'British_Shorthair',
  'chihuahua',
  'Egyptian_Mau',
  'english_cocker_spaniel',
  'english_setter',
  'german_shorthaired',
  'great_pyrenees',
  'havanese',
  'japanese_chin',
  'keeshond',
  'leonberger',
  'Maine_Coon',
  'miniature_pinscher',
  'newfoundland',
  'Persian',
  'pomeranian',
  'pug',
  'Ragdoll',
  'Russian_Blue',
  'saint_bernard',
  'samoyed',
  'scottish_terrier',
  'shiba_inu',
  'Siamese',
  'Sphynx',
  'staffordshire_bull_terrier',
  'wheaten_terrier',
  'yorkshire_terrier',
] as const;

const [PET, BACKGROUND, BORDER] = [1, 2, 3];

/** Recognised by its folders and by the breeds that most of its trimaps are named after. */
export function isOxfordPets(tree: Tree): Promise<boolean> {
  const trimaps = tree.in('annotations/trimaps').filter((file) => isImageName(nameOf(file)));
  const ofBreeds = trimaps.filter((file) => BREEDS.some((breed) => nameOf(file).startsWith(`${breed}_`)));
  return Promise.resolve(trimaps.length > 0 && ofBreeds.length * 2 > trimaps.length);
}

/**
 * Opens the data set. Pairs are all images that have a trimap; their official part is `train` (trainval.txt)
 * or `test` (test.txt).
 */
export async function openOxfordPets(root: string, target: PetsTarget = 'trimap'): Promise<FileDataset> {
  const classes = classesOf(target);
  const trimaps = join(root, 'annotations', 'trimaps');
  const masks = new Map((await listFiles(trimaps)).map((file) => [stemOf(file), join(trimaps, file)]));
  const [train, test] = [await readList(root, 'trainval.txt'), await readList(root, 'test.txt')];
  const pairs: FilePair[] = [];
  const unlabelled: string[] = [];
  for (const file of await listFiles(join(root, 'images'))) {
    const id = stemOf(file);
    const image = join(root, 'images', file);
    const mask = masks.get(id);
    if (mask === undefined) unlabelled.push(image);
    else pairs.push({ id, image, mask, split: train.has(id) ? 'train' : test.has(id) ? 'test' : undefined });
  }
  const present = new Set(pairs.map((pair) => pair.id));
  const absent = [...train, ...test].filter((id) => !present.has(id));
  const notes =
    absent.length > 0 ? [`${absent.length} listed images or trimaps are missing (${absent[0]}…).`] : [];
  const tables = new Map<string, ClassValues>();
  const tableOf = (id: string): ClassValues => {
    const breed = breedOf(id, target);
    const known = tables.get(breed);
    if (known !== undefined) return known;
    const table = valuesFor(target, breed, classes);
    tables.set(breed, table);
    return table;
  };
  return new FileDataset({
    format: 'oxford-pets',
    pairing: describeFiles(root, pairs),
    pairs,
    classes,
    layout: { channels: 3, maxValue: 255 },
    unlabelled,
    notes,
    masks: { reading: (pair) => ({ kind: 'values', values: tableOf(pair.id) }) },
  });
}

function classesOf(target: PetsTarget): readonly string[] {
  switch (target) {
    case 'trimap':
      return ['pet', 'background', 'border'];
    case 'binary':
      return ['background', 'pet'];
    case 'species':
      return ['background', 'cat', 'dog'];
    case 'breed':
      return ['background', ...BREEDS];
    default:
      throw new UsageError(
        `There is no target "${String(target)}"; choose one of ${PETS_TARGETS.join(', ')}.`,
      );
  }
}

/** `american_bulldog_12` → `american_bulldog`; only needed where the class depends on it. */
function breedOf(id: string, target: PetsTarget): string {
  if (target === 'trimap' || target === 'binary') return '';
  const breed = id.replace(/_\d+$/, '');
  if (!(BREEDS as readonly string[]).includes(breed)) {
    throw new PixelwiseError(
      'data-name',
      `${id}: "${breed}" is not one of the 37 breeds, so its ${target} is unknown.`,
    );
  }
  return breed;
}

function valuesFor(target: PetsTarget, breed: string, classes: readonly string[]): ClassValues {
  if (target === 'trimap') {
    const order = new Map([PET, BACKGROUND, BORDER].map((value, index) => [value!, index]));
    return classValues(classes, order, 'trimap values 1 pet, 2 background, 3 border');
  }
  const isCat = breed !== '' && breed[0] === breed[0]!.toUpperCase();
  const pet = target === 'binary' ? 1 : target === 'species' ? (isCat ? 1 : 2) : classes.indexOf(breed);
  const values = new Map([
    [BACKGROUND!, 0],
    [PET!, pet],
    [BORDER!, pet],
  ]);
  return classValues(classes, values, 'trimap values 1 pet, 2 background, 3 border');
}

/** First words of an official list; the empty set where the list is not there. */
async function readList(root: string, name: string): Promise<Set<string>> {
  const path = join(root, 'annotations', name);
  if (!(await isFile(path))) return new Set();
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/);
  return new Set(
    lines.filter((line) => line.trim() !== '' && !line.startsWith('#')).map((line) => line.split(/\s/)[0]!),
  );
}
