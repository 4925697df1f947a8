/** Collects the facts for all checks: each pair's decoded files, and properties of the whole data set. */
import { createHash } from 'node:crypto';
import { PixelwiseError } from '../../errors/index.js';
import { decodeImage, describeImage, type ImageInfo } from '../../images/decode.js';
import { decodeMask } from '../../images/decode-mask.js';
import { type ImageFormat, readImage } from '../../images/image-source.js';
import type { Raster } from '../../images/raster.js';
import { connectedComponents, type ObjectMask } from '../../objects/index.js';
import { givenClasses } from '../coloured-classes.js';
import type { Dataset } from '../dataset.js';
import type { FilePair } from '../file-dataset.js';
import { FORMATS } from '../formats/registry.js';
import { type FormatName, openDataset, type OpenOptions, recogniseFormat } from '../open.js';
import { mapParallel } from '../parallel.js';
import { spread } from '../spread.js';
import { maskOf } from '../subset.js';
import { Tree } from '../tree.js';
import { type Fingerprint, fingerprintOf } from './fingerprint.js';

export interface MaskFacts {
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat;
  /** RGB triples, if the file stores indices. */
  readonly palette: Uint8Array | undefined;
  /** Pixels by stored value. */
  readonly counts: ReadonlyMap<number, number>;
}

export interface PairFacts {
  readonly pair: FilePair;
  readonly info?: ImageInfo;
  readonly imageError?: PixelwiseError;
  /** SHA-256 of the image file. */
  readonly digest?: string;
  readonly fingerprint?: Fingerprint | undefined;
  /** The mask file as stored, if the mask is a separate file. */
  readonly mask?: MaskFacts;
  readonly maskError?: PixelwiseError;
  /** Numbers of a label image whose pixels are in several pieces that do not touch, with the number of pieces. */
  readonly inPieces?: readonly { readonly number: number; readonly pieces: number }[];
  /** Pixels by class, read as training reads them. */
  readonly classes?: ReadonlyMap<number, number>;
  /** Why training could not read this sample. */
  readonly sampleError?: PixelwiseError;
}

export interface DatasetFacts {
  readonly root: string;
  readonly format: FormatName;
  /** As training opens it; undefined if that fails. */
  readonly dataset: Dataset | undefined;
  /** Set if the data set could not be opened. */
  readonly openError?: PixelwiseError;
  /** Total number of pairs; `facts` may contain only some of them. */
  readonly pairs: number;
  readonly facts: readonly PairFacts[];
  /** Class names given by the user. */
  readonly given: readonly string[] | undefined;
  /** True if all pairs were examined. */
  readonly thorough: boolean;
  /** Classes that occur in masks, including IGNORE_INDEX; in the whole set if the examined masks have only one. */
  readonly held: ReadonlySet<number>;
}

