import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheFolder } from './cache-folder.js';
import type { Checksum } from './checksum.js';
import { download, type DownloadOptions, type DownloadProgress } from './download.js';

const CONTENT = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) >> 3);
const CHECKSUM: Checksum = {
  algorithm: 'sha256',
  digest: createHash('sha256').update(CONTENT).digest('hex').slice(0, 8),
};

let folder: string;
let path: string;
let server: Server;
let url: string;
let requests: (string | undefined)[];
let respond: (request: IncomingMessage, response: ServerResponse) => void;

/** A server that keeps to ranges, as static file servers do. */
function serveRanges(request: IncomingMessage, response: ServerResponse): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start >= CONTENT.length) {
    response.writeHead(416, { 'content-range': `bytes */${CONTENT.length}` }).end();
    return;
  }
  const part = CONTENT.subarray(start);
  const range = { 'content-range': `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}` };
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': part.length, ...(start > 0 && range) });
  response.end(part);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-download-'));
  path = join(folder, 'weights', 'w.pth');
  requests = [];
  respond = serveRanges;
  server = createServer((request, response) => {
    requests.push(request.headers.range);
    respond(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/w.pth`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

const fetchIt = (options: Partial<DownloadOptions> = {}): Promise<void> =>
  download({ url, path, checksum: CHECKSUM, onProgress, ...options });

/** Sends the first 40,000 bytes of all that was promised, then breaks off. */
function breakOff(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': CONTENT.length });
  response.write(CONTENT.subarray(0, 40_000));
  breakNow = () => response.destroy();
}
let breakNow: (() => void) | undefined;

/** Breaks the connection of {@link breakOff} once the client has written what was sent. */
const onProgress = ({ bytes }: DownloadProgress): void => void (bytes === 40_000 && breakNow?.());

describe('download', () => {
  it('brings a file whole, tells how far it is, and leaves nothing else', async () => {
    const seen: number[] = [];
    await fetchIt({
      onProgress: ({ bytes, totalBytes }) => {
        expect(totalBytes).toBe(CONTENT.length);
        seen.push(bytes);
      },
    });
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
    expect(await readdir(join(folder, 'weights'))).toEqual(['w.pth']);
    expect(seen.at(-1)).toBe(CONTENT.length);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('goes on where a broken connection stopped', async () => {
    respond = breakOff;
    await expect(fetchIt()).rejects.toThrow(`save it as ${path}`);
    expect(await readdir(join(folder, 'weights'))).toEqual(['w.pth.partial']);
    respond = serveRanges;
    await fetchIt();
    expect(requests).toEqual([undefined, 'bytes=40000-']);
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
    expect(await readdir(join(folder, 'weights'))).toEqual(['w.pth']);
  });

  it('starts anew with a server that does not keep to ranges', async () => {
    respond = breakOff;
    await expect(fetchIt()).rejects.toThrow('could not be downloaded');
    respond = (_, response) => response.writeHead(200).end(CONTENT);
    await fetchIt();
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
  });

  it('starts anew without a checksum', async () => {
    respond = breakOff;
    await expect(download({ url, path, onProgress })).rejects.toThrow('could not be downloaded');
    respond = serveRanges;
    await download({ url, path });
    expect(requests).toEqual([undefined, undefined]);
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
  });

  it('finishes a partial file that is whole, and replaces one that is wrong', async () => {
    await fetchIt();
    await rm(path);
    for (const partial of [CONTENT, new Uint8Array(CONTENT.length + 5), new Uint8Array(7)]) {
      await writeFile(`${path}.partial`, partial);
      await fetchIt();
      expect((await readFile(path)).equals(CONTENT)).toBe(true);
      await rm(path);
    }
  });

  it('refuses a file with another hash and leaves nothing', async () => {
    respond = (_, response) => response.writeHead(200).end('something else');
    await expect(fetchIt()).rejects.toMatchObject({
      name: 'PixelwiseError',
      message: expect.stringContaining(`does not have the published sha256 ${CHECKSUM.digest}…`),
    });
    expect(await readdir(join(folder, 'weights'))).toEqual([]);
  });

  it('says what the server answered', async () => {
    respond = (_, response) => response.writeHead(404).end();
    await expect(fetchIt()).rejects.toThrow(
      `${url} could not be downloaded: the server answered 404 Not Found.`,
    );
  });

  it('says where to put the file when there is no network', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(fetchIt()).rejects.toThrow(
      new RegExp(
        `could not be downloaded: .*ECONNREFUSED.*or get the file in another way and save it as ${path}`,
      ),
    );
    server = createServer().listen(0, '127.0.0.1');
  });

  it('gives up on a server that falls silent', async () => {
    respond = (_, response) => response.writeHead(200, { 'content-length': 10 }).write('abc');
    await expect(fetchIt({ patience: 0.2 })).rejects.toThrow('the server sent nothing for 0.2 seconds');
  });

  it('can be called off', async () => {
    respond = (_, response) => response.writeHead(200, { 'content-length': 10 }).write('abc');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    await expect(fetchIt({ signal: controller.signal })).rejects.toThrow('aborted');
  });
});

describe('cacheFolder', () => {
  it('follows the custom of each system', () => {
    expect(cacheFolder({ PIXELWISE_CACHE: '/c' }, 'linux')).toBe('/c');
    expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux')).toBe(join('/x', 'pixelwise'));
    expect(cacheFolder({ XDG_CACHE_HOME: 'relative' }, 'linux')).toMatch(/\.cache.pixelwise$/);
    expect(cacheFolder({}, 'darwin')).toMatch(/Library.Caches.pixelwise$/);
    expect(cacheFolder({ LOCALAPPDATA: 'C:/l' }, 'win32')).toBe(join('C:/l', 'pixelwise', 'Cache'));
  });
});
