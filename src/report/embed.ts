/** Pictures of a run as data URIs, within a bound of bytes: a report is one file that can be mailed. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A picture as an address that holds it. */
export type DataUri = string;

/** Bytes of a picture as an address. @param type its MIME type. */
export function dataUri(type: string, bytes: Uint8Array): DataUri {
  return `data:${type};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}`;
}

const TYPES: Readonly<Record<string, string>> = { png: 'image/png', webp: 'image/webp' };

export class Embedder {
  private used = 0;
  /** Pictures that were wanted and could not be read. */
  readonly missing: string[] = [];

  /** @param folder what paths are relative to; nothing outside of it is read. @param limit bytes of all addresses. */
  constructor(
    private readonly folder: string,
    private readonly limit: number,
  ) {}

  /** Bytes that further pictures may take. */
  get left(): number {
    return this.limit - this.used;
  }

  /** The picture at `path`; undefined where it cannot be read, is no picture, or does not fit any more. */
  async embed(path: string): Promise<DataUri | undefined> {
    const uri = await this.read(path);
    if (uri === undefined) this.missing.push(path);
    if (uri === undefined || uri.length > this.left) return undefined;
    this.used += uri.length;
    return uri;
  }

  private async read(path: string): Promise<DataUri | undefined> {
    const type = TYPES[path.split('.').at(-1)!];
    // A run may come from anywhere: it is not to choose which files of this machine are mailed.
    if (type === undefined || !/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/.test(path)) return undefined;
    const bytes = await readFile(join(this.folder, path)).catch(() => undefined);
    return bytes && dataUri(type, bytes);
  }
}