export interface ExamineOptions extends OpenOptions {
  /** Number of pairs to examine, evenly spaced; default all. */
  readonly sample?: number | undefined;
  /** The data set of these options, if it is already open. */
  readonly opened?: Dataset | undefined;
  readonly concurrency?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Examines the files. Problems of single files are facts, not exceptions. */
export async function gatherFacts(options: ExamineOptions): Promise<DatasetFacts> {
  const { root, sample, signal, onProgress, concurrency = 4 } = options;
  const inventory = await takeInventory(options);
  const { pairs, dataset } = inventory;
  const chosen = sample === undefined ? pairs.map((_, i) => i) : spread(pairs.length, sample);
  const thorough = chosen.length === pairs.length;
  let done = 0;
  const facts = await mapParallel(
    chosen.length,
    concurrency,
    async (k) => {
      const i = chosen[k]!;
      const found = await pairFacts(pairs[i]!, dataset, i, inventory.maskFiles, sample === undefined);
      onProgress?.(++done, chosen.length);
      return found;
    },
    signal,
  );
  const held = new Set(facts.flatMap(({ classes }) => [...(classes?.keys() ?? [])]));
  // If some masks have only one class, this may be chance: examine the others before reporting an error.
  for (let i = 0; held.size === 1 && dataset !== undefined && i < dataset.length && !thorough; i++) {
    signal?.throwIfAborted();
    for (const value of countsOf((await maskOf(dataset, i)).data).keys()) held.add(value);
  }
  const { classes } = givenClasses(options.classes);
  return {
    root,
    format: inventory.format,
    dataset,
    ...(inventory.openError && { openError: inventory.openError }),
    pairs: pairs.length,
    facts,
    given: typeof classes === 'number' ? Array.from({ length: classes }, (_, i) => `class ${i}`) : classes,
    thorough,
    held,
  };
}

interface Inventory {
  readonly format: FormatName;
  readonly pairs: readonly FilePair[];
  /** Whether masks are image files. */
  readonly maskFiles: boolean;
  readonly dataset?: Dataset;
  readonly openError?: PixelwiseError;
}

/** Opens the set as training does. If that fails, its pairs are still listed, so that each file can be examined. */
async function takeInventory({ opened, ...options }: ExamineOptions): Promise<Inventory> {
  const { root } = options;
  let format: FormatName = options.format ?? 'folder';
  let openError: PixelwiseError | undefined;
  try {
    format = options.format ?? (opened?.format as FormatName | undefined) ?? (await recogniseFormat(root));
    const dataset = opened ?? (await openDataset({ ...options, format }));
    const pairs = dataset.ids.map((id, i) => ({
      id,
      ...dataset.files(i),
      group: dataset.groups?.[i],
      split: dataset.splits?.[i],
    }));
    const maskFiles = dataset.reading?.(0)?.maskReading?.kind === 'values';
    return { format, pairs, maskFiles, dataset };
  } catch (error) {
    if (!(error instanceof PixelwiseError)) throw error;
    openError = error;
  }
  const layout = await FORMATS[format]
    .layout?.(await Tree.of(root, options.leftOut), options)
    .catch(() => undefined);
  return { format, pairs: layout?.pairs ?? [], maskFiles: layout !== undefined, openError };
}

async function pairFacts(
  pair: FilePair,
  dataset: Dataset | undefined,
  i: number,
  maskFile: boolean,
  duplicates: boolean,
): Promise<PairFacts> {
  const image = await expected('imageError', async () => {
    const { bytes } = await readImage(pair.image);
    const named = async <T>(work: Promise<T>): Promise<T> =>
      work.catch((error: unknown) => Promise.reject(renamed(error, pair.image)));
    const info = await named(describeImage(bytes));
    const decoded = dataset === undefined ? await named(decodeImage(bytes)) : undefined;
    return { info, decoded, ...(duplicates && { digest: createHash('sha256').update(bytes).digest('hex') }) };
  });
  const mask = maskFile
    ? await expected('maskError', async () => ({ mask: await storedMask(pair.mask) }))
    : {};
  const sample: Partial<PairFacts> & { decoded?: Raster | undefined } =
    dataset === undefined
      ? {}
      : await expected('sampleError', async () => {
          const { image: decoded, mask: classes } = await dataset.get(i);
          const numbered = maskFile && dataset.hasObjects === true;
          return {
            decoded,
            classes: countsOf(classes.data),
            ...(numbered && { inPieces: numbersInPieces(await dataset.getObjects!(i)) }),
          };
        });
  // If training can read the sample, it is correct, even if the file is unusual.
  if (sample.classes !== undefined) delete (mask as { maskError?: PixelwiseError }).maskError;
  const raster = sample.decoded ?? image.decoded;
  const { decoded: _image, ...imageFacts } = image;
  const { decoded: _sample, ...sampleFacts } = sample;
  return {
    pair,
    ...imageFacts,
    ...mask,
    ...sampleFacts,
    ...(duplicates && raster !== undefined && { fingerprint: fingerprintOf(raster) }),
  };
}

/** The error of decoding from memory, with the name of the file instead of "image in memory". */
function renamed(error: unknown, file: string): unknown {
  if (!(error instanceof PixelwiseError)) return error;
  return new PixelwiseError(error.code, error.message.replace('image in memory', file), { cause: error });
}

function numbersInPieces(mask: ObjectMask): { number: number; pieces: number }[] {
  const pieces = new Map<number, number>();
  for (const { value } of connectedComponents(mask).components) {
    const number = Math.floor(value / 256);
    if (number > 0) pieces.set(number, (pieces.get(number) ?? 0) + 1);
  }
  return [...pieces].flatMap(([number, count]) => (count > 1 ? [{ number, pieces: count }] : []));
}

async function storedMask(file: string): Promise<MaskFacts> {
  const { width, height, format, palette, data } = await decodeMask(file);
  return { width, height, format, palette, counts: countsOf(data) };
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

/** The result of `work`, or its PixelwiseError as `key`; other errors are thrown. */
async function expected<K extends string, T extends object>(
  key: K,
  work: () => Promise<T>,
): Promise<Partial<T> & { readonly [E in K]?: PixelwiseError }> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PixelwiseError)
      return { [key]: error } as { [E in K]?: PixelwiseError } & Partial<T>;
    throw error;
  }
}
