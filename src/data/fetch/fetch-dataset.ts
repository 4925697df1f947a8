/**
 * Brings a published data set to a folder: each archive downloaded (resumed after a cut, checked, from a mirror
 * where the first address fails), unpacked beside its place and moved into it. What is there is not fetched
 * again, and archives that a person has put there by hand are used.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { type Checksum, digestOf, download, exists, extractArchive, isFile } from '../../files/index.js';
import { kaggleToken, signedAddress, statedChecksum } from './kaggle.js';
import { type ArchiveSource, DATASETS, type DatasetSource } from './sources.js';

export interface FetchProgress {
  readonly file: string;
  readonly stage: 'download' | 'unpack';
  readonly bytes: number;
  /** Undefined where the server does not say, and while unpacking. */
  readonly totalBytes: number | undefined;
}

export interface FetchDatasetOptions {
  /** Folder that will hold the data set; default `./NAME`. */
  readonly to?: string;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal;
  /** Seconds without a byte after which a server is given up; default 60. */
  readonly patience?: number;
  /** Attempts at each address; what has come is kept between them. Default 3. */
  readonly attempts?: number;
  /** Seconds before the second attempt at an address, doubled before each further one; default 1. */
  readonly pause?: number;
  /** Where tokens are looked for; default the process's. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Known data sets; default {@link DATASETS}. */
  readonly sources?: Readonly<Record<string, DatasetSource>>;
}

export interface FetchedDataset {
  readonly name: string;
  readonly folder: string;
  readonly format: string;
  /** False where everything was there already. */
  readonly fetched: boolean;
}

/**
 * Fetches the data set `name`. Throws UsageError for an unknown name; `download` naming every address, why it
 * failed, and which file to put where by hand; `archive` for one that is damaged or unsafe; `kaggle-token`.
 */
export async function fetchDataset(name: string, options: FetchDatasetOptions = {}): Promise<FetchedDataset> {
  const sources = options.sources ?? DATASETS;
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (source === undefined) {
    throw new UsageError(
      `There is no data set "${name}" to fetch; there are ${Object.keys(sources).join(', ')}.`,
    );
  }
  const folder = options.to ?? name;
  const done = { name, folder, format: source.format };
  if (await isWhole(folder, source)) return { ...done, fetched: false };
  await mkdir(folder, { recursive: true });
  const failures: string[] = [];
  for (const archive of source.archives) {
    const path = join(folder, archive.file);
    const byHand = await isFile(path);
    if (byHand) await checkGiven(path, archive);
    else {
      try {
        await obtain(path, archive, source, options);
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof PixelwiseError) || error.code !== 'download') throw error;
        failures.push(error.message);
        continue;
      }
    }
    await unpack(path, folder, archive, options);
    if (!byHand) await rm(path);
  }
  if (failures.length > 0) throw offline(name, folder, source, failures);
  if (!(await isWhole(folder, source))) {
    throw new PixelwiseError(
      'archive',
      `${folder}: unpacked, but ${source.unpacked.join(', ')} are not all there. The publisher may have changed the ` +
        `archives: see ${source.page}.`,
    );
  }
  return { ...done, fetched: true };
}

async function isWhole(folder: string, { unpacked }: DatasetSource): Promise<boolean> {
  const found = await Promise.all(unpacked.map((path) => exists(join(folder, path))));
  return found.every(Boolean);
}

async function checkGiven(path: string, { md5 }: ArchiveSource): Promise<void> {
  if (md5 === undefined) return;
  const digest = await digestOf(path, 'md5');
  if (digest === md5) return;
  throw new PixelwiseError(
    'archive',
    `${path}: its MD5 is ${digest}, its publisher's ${md5}. It is damaged or another file: delete it and fetch again.`,
  );
}

/** Downloads from the first address that gives the right file. Throws one `download` error for all of them. */
async function obtain(
  path: string,
  archive: ArchiveSource,
  source: DatasetSource,
  options: FetchDatasetOptions,
): Promise<void> {
  const { attempts = 3, pause = 1, signal, patience = 60 } = options;
  const token =
    source.access === 'kaggle'
      ? await kaggleToken(options.environment ?? process.env, source.page)
      : undefined;
  const reasons: string[] = [];
  for (const address of archive.urls) {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1)
        await sleep(1000 * pause * 2 ** (attempt - 2), undefined, { ...(signal && { signal }) });
      try {
        let url = address;
        let checksum: Checksum | undefined =
          archive.md5 === undefined ? undefined : { algorithm: 'md5', digest: archive.md5 };
        if (token !== undefined) {
          const limit = AbortSignal.timeout(patience * 1000);
          const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
          url = await signedAddress(address, token, source.page, either);
          checksum ??= await statedChecksum(url, either);
        }
        await download({
          url,
          path,
          patience,
          ...(checksum && { checksum }),
          ...(signal && { signal }),
          onProgress: ({ bytes, totalBytes }) =>
            options.onProgress?.({ file: archive.file, stage: 'download', bytes, totalBytes }),
        });
        return;
      } catch (error) {
        signal?.throwIfAborted();
        const { message, final } = describe(error, address);
        if (!reasons.includes(message)) reasons.push(message);
        if (final) break;
      }
    }
  }
  throw new PixelwiseError('download', reasons.join('\n'));
}

/** What to tell of a failed attempt, and whether trying the same address again is of any use. */
function describe(error: unknown, address: string): { message: string; final: boolean } {
  if (error instanceof PixelwiseError) {
    const inner = error.cause instanceof Error ? error.cause.message : error.message;
    const short = inner === 'fetch failed' ? 'the server cannot be reached' : inner;
    const final = /answered 4\d\d|Kaggle|does not have the/.test(error.message);
    return { message: short.includes(address) ? short : `${address}: ${short}`, final };
  }
  return { message: `${address}: the server cannot be reached`, final: false };
}

/** Unpacks beside the target and moves the result in, so that a folder in its place is whole. */
async function unpack(
  path: string,
  folder: string,
  archive: ArchiveSource,
  options: FetchDatasetOptions,
): Promise<void> {
  options.onProgress?.({ file: archive.file, stage: 'unpack', bytes: 0, totalBytes: undefined });
  const beside = join(folder, `.${archive.file}.unpacking`);
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { recursive: true });
  try {
    const bounds = {
      maxBytes: archive.maxBytes,
      maxEntries: archive.maxEntries,
      ...(archive.wanted && { wanted: archive.wanted }),
      ...(options.signal && { signal: options.signal }),
    };
    await extractArchive(path, beside, bounds);
    for (const entry of await readdir(beside)) {
      const target = join(folder, entry);
      await rm(target, { recursive: true, force: true });
      await rename(join(beside, entry), target);
    }
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

function offline(
  name: string,
  folder: string,
  source: DatasetSource,
  failures: readonly string[],
): PixelwiseError {
  const files = source.archives
    .map(({ file, urls }) => `  ${urls[0]}\n    as ${join(folder, file)}`)
    .join('\n');
  return new PixelwiseError(
    'download',
    `${name} could not be fetched:\n${failures.join('\n')}\nTry again: what has come is kept. Or download by hand ` +
      `(${source.page}) and put\n${files}\nthen run the same command: it checks and unpacks them.`,
  );
}
