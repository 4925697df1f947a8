/**
 * Downloads a published data set to a folder. Each archive is downloaded (resumed after an interruption, checked,
 * from a mirror if the first address fails), unpacked to a temporary folder and moved into place. Parts that are
 * already there are not downloaded again. Archives that the user has put there by hand are used.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { type Checksum, digestOf, download, exists, extractArchive, isFile } from '../../files/index.js';
import { checksumFromHeaders, kaggleToken, signedAddress } from './kaggle.js';
import { type ArchiveSource, DATASETS, type DatasetSource } from './sources.js';

export interface FetchProgress {
  readonly file: string;
  readonly stage: 'download' | 'unpack';
  readonly bytes: number;
  /** Undefined if the server does not send the length, and while unpacking. */
  readonly totalBytes: number | undefined;
}

export interface FetchDatasetOptions {
  /** Target folder; default `./NAME`. */
  readonly to?: string;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal;
  /** Timeout in seconds without a byte received; default 60. */
  readonly patience?: number;
  /** Attempts per address; each resumes the one before. Default 3. */
  readonly attempts?: number;
  /** Seconds to wait before the second attempt at an address, doubled before each later one; default 1. */
  readonly pause?: number;
  /** Environment variables in which to look for tokens; default the process's. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Known data sets; default {@link DATASETS}. */
  readonly sources?: Readonly<Record<string, DatasetSource>>;
}

export interface FetchedDataset {
  readonly name: string;
  readonly folder: string;
  readonly format: string;
  /** False if the data set was already complete. */
  readonly fetched: boolean;
}

/**
 * Downloads the data set `name`.
 * @throws UsageError for an unknown name.
 * @throws PixelwiseError `download`, with each failed address, the reason, and which files to put where by hand;
 *   `archive` for a damaged or unsafe archive; `kaggle-token` without a token.
 */
export async function fetchDataset(name: string, options: FetchDatasetOptions = {}): Promise<FetchedDataset> {
  const sources = options.sources ?? DATASETS;
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (source === undefined) {
    throw new UsageError(
      `There is no data set "${name}" to fetch; choose one of ${Object.keys(sources).join(', ')}.`,
    );
  }
  const folder = options.to ?? name;
  const done = { name, folder, format: source.format };
  if (await isComplete(folder, source)) return { ...done, fetched: false };
  await mkdir(folder, { recursive: true });
  const failures: string[] = [];
  for (const archive of source.archives) {
    const path = join(folder, archive.file);
    const isManual = await isFile(path);
    if (isManual) await checkManualDownload(path, archive);
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
    if (!isManual) await rm(path);
  }
  if (failures.length > 0) throw downloadError(name, folder, source, failures);
  if (!(await isComplete(folder, source))) {
    throw new PixelwiseError(
      'archive',
      `${folder}: after unpacking, not all of ${source.unpacked.join(', ')} exist. The publisher may have changed the ` +
        `archives: see ${source.page}.`,
    );
  }
  return { ...done, fetched: true };
}

async function isComplete(folder: string, { unpacked }: DatasetSource): Promise<boolean> {
  const found = await Promise.all(unpacked.map((path) => exists(join(folder, path))));
  return found.every(Boolean);
}

async function checkManualDownload(path: string, { md5 }: ArchiveSource): Promise<void> {
  if (md5 === undefined) return;
  const digest = await digestOf(path, 'md5');
  if (digest === md5) return;
  throw new PixelwiseError(
    'archive',
    `${path}: its MD5 is ${digest}, but the published one is ${md5}. ` +
      'The file is damaged or a different one: delete it and fetch again.',
  );
}

/** Tries the addresses in order. Throws one `download` error with all reasons if every address fails. */
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
          checksum ??= await checksumFromHeaders(url, either);
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

/** The message for a failed attempt, and whether it is pointless to try the same address again. */
function describe(error: unknown, address: string): { message: string; final: boolean } {
  if (error instanceof PixelwiseError) {
    const inner = error.cause instanceof Error ? error.cause.message : error.message;
    const short = inner === 'fetch failed' ? 'the server cannot be reached' : inner;
    const final = /answered 4\d\d|Kaggle|does not have the published/.test(error.message);
    return { message: short.includes(address) ? short : `${address}: ${short}`, final };
  }
  return { message: `${address}: the server cannot be reached`, final: false };
}

/**
 * Unpacks to a temporary folder and moves the result into the target, so that a folder in the target is always
 * complete.
 */
async function unpack(
  path: string,
  folder: string,
  archive: ArchiveSource,
  options: FetchDatasetOptions,
): Promise<void> {
  options.onProgress?.({ file: archive.file, stage: 'unpack', bytes: 0, totalBytes: undefined });
  const temporary = join(folder, `.${archive.file}.unpacking`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    const bounds = {
      maxBytes: archive.maxBytes,
      maxEntries: archive.maxEntries,
      ...(archive.wanted && { wanted: archive.wanted }),
      ...(options.signal && { signal: options.signal }),
    };
    await extractArchive(path, temporary, bounds);
    for (const entry of await readdir(temporary)) {
      const target = join(folder, entry);
      await rm(target, { recursive: true, force: true });
      await rename(join(temporary, entry), target);
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function downloadError(
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
    `${name} could not be fetched:\n${failures.join('\n')}\nTry again: the download resumes. Or download by hand ` +
      `(${source.page}) and save\n${files}\nthen run the same command: it checks and unpacks them.`,
  );
}
