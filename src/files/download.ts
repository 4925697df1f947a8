/**
 * Files fetched over HTTP: whole and checked, or not there. What has come so far stays beside the file's place
 * as `NAME.partial`; the next attempt goes on from there.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { type Checksum, digestOf } from './checksum.js';

export interface DownloadProgress {
  readonly bytes: number;
  /** Unknown if the server does not say. */
  readonly totalBytes: number | undefined;
}

export interface DownloadOptions {
  readonly url: string;
  readonly path: string;
  /** Without one, an interrupted download starts anew: nothing would tell that the file has changed. */
  readonly checksum?: Checksum;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
  /** Seconds without a single byte after which the server is given up. Default 60. */
  readonly patience?: number;
}

/**
 * Fetches `url` into the file `path`, whose folder is made if need be. Two processes may fetch the same file at
 * once: they write the same bytes to the same places.
 *
 * @throws PixelwiseError saying what went wrong and where the file can be put by hand.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { url, path, checksum } = options;
  const partial = `${path}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const resumed = await transfer(options, partial);
    if (checksum !== undefined && !(await matches(partial, checksum))) {
      await rm(partial, { force: true });
      // The beginning may have been of another file, or damaged by a crash: once more from the first byte.
      if (resumed) await transfer(options, partial);
      if (!resumed || !(await matches(partial, checksum))) {
        await rm(partial, { force: true });
        throw new Error(
          `what came does not have the ${checksum.algorithm} ${checksum.digest}… of its publisher`,
        );
      }
    }
    await rename(partial, path);
  } catch (cause) {
    throw new PixelwiseError(
      'download',
      `${url} could not be downloaded: ${reasonOf(cause)}. Try again, ` +
        `or fetch the file in another way and put it at ${path}`,
      { cause },
    );
  }
}

/** Brings the partial file to its full length; true if it went on from what was there. */
async function transfer(options: DownloadOptions, partial: string): Promise<boolean> {
  const { checksum } = options;
  const present = checksum === undefined ? 0 : await sizeOf(partial);
  const patience = new Patience(options.patience ?? 60, options.signal);
  try {
    const response = await fetch(options.url, {
      headers: { 'accept-encoding': 'identity', ...(present > 0 ? { range: `bytes=${present}-` } : {}) },
      signal: patience.signal,
    });
    const start = response.status === 206 ? rangeStart(response) : 0;
    if (response.status === 416 || (response.status === 206 && start !== present)) {
      // What is there is as long as the file or longer: whole already, or wrong, which the checksum tells.
      await response.body?.cancel();
      return true;
    }
    if (!response.ok || response.body === null) {
      throw new Error(`the server answered ${response.status} ${response.statusText}`.trimEnd());
    }
    const totalBytes = totalOf(response, start);
    // Neither truncated nor appended to, since another process may be writing the same file.
    const file = await openForUpdate(partial);
    try {
      let bytes = start;
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        patience.renew();
        await writeAt(file, chunk, bytes);
        bytes += chunk.length;
        options.onProgress?.({ bytes, totalBytes });
      }
      if (totalBytes !== undefined && bytes !== totalBytes) {
        throw new Error(`the connection ended after ${bytes} of ${totalBytes} bytes`);
      }
      await file.truncate(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    return start > 0;
  } catch (error) {
    throw patience.reason(error);
  } finally {
    patience.end();
  }
}

/** Aborts when nothing has happened for a while, or when the caller says so. */
class Patience {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private ranOut = false;
  readonly signal: AbortSignal;

  constructor(
    private readonly seconds: number,
    caller: AbortSignal | undefined,
  ) {
    this.signal = caller ? AbortSignal.any([caller, this.controller.signal]) : this.controller.signal;
    this.renew();
  }

  renew(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.ranOut = true;
      this.controller.abort();
    }, this.seconds * 1000);
  }

  end(): void {
    clearTimeout(this.timer);
  }

  /** What an error of an aborted request stands for. */
  reason(error: unknown): unknown {
    return this.ranOut
      ? new Error(`the server sent nothing for ${this.seconds} seconds`, { cause: error })
      : error;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

/** Opens for writing at any position, making the file if there is none. */
async function openForUpdate(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return open(path, 'w');
  }
}

async function writeAt(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < chunk.length) {
    done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
  }
}

async function matches(path: string, checksum: Checksum): Promise<boolean> {
  return (await digestOf(path, checksum.algorithm)).startsWith(checksum.digest);
}

/** The first byte of a partial answer: `Content-Range: bytes 100-199/200`. */
function rangeStart(response: Response): number {
  const match = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
  if (match === null) throw new Error('the server sent a part of the file without saying which');
  return Number(match[1]);
}

function totalOf(response: Response, start: number): number | undefined {
  const length = response.headers.get('content-length');
  return length === null || response.headers.has('content-encoding') ? undefined : start + Number(length);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** `fetch` says only "fetch failed" and keeps the reason in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.message === 'fetch failed'
    ? reasonOf(error.cause)
    : error.message;
}
