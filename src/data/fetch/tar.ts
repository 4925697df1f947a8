/**
 * Unpacks `.tar` and `.tar.gz` (POSIX ustar and pax, with GNU's long names) as a stream: the archive may be
 * larger than memory.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import { createGunzip } from 'node:zlib';
import { PixelwiseError } from '../../errors/index.js';
import { Allowance, type ExtractOptions, refused, safePath } from './safe-entry.js';

const BLOCK = 512;
/** A long name or a set of pax attributes beyond this is no honest one. */
const MOST_ATTRIBUTES = 1 << 20;

interface TarHeader {
  readonly path: string;
  readonly size: number;
  /** `0` file, `5` folder, `1`, `2` links, `x`, `g` attributes, `L` long name. */
  readonly kind: string;
}

/** Unpacks into `folder`. Throws `archive` for anything damaged or unsafe; the caller removes the folder. */
export async function extractTar(archive: string, folder: string, options: ExtractOptions): Promise<void> {
  const file = createReadStream(archive, { highWaterMark: 1 << 18 });
  const stream = /\.(tgz|gz)$/i.test(archive) ? file.pipe(createGunzip()) : file;
  // An error of the file does not reach the end of a pipe by itself.
  if (stream !== file) file.on('error', (error) => stream.destroy(error));
  const allowance = new Allowance(archive, options);
  const reader = new BlockReader(archive, stream, options.signal);
  try {
    let longPath: string | undefined;
    for (;;) {
      const block = await reader.take(BLOCK);
      if (block === undefined || block.every((byte) => byte === 0)) break;
      const header = readHeader(archive, block);
      const padded = Math.ceil(header.size / BLOCK) * BLOCK;
      if ('xgL'.includes(header.kind)) {
        if (header.size > MOST_ATTRIBUTES) throw refused(archive, 'it holds attributes without end.');
        const body = await reader.whole(padded);
        if (header.kind === 'L') longPath = textOf(body.subarray(0, header.size));
        else if (header.kind === 'x') longPath = paxPath(body.subarray(0, header.size)) ?? longPath;
        continue;
      }
      const path = safePath(archive, longPath ?? header.path);
      longPath = undefined;
      allowance.entry();
      if (header.kind === '5') {
        await mkdir(join(folder, path), { recursive: true });
      } else if (header.kind === '0') {
        allowance.take(header.size);
        const keep = path !== '' && (options.wanted?.(path) ?? true);
        await reader.copy(header.size, keep ? join(folder, path) : undefined);
        await reader.whole(padded - header.size);
      } else {
        throw refused(
          archive,
          `${JSON.stringify(path)} is a link or a device (type ${header.kind}), which no data set needs.`,
        );
      }
    }
  } catch (error) {
    if (error instanceof PixelwiseError || options.signal?.aborted === true) throw error;
    throw refused(
      archive,
      `it is damaged (${error instanceof Error ? error.message : String(error)}).`,
      error,
    );
  } finally {
    stream.destroy();
    file.destroy();
  }
}

function readHeader(archive: string, block: Uint8Array): TarHeader {
  const stated = octal(block, 148, 8);
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : block[i]!;
  if (sum !== stated) throw refused(archive, 'it is damaged (the checksum of a header is wrong).');
  const prefix = textOf(block.subarray(257, 262)) === 'ustar' ? textOf(block.subarray(345, 500)) : '';
  const name = textOf(block.subarray(0, 100));
  const kind = block[156] === 0 ? '0' : String.fromCharCode(block[156]!);
  const size = octal(block, 124, 12);
  if (!(size >= 0)) throw refused(archive, 'it is damaged (the size of an entry is no number).');
  return { path: prefix === '' ? name : `${prefix}/${name}`, size, kind: kind === '7' ? '0' : kind };
}

function octal(block: Uint8Array, at: number, length: number): number {
  const text = textOf(block.subarray(at, at + length)).trim();
  return /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

/** The path among pax records: `LENGTH path=VALUE\n`. */
function paxPath(body: Uint8Array): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(Buffer.from(body).toString('utf8'))?.[1];
}

/** Hands out a stream's bytes in the amounts asked for. */
class BlockReader {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private held: Uint8Array = new Uint8Array(0);

  constructor(
    private readonly archive: string,
    stream: AsyncIterable<unknown>,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.chunks = (stream as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  }

  /** `length` bytes; undefined where the stream has ended before the first. */
  async take(length: number): Promise<Uint8Array | undefined> {
    if (this.held.length === 0 && length > 0 && !(await this.more())) return undefined;
    return this.whole(length);
  }

  /** `length` bytes, or an error where there are fewer. */
  async whole(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let left = length; left > 0;) {
      if (this.held.length === 0 && !(await this.more())) throw refused(this.archive, 'it is cut short.');
      const part = this.held.subarray(0, left);
      this.held = this.held.subarray(part.length);
      parts.push(part);
      left -= part.length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** Writes the next `length` bytes to a new file, or drops them. */
  async copy(length: number, path: string | undefined): Promise<void> {
    let out: ReturnType<typeof createWriteStream> | undefined;
    if (path !== undefined) {
      await mkdir(dirname(path), { recursive: true });
      // Never over something that is there: two entries of one path are refused.
      out = createWriteStream(path, { flags: 'wx' });
      await once(out, 'open');
    }
    for (let left = length; left > 0;) {
      if (this.held.length === 0 && !(await this.more())) throw refused(this.archive, 'it is cut short.');
      const part = this.held.subarray(0, left);
      this.held = this.held.subarray(part.length);
      left -= part.length;
      if (out?.write(part) === false) await once(out, 'drain');
    }
    if (out !== undefined) {
      out.end();
      await once(out, 'close');
    }
  }

  private async more(): Promise<boolean> {
    this.signal?.throwIfAborted();
    const next = await this.chunks.next();
    if (next.done === true) return false;
    this.held = next.value;
    return true;
  }
}
