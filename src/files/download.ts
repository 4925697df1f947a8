/**
 * Downloads a file over HTTP. The file appears under its name only when it is complete and its checksum is right.
 * Until then the bytes are in `NAME.partial` beside it, and the next attempt resumes from there.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { renameOver } from './atomic-file.js';
import { type Checksum, digestOf } from './checksum.js';
import { isSystemError, writeError } from './write-error.js';

export interface DownloadProgress {
  readonly bytes: number;
  /** Undefined if the server does not send the length. */
  readonly totalBytes: number | undefined;
}

export interface DownloadOptions {
  readonly url: string;
  readonly path: string;
  /**
   * Without a checksum an interrupted download starts again: a change of the file on the server would go
   * unnoticed.
   */
  readonly checksum?: Checksum;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
  /** Timeout in seconds without a single byte received. Default 60. */
  readonly patience?: number;
}

/**
 * Downloads `url` to the file `path` and creates its folder if needed. Only one process at a time may download a
 * file: claim it ({@link Claim}).
 *
 * @throws PixelwiseError with the reason, and the path where a user can put the file by hand.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { url, path, checksum } = options;
  const partial = `${path}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const resumed = await transfer(options, partial);
    if (checksum !== undefined && !(await matches(partial, checksum))) {
      await rm(partial, { force: true });
      // The partial file may be from another version of the file, or damaged by a crash. Download all of it once.
      if (resumed) await transfer(options, partial);
      if (!resumed || !(await matches(partial, checksum))) {
        await rm(partial, { force: true });
        throw new Error(
          `the downloaded file does not have the published ${checksum.algorithm} ${checksum.digest}…`,
        );
      }
    }
    await renameOver(partial, path);
  } catch (cause) {
    // A refusal of our disk. Those of the network come with other calls.
    if (isSystemError(cause) && isFileCall(cause)) throw writeError(path, cause);
    throw new PixelwiseError(
      'download',
      `${url} could not be downloaded: ${reasonOf(cause)}. Try again, ` +
        `or get the file in another way and save it as ${path}`,
      { cause },
    );
  }
}

const isFileCall = ({ syscall = '' }: NodeJS.ErrnoException): boolean =>
  ['open', 'write', 'mkdir', 'fsync', 'ftruncate', 'rename', 'unlink'].includes(syscall);

/** Downloads the rest of the partial file; returns true if it resumed an earlier download. */
async function transfer(options: DownloadOptions, partial: string): Promise<boolean> {
  const { checksum } = options;
  const present = checksum === undefined ? 0 : await sizeOf(partial);
  const patience = new IdleTimeout(options.patience ?? 60, options.signal);
  try {
    const response = await fetch(options.url, {
      headers: { 'accept-encoding': 'identity', ...(present > 0 ? { range: `bytes=${present}-` } : {}) },
      signal: patience.signal,
    });
    const start = response.status === 206 ? rangeStart(response) : 0;
    if (response.status === 416 || (response.status === 206 && start !== present)) {
      // The partial file is as long as the whole file or longer. The checksum shows if it is complete.
      await response.body?.cancel();
      return true;
    }
    if (!response.ok || response.body === null) {
      throw new Error(`the server answered ${response.status} ${response.statusText}`.trimEnd());
    }
    const totalBytes = totalOf(response, start);
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

/** Aborts when nothing arrives for a number of seconds, or when the caller's signal aborts. */
class IdleTimeout {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private timedOut = false;
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
      this.timedOut = true;
      this.controller.abort();
    }, this.seconds * 1000);
  }

  end(): void {
    clearTimeout(this.timer);
  }

  /** Replaces the abort error by a time-out error if the timer caused it. */
  reason(error: unknown): unknown {
    return this.timedOut
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

/** Opens a file for writing at any position; creates it if it does not exist. */
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

/** Position of the first byte in a partial response: `Content-Range: bytes 100-199/200`. */
function rangeStart(response: Response): number {
  const match = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
  if (match === null) throw new Error('the server sent a part of the file without a Content-Range header');
  return Number(match[1]);
}

function totalOf(response: Response, start: number): number | undefined {
  const length = response.headers.get('content-length');
  return length === null || response.headers.has('content-encoding') ? undefined : start + Number(length);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** `fetch` throws "fetch failed" and gives the reason in the error's cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.message === 'fetch failed'
    ? reasonOf(error.cause)
    : error.message;
}
