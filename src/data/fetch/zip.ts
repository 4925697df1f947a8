/**
 * Unpacks `.zip` (PKWARE APPNOTE 6.3; stored and deflated entries, up to 4 GiB) by its central directory, file
 * by file. Entries that overlap, as in bombs that count the same bytes many times, are refused.
 */
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { PixelwiseError } from '../../errors/index.js';
import { crc32 } from '../../images/png-chunks.js';
import { Allowance, type ExtractOptions, refused, safePath } from './safe-entry.js';

const inflateRawAsync = promisify(inflateRaw);

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;
/** Kinds of file in Unix modes, which stand in the upper half of the external attributes. */
const [MODE_KIND, REGULAR, FOLDER] = [0o170000, 0o100000, 0o040000];
/** One entry is inflated in memory; no image or annotation is larger. */
const MOST_ENTRY = 2 ** 30;

interface ZipEntry {
  readonly path: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/** Unpacks into `folder`. Throws `archive` for anything damaged or unsafe; the caller removes the folder. */
export async function extractZip(archive: string, folder: string, options: ExtractOptions): Promise<void> {
  const file = await open(archive, 'r');
  try {
    const allowance = new Allowance(archive, options);
    const entries = await readDirectory(archive, file, allowance);
    refuseOverlaps(archive, entries);
    // The announced sizes are held to below, so an archive over the bounds is refused before anything is written.
    for (const { size } of entries) allowance.take(size);
    for (const entry of entries) {
      options.signal?.throwIfAborted();
      const path = safePath(archive, entry.path);
      if (entry.path.endsWith('/')) {
        await mkdir(join(folder, path), { recursive: true });
        continue;
      }
      if (path === '' || options.wanted?.(path) === false) continue;
      const bytes = await readEntry(archive, file, entry);
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, bytes, { flag: 'wx' });
    }
  } catch (error) {
    if (error instanceof PixelwiseError || options.signal?.aborted === true) throw error;
    throw refused(
      archive,
      `it is damaged (${error instanceof Error ? error.message : String(error)}).`,
      error,
    );
  } finally {
    await file.close();
  }
}

async function readAt(archive: string, file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead < length) throw refused(archive, 'it is cut short.');
  return buffer;
}

async function readDirectory(archive: string, file: FileHandle, allowance: Allowance): Promise<ZipEntry[]> {
  const { size } = await file.stat();
  // The end record is 22 bytes and a comment of up to 65,535.
  const tailLength = Math.min(size, 22 + 65535);
  const tail = await readAt(archive, file, size - tailLength, tailLength);
  let at = tail.length - 22;
  while (at >= 0 && tail.readUInt32LE(at) !== END) at--;
  if (at < 0)
    throw refused(archive, 'it has no directory at its end: it is no zip file, or it is cut short.');
  const count = tail.readUInt16LE(at + 10);
  const length = tail.readUInt32LE(at + 12);
  const start = tail.readUInt32LE(at + 16);
  if (start === 0xffffffff) throw refused(archive, 'it is of the zip64 kind, beyond 4 GiB.');
  if (start + length > size) throw refused(archive, 'its directory lies outside of it.');
  const directory = await readAt(archive, file, start, length);
  const entries: ZipEntry[] = [];
  for (let i = 0; i + 46 <= directory.length && directory.readUInt32LE(i) === CENTRAL;) {
    allowance.entry();
    const [flags, method] = [directory.readUInt16LE(i + 8), directory.readUInt16LE(i + 10)];
    const nameLength = directory.readUInt16LE(i + 28);
    const path = directory.toString('utf8', i + 46, i + 46 + nameLength);
    const mode = directory.readUInt32LE(i + 38) >>> 16;
    const kind = mode & MODE_KIND!;
    if (kind !== 0 && kind !== REGULAR && kind !== FOLDER) {
      throw refused(archive, `${JSON.stringify(path)} is a link or a device, which no data set needs.`);
    }
    if ((flags & ENCRYPTED) !== 0) throw refused(archive, `${JSON.stringify(path)} is encrypted.`);
    const entry = {
      path,
      method,
      crc: directory.readUInt32LE(i + 16),
      packed: directory.readUInt32LE(i + 20),
      size: directory.readUInt32LE(i + 24),
      offset: directory.readUInt32LE(i + 42),
    };
    if (entry.size > MOST_ENTRY) throw refused(archive, `${JSON.stringify(path)} is larger than 1 GiB.`);
    entries.push(entry);
    i += 46 + nameLength + directory.readUInt16LE(i + 30) + directory.readUInt16LE(i + 32);
  }
  // The count holds 16 bits, so beyond 65,535 entries only its remainder.
  if ((entries.length & 0xffff) !== count) throw refused(archive, 'its directory is damaged.');
  return entries;
}

function refuseOverlaps(archive: string, entries: readonly ZipEntry[]): void {
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  sorted.forEach((entry, i) => {
    const next = sorted[i + 1];
    if (next !== undefined && entry.offset + 30 + entry.packed > next.offset) {
      throw refused(
        archive,
        `its entries ${JSON.stringify(entry.path)} and ${JSON.stringify(next.path)} overlap.`,
      );
    }
  });
}

async function readEntry(archive: string, file: FileHandle, entry: ZipEntry): Promise<Uint8Array> {
  const local = await readAt(archive, file, entry.offset, 30);
  if (local.readUInt32LE(0) !== LOCAL)
    throw refused(archive, `${JSON.stringify(entry.path)} is not where the directory says.`);
  const start = entry.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  const packed = await readAt(archive, file, start, entry.packed);
  if (entry.method !== STORED && entry.method !== DEFLATED) {
    throw refused(
      archive,
      `${JSON.stringify(entry.path)} is packed by method ${entry.method}; stored and deflated ones are read.`,
    );
  }
  const bytes =
    entry.method === STORED
      ? packed
      : await inflateRawAsync(packed, { maxOutputLength: Math.max(1, entry.size) });
  if (bytes.length !== entry.size || crc32(bytes) !== entry.crc) {
    throw refused(archive, `${JSON.stringify(entry.path)} is damaged (its length or checksum is wrong).`);
  }
  return bytes;
}
