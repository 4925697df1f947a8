/** What is looked at once, for all checks: each pair's files, decoded, and the data set around them. */
import { createHash } from 'node:crypto';
import { PixelwiseError } from '../../errors/index.js';
import { decodeImage, describeImage, type ImageInfo } from '../../images/decode.js';
import { decodeMask } from '../../images/decode-mask.js';
import { type ImageFormat, readImage } from '../../images/image-source.js';
import type { Dataset } from '../dataset.js';
import type { FilePair } from '../file-dataset.js';
import { pairFolder } from '../formats/folder.js';
import { type FormatName, openDataset, type OpenOptions, recogniseFormat } from '../open.js';
import { mapParallel } from '../parallel.js';
import { spread } from '../spread.js';
import { type Fingerprint, fingerprintOf } from './fingerprint.js';

export interface MaskFacts {
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat | undefined;
  /** RGB triples, where the file stores indices. */
  readonly palette: Uint8Array | undefined;
  /** Pixels by stored value (by class, for formats with a mapping of their own). */
  readonly counts: ReadonlyMap<number, number>;
}

export interface PairFacts {
  readonly pair: FilePair;
  readonly info?: ImageInfo;
  readonly imageError?: PixelwiseError;
  /** SHA-256 of the image file. */
  readonly digest?: string;
  readonly fingerprint?: Fingerprint | undefined;
  readonly mask?: MaskFacts;
  readonly maskError?: PixelwiseError;
}

export interface DatasetFacts {
  readonly root: string;
  readonly format: FormatName;
  /** Pairs in all; `facts` may hold a sample of them. */
  readonly pairs: number;
  readonly facts: readonly PairFacts[];
  readonly unlabelled: readonly string[];
  readonly orphanMasks: readonly string[];
  /** Class names: those given, or those of the format. */
  readonly classes: readonly string[] | undefined;
  /** True where mask values are raw (format folder); else they are classes already. */
  readonly raw: boolean;
  /** Set where the data set could not be opened at all. */
  readonly openError?: PixelwiseError;
  /** True where all pixels were decoded, not only headers and masks of a few. */
  readonly thorough: boolean;
}

