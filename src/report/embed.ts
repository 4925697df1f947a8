/** Embeds the pictures of a run as data URIs, up to a total size, because a report is a single file. */
import { readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { isFile } from '../files/index.js';

/** A picture as a `data:` URI. */
export type DataUri = string;

/**
 * Encodes the bytes of a picture.
 * @param type its MIME type.
 */
export function dataUri(type: string, bytes: Uint8Array): DataUri {
  return `data:${type};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}`;
}

const TYPES: Readonly<Record<string, string>> = { png: 'image/png', webp: 'image/webp' };

/** Whether a text is a picture as a data URI, and nothing else. */
export function isPictureUri(text: string): boolean {
  return /^data:image\/(png|webp);base64,[A-Za-z0-9+/]+={0,2}$/.test(text);
}

export class Embedder {
  private used = 0;
  /** Paths of pictures that could not be read. */
  readonly missing: string[] = [];

  /**
   * @param folder to which paths are relative; nothing outside it is read.
   * @param limit total bytes of all URIs.
   */
  constructor(
    private readonly folder: string,
    private readonly limit: number,
  ) {}

  /** Remaining bytes. */
  get left(): number {
    return this.limit - this.used;
  }

  /** Whether pictures that are data URIs already still fit; they are counted then. */
  admit(...uris: readonly DataUri[]): boolean {
    const bytes = uris.reduce((sum, uri) => sum + uri.length, 0);
    if (bytes > this.left) return false;
    this.used += bytes;
    return true;
  }

  /** The picture at `path`; undefined if it cannot be read, is not a picture, or exceeds the limit. */
  async embed(path: string): Promise<DataUri | undefined> {
    const uri = await this.read(path);
    if (uri === undefined) this.missing.push(path);
    if (uri === undefined || uri.length > this.left) return undefined;
    this.used += uri.length;
    return uri;
  }

  private async read(path: string): Promise<DataUri | undefined> {
    const type = TYPES[path.split('.').at(-1)!];
    // A run folder is untrusted input. It must not embed other files of this machine in a report.
    if (type === undefined || !/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/.test(path)) return undefined;
    const bytes = await this.fileInside(path).catch(() => undefined);
    return bytes && isPicture(bytes, type) ? dataUri(type, bytes) : undefined;
  }

  /** The bytes of a real file of the folder: no pipe, and no link that leads out of it. */
  private async fileInside(path: string): Promise<Uint8Array | undefined> {
    const [folder, file] = await Promise.all([realpath(this.folder), realpath(join(this.folder, path))]);
    if (!file.startsWith(folder + sep) || !(await isFile(file))) return undefined;
    return readFile(file);
  }
}

/** Whether the first bytes are those of a picture of this type. */
function isPicture(bytes: Uint8Array, type: string): boolean {
  const ascii = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (type === 'image/png') return ascii(1, 4) === 'PNG';
  return ascii(0, 4) === 'RIFF' && ascii(8, 12) === 'WEBP';
}
