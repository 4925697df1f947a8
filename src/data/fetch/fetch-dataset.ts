/**
 * Downloads a published data set to a folder. Each archive is downloaded (resumed after an interruption, checked,
 * from a mirror if the first address fails), unpacked to a temporary folder and moved into place. Parts that are
 * already there are not downloaded again. Archives that the user has put there by hand are used. Files and folders
 * that were not written by it are never replaced.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import {
  type Checksum,
  Claim,
  digestOf,
  download,
  exists,
  extractArchive,
  isFile,
  renameOver,
  writeFileAtomic,
} from '../../files/index.js';
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
 *   `archive` for a damaged or unsafe archive; `kaggle-token` without a token; `folder-in-use` if another process
 *   writes the folder, or the folder has files of other origin where the data set belongs.
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
  const claim = await Claim.take(folder, { purpose: `fetch ${name}`, keepEmpty: true });
  try {
    await fetchInto(folder, name, source, options);
  } finally {
    await claim.release();
  }
  return { ...done, fetched: true };
}

async function fetchInto(
  folder: string,
  name: string,
  source: DatasetSource,
  options: FetchDatasetOptions,
): Promise<void> {
  const begun = await readProgress(folder);
  const topmost = source.unpacked.map((path) => path.split('/')[0]!);
  await refuseOthers(folder, topmost, begun);
  const failures: string[] = [];
  for (const archive of source.archives) {
    if (begun.archives.includes(archive.file)) continue;
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
    await unpack(path, folder, archive, begun, options);
    if (!isManual) await rm(path);
  }
  if (failures.length > 0) throw downloadError(name, folder, source, failures);
  const missing: string[] = [];
  for (const path of source.unpacked) if (!(await exists(join(folder, path)))) missing.push(path);
  if (missing.length > 0) {
    throw new PixelwiseError(
      'archive',
      `${folder}: after unpacking, ${missing.join(', ')} does not exist. The publisher may have changed the ` +
        `archives: see ${source.page}.`,
    );
  }
  await rm(join(folder, PROGRESS_FILE), { force: true });
}

/** Exists in the folder while the data set is not complete. */
const PROGRESS_FILE = '.pixelwise-fetch.json';

/** How far an earlier, interrupted fetch came. */
interface Begun {
  /** Archives that are unpacked. */
  readonly archives: string[];
  /** Files and folders of the target folder that were moved into place, each whole. */
  readonly entries: string[];
}

async function readProgress(folder: string): Promise<Begun> {
  try {
    const { archives, entries } = JSON.parse(await readFile(join(folder, PROGRESS_FILE), 'utf8')) as Begun;
    return { archives: [...archives], entries: [...entries] };
  } catch {
    return { archives: [], entries: [] };
  }
}

const writeProgress = (folder: string, begun: Begun): Promise<void> =>
  writeFileAtomic(join(folder, PROGRESS_FILE), JSON.stringify(begun));

/** @throws PixelwiseError if something that an earlier fetch did not write is where the data set belongs. */
async function refuseOthers(folder: string, names: readonly string[], { entries }: Begun): Promise<void> {
  for (const name of names) {
    if (entries.includes(name) || !(await exists(join(folder, name)))) continue;
    throw new PixelwiseError(
      'folder-in-use',
      `${join(folder, name)} exists already, and fetch did not write it. Choose another folder with --to, or move it away.`,
    );
  }
}

async function isComplete(folder: string, { unpacked }: DatasetSource): Promise<boolean> {
  const found = await Promise.all(unpacked.map((path) => exists(join(folder, path))));
  return found.every(Boolean) && !(await exists(join(folder, PROGRESS_FILE)));
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
 * complete. What an earlier attempt has moved there stays.
 */
async function unpack(
  path: string,
  folder: string,
  archive: ArchiveSource,
  begun: Begun,
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
    const names = await readdir(temporary);
    await refuseOthers(folder, names, begun);
    // Recorded before they are moved: after a crash in between, they are known to be ours.
    begun.entries.push(...names.filter((name) => !begun.entries.includes(name)));
    await writeProgress(folder, begun);
    for (const name of names) {
      const target = join(folder, name);
      if (!(await exists(target))) await renameOver(join(temporary, name), target);
    }
    begun.archives.push(archive.file);
    await writeProgress(folder, begun);
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
