/**
 * The files of the page. They are listed once at the start, so a path that a client makes up is never looked up on
 * the disk.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { PixelwiseError } from '../errors/index.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

interface StaticFile {
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
  readonly etag: string;
}

export class StaticFiles {
  private constructor(private readonly files: ReadonlyMap<string, StaticFile>) {}

  /**
   * Lists folders.
   *
   * @param folders by the URL path under which their files are served: `/`, `/pixelwise/`.
   * @throws PixelwiseError `page-missing` if a folder does not exist.
   */
  static async list(folders: Readonly<Record<string, string>>): Promise<StaticFiles> {
    const files = new Map<string, StaticFile>();
    for (const [address, folder] of Object.entries(folders)) {
      const names = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
        throw new PixelwiseError('page-missing', `${folder} is missing: build the package (npm run build).`, {
          cause,
        });
      });
      for (const name of names) {
        const type = TYPES[extname(name)];
        const path = join(folder, name);
        const found = await stat(path);
        if (type === undefined || !found.isFile()) continue;
        const etag = `"${createHash('sha256')
          .update(await readFile(path))
          .digest('base64url')
          .slice(0, 20)}"`;
        files.set(address + name.split(sep).join('/'), { path, type, bytes: found.size, etag });
      }
    }
    const index = files.get('/index.html');
    if (index) files.set('/', index);
    return new StaticFiles(files);
  }

  /** The response for a URL path; undefined if there is no such file. */
  answer(address: string, request: Request): Response | undefined {
    const file = this.files.get(address);
    if (file === undefined) return undefined;
    const headers = { 'content-type': file.type, etag: file.etag, 'cache-control': 'no-cache' };
    if (request.headers.get('if-none-match') === file.etag)
      return new Response(null, { status: 304, headers });
    const body =
      request.method === 'HEAD'
        ? null
        : (Readable.toWeb(createReadStream(file.path)) as ReadableStream<Uint8Array>);
    return new Response(body, { headers: { ...headers, 'content-length': String(file.bytes) } });
  }
}
