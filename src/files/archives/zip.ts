/**
 * Extracts `.zip` archives, file by file. yauzl reads the format (ZIP64 included), and checks every entry's length;
 * checked here are paths, limits, checksums, and that no entries overlap, as they do in bombs that use the same bytes
 * many times.
 */
import { isUtf8 } from 'node:buffer';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from 'yauzl';
import { crc32 } from '../crc.js';
import { asArchiveError, ExtractGuard, type ExtractOptions } from './limits.js';

/** Size of an entry's local header without the name. */
const HEADER_BYTES = 30;
/** File types in Unix modes, which are the upper half of the external attributes. */
const [MODE_KIND, REGULAR, FOLDER] = [0o170000, 0o100000, 0o040000];

/**
 * Extracts into `folder`.
 *
 * @throws PixelwiseError `archive` for anything damaged or unsafe; the caller then removes the folder.
 */
export async function extractZip(archive: string, folder: string, options: ExtractOptions): Promise<void> {
  const guard = new ExtractGuard(archive, options);
  let zip: ZipFile | undefined;
  try {
    // Names are decoded and checked below: yauzl's own errors do not name the archive.
    zip = await openPromise(archive, { autoClose: false, decodeStrings: false });
    const entries = await readDirectory(zip, guard);
    for (const { entry, path, isFolder } of entries) {
      options.signal?.throwIfAborted();
      const target = join(folder, path);
      if (isFolder) await mkdir(target, { recursive: true });
      else if (guard.wants(path)) await extractEntry(zip, entry, path, target, guard);
    }
  } catch (error) {
    throw asArchiveError(archive, error, options.signal);
  } finally {
    zip?.close();
  }
}

interface CheckedEntry {
  readonly entry: Entry;
  readonly path: string;
  readonly isFolder: boolean;
}

/** All entries. The sizes they announce are enforced, so an archive beyond the limits fails before any write. */
async function readDirectory(zip: ZipFile, guard: ExtractGuard): Promise<CheckedEntry[]> {
  const checked: CheckedEntry[] = [];
  for await (const entry of zip.eachEntry()) {
    const { fileNameRaw, generalPurposeBitFlag, extraFields } = entry;
    // Many programs write UTF-8 without saying so, where the specification's default is code page 437.
    const name = isUtf8(fileNameRaw)
      ? fileNameRaw.toString()
      : getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true);
    const kind = (entry.externalFileAttributes >>> 16) & MODE_KIND!;
    const path = guard.admit(name, entry.uncompressedSize);
    if (kind !== 0 && kind !== REGULAR && kind !== FOLDER) throw guard.special(name);
    checked.push({ entry, path, isFolder: name.endsWith('/') });
  }
  const byOffset = [...checked].sort(
    (a, b) => a.entry.relativeOffsetOfLocalHeader - b.entry.relativeOffsetOfLocalHeader,
  );
  byOffset.forEach(({ entry, path }, i) => {
    const next = byOffset[i + 1];
    const end = entry.relativeOffsetOfLocalHeader + HEADER_BYTES + entry.compressedSize;
    if (next !== undefined && end > next.entry.relativeOffsetOfLocalHeader) {
      throw guard.error(`its entries ${JSON.stringify(path)} and ${JSON.stringify(next.path)} overlap.`);
    }
  });
  return checked;
}

async function extractEntry(
  zip: ZipFile,
  entry: Entry,
  path: string,
  target: string,
  guard: ExtractGuard,
): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  let crc = 0;
  await pipeline(
    await zip.openReadStreamPromise(entry),
    async function* (chunks) {
      for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
        crc = crc32(chunk, crc);
        yield chunk;
      }
    },
    // `wx`: two entries of one path are an error.
    createWriteStream(target, { flags: 'wx' }),
  );
  if (crc !== entry.crc32) throw guard.error(`its entry ${JSON.stringify(path)} has a wrong checksum.`);
}