export interface ExamineOptions extends OpenOptions {
  /** Pairs to look at, spread over the set; default all. With a number, images are judged by their headers. */
  readonly sample?: number | undefined;
  /** The data set of these options, where it is open already: it is not opened again. */
  readonly opened?: Dataset | undefined;
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Looks at the files. Problems of single files are facts, not exceptions. */
export async function gatherFacts(options: ExamineOptions): Promise<DatasetFacts> {
  const { root, sample, signal, onProgress, concurrency = 4 } = options;
  const thorough = sample === undefined;
  const format = options.format ?? (await recogniseFormat(root));
  const inventory = await takeInventory(format, options);
  const chosen =
    sample === undefined ? inventory.pairs.map((_, i) => i) : spread(inventory.pairs.length, sample);
  let done = 0;
  const facts = await mapParallel(
    chosen.length,
    concurrency,
    async (k) => {
      const i = chosen[k]!;
      const pair = inventory.pairs[i]!;
      const readMask =
        inventory.dataset === undefined
          ? undefined
          : (): Promise<MaskFacts> => classFacts(inventory.dataset!, i);
      const found = { pair, ...(await imageFacts(pair, thorough)), ...(await maskFacts(pair, readMask)) };
      onProgress?.(++done, chosen.length);
      return found;
    },
    signal,
  );
  return {
    root,
    format,
    pairs: inventory.pairs.length,
    facts,
    unlabelled: inventory.unlabelled,
    orphanMasks: inventory.orphanMasks,
    classes: inventory.classes,
    raw: inventory.dataset === undefined,
    ...(inventory.openError === undefined ? {} : { openError: inventory.openError }),
    thorough,
  };
}

interface Inventory {
  readonly pairs: readonly FilePair[];
  readonly unlabelled: readonly string[];
  readonly orphanMasks: readonly string[];
  readonly classes: readonly string[] | undefined;
  readonly dataset?: Dataset;
  readonly openError?: PixelwiseError;
}

/** The files of format folder are paired without opening it, since what is wrong with them may prevent that. */
async function takeInventory(format: FormatName, { opened, ...options }: ExamineOptions): Promise<Inventory> {
  const nothing = { pairs: [], unlabelled: [], orphanMasks: [], classes: undefined };
  try {
    if (format === 'folder') {
      const { classes, group } = options;
      const { pairs, unlabelled, orphanMasks } = await pairFolder(options.root);
      const grouped =
        group === undefined
          ? pairs
          : pairs.map((pair) => ({ ...pair, group: group.exec(pair.id)?.[1] ?? pair.group }));
      const names =
        typeof classes === 'number' ? Array.from({ length: classes }, (_, i) => `class ${i}`) : classes;
      return { pairs: grouped, unlabelled, orphanMasks, classes: names };
    }
    const dataset = opened ?? (await openDataset({ ...options, format }));
    const pairs = dataset.ids.map((id, i) => ({
      id,
      ...dataset.files(i),
      group: dataset.groups?.[i],
      split: dataset.splits?.[i],
    }));
    return {
      pairs,
      unlabelled: dataset.unlabelled ?? [],
      orphanMasks: [],
      classes: dataset.classes,
      dataset,
    };
  } catch (error) {
    if (!(error instanceof PixelwiseError)) throw error;
    return { ...nothing, openError: error };
  }
}

async function imageFacts(pair: FilePair, thorough: boolean): Promise<Partial<PairFacts>> {
  return expected('imageError', async () => {
    const { bytes } = await readImage(pair.image);
    const named = async <T>(work: Promise<T>): Promise<T> =>
      work.catch((error: unknown) => Promise.reject(renamed(error, pair.image)));
    const info = await named(describeImage(bytes));
    if (!thorough) return { info };
    const image = await named(decodeImage(bytes));
    const digest = createHash('sha256').update(bytes).digest('hex');
    return { info, digest, fingerprint: fingerprintOf(image) };
  });
}

/** The error that decoding from memory gives, with the file's name in the place of "image in memory". */
function renamed(error: unknown, file: string): unknown {
  if (!(error instanceof PixelwiseError)) return error;
  return new PixelwiseError(error.code, error.message.replace('image in memory', file), { cause: error });
}

async function maskFacts(
  pair: FilePair,
  read: (() => Promise<MaskFacts>) | undefined,
): Promise<Partial<PairFacts>> {
  return expected('maskError', async () => ({
    mask: await (read ?? ((): Promise<MaskFacts> => rawFacts(pair.mask)))(),
  }));
}

async function rawFacts(file: string): Promise<MaskFacts> {
  const { width, height, format, palette, data } = await decodeMask(file);
  return { width, height, format, palette, counts: countsOf(data) };
}

async function classFacts(dataset: Dataset, i: number): Promise<MaskFacts> {
  const { width, height, data } = await (dataset.getMask?.(i) ?? dataset.get(i).then(({ mask }) => mask));
  return { width, height, format: undefined, palette: undefined, counts: countsOf(data) };
}

function countsOf(data: Uint8Array | Uint16Array): Map<number, number> {
  const histogram = new Uint32Array(data instanceof Uint16Array ? 65536 : 256);
  for (let i = 0; i < data.length; i++) histogram[data[i]!]!++;
  const counts = new Map<number, number>();
  histogram.forEach((count, value) => {
    if (count > 0) counts.set(value, count);
  });
  return counts;
}

async function expected(
  key: 'imageError' | 'maskError',
  work: () => Promise<Partial<PairFacts>>,
): Promise<Partial<PairFacts>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PixelwiseError) return { [key]: error };
    throw error;
  }
}
