/** Extracts `.tar` and `.tar.gz` archives as a stream: the archive may be larger than memory. */
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { asArchiveError, ExtractGuard, type ExtractOptions } from './limits.js';

const FILES: readonly string[] = ['File', 'OldFile', 'ContiguousFile'];

/**
 * Extracts into `folder`.
 *
 * @throws PixelwiseError `archive` for anything damaged or unsafe; the caller then removes the folder.
 */
export async function extractTar(archive: string, folder: string, options: ExtractOptions): Promise<void> {
  const { signal } = options;
  const guard = new ExtractGuard(archive, options);
  const failed = new AbortController();
  const writes: Promise<void>[] = [];
  let hasEnd = false;
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      const written = extractEntry(entry, folder, guard, failed.signal);
      written.catch((error: unknown) => failed.abort(error));
      writes.push(written);
    },
  });
  parser.on('ignoredEntry', ({ path, meta }: ReadEntry) => {
    failed.abort(meta ? guard.error('it holds endless attributes.') : guard.special(path));
  });
  parser.on('eof', () => (hasEnd = true));
  parser.on('error', (error: Error) => failed.abort(error));
  try {
    await pipeline(
      createReadStream(archive, { highWaterMark: 1 << 18 }),
      /\.t?gz$/i.test(archive) ? createGunzip() : new PassThrough(),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          if (!parser.write(chunk)) await once(parser, 'drain', { signal: failed.signal });
        }
        const ended = once(parser, 'end', { signal: failed.signal });
        parser.end();
        await ended;
      },
      { signal: signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]) },
    );
    await Promise.all(writes);
    failed.signal.throwIfAborted();
    if (!hasEnd) throw guard.error('it is cut short.');
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(writes);
    throw asArchiveError(archive, failed.signal.reason, signal);
  }
}

async function extractEntry(
  entry: ReadEntry,
  folder: string,
  guard: ExtractGuard,
  signal: AbortSignal,
): Promise<void> {
  try {
    const path = guard.admit(entry.path, entry.size);
    const target = join(folder, path);
    if (entry.type === 'Directory') await mkdir(target, { recursive: true });
    else if (!FILES.includes(entry.type)) throw guard.special(entry.path);
    else if (guard.wants(path)) {
      await mkdir(dirname(target), { recursive: true });
      // `wx`: two entries of one path are an error.
      await pipeline(entry, createWriteStream(target, { flags: 'wx' }), { signal });
      return;
    }
    entry.resume();
  } catch (error) {
    entry.resume();
    throw error;
  }
}
