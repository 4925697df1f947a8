import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTarGz, makeZip } from '../../../test/support/made-archives.js';
import { temporaryFolder } from '../../../test/support/made-data.js';
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { fetchDataset, type FetchDatasetOptions, type FetchProgress } from './fetch-dataset.js';
import { DATASETS, type DatasetSource } from './sources.js';

const NOISE = Buffer.from(
  Uint8Array.from({ length: 200_000 }, (_, i) => Math.imul(i, i * 2654435761) >>> 13),
);
const ARCHIVE = makeTarGz([
  { path: 'images/a.jpg', content: NOISE },
  { path: 'images/b.jpg', content: 'b' },
]);
const MD5 = createHash('md5').update(ARCHIVE).digest('hex');
const LIMITS = { maxBytes: 1e6, maxEntries: 10 };

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let root: string;
let remove: () => Promise<void>;
let server: Server;
let base: string;
let answers: Map<string, Answer>;
let requests: string[];

beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
  answers = new Map();
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.url!);
    const answer = answers.get(request.url!);
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await remove();
});

/** Serves bytes as static file servers do, ranges included. */
function serve(content: Buffer, headers: Record<string, string> = {}): Answer {
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (request.headers.range === undefined) {
      response.writeHead(200, { 'content-length': content.length, ...headers }).end(content);
      return;
    }
    const part = content.subarray(start);
    const range = `bytes ${start}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { 'content-length': part.length, 'content-range': range, ...headers }).end(part);
  };
}

function sources(
  urls: string[],
  more: Partial<DatasetSource> = {},
  md5: string | undefined = MD5,
): Record<string, DatasetSource> {
  return {
    made: {
      format: 'folder',
      archives: [{ file: 'images.tar.gz', urls, ...LIMITS, ...(md5 && { md5 }) }],
      unpacked: ['images'],
      access: 'open',
      page: 'https://example.org/made',
      licence: 'none',
      ...more,
    },
  };
}

function run(urls: string[], options: FetchDatasetOptions = {}): ReturnType<typeof fetchDataset> {
  return fetchDataset('made', {
    to: join(root, 'made'),
    sources: sources(urls),
    pause: 0,
    ...options,
  });
}

async function expectWhole(): Promise<void> {
  expect(await readdir(join(root, 'made'))).toEqual(['images']);
  expect(NOISE.equals(await readFile(join(root, 'made', 'images', 'a.jpg')))).toBe(true);
}

async function failure(work: Promise<unknown>): Promise<PixelwiseError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PixelwiseError);
  return error as PixelwiseError;
}

describe('fetchDataset', () => {
  it('downloads, checks, unpacks, tells its progress, and does nothing the second time', async () => {
    answers.set('/images.tar.gz', serve(ARCHIVE));
    const progress: FetchProgress[] = [];
    const done = await run([`${base}/images.tar.gz`], { onProgress: (step) => progress.push(step) });
    expect(done).toEqual({ name: 'made', folder: join(root, 'made'), format: 'folder', fetched: true });
    await expectWhole();
    expect(
      progress.find(({ stage, bytes }) => stage === 'download' && bytes === ARCHIVE.length)?.totalBytes,
    ).toBe(ARCHIVE.length);
    expect(progress.at(-1)!.stage).toBe('unpack');
    expect((await run([`${base}/images.tar.gz`])).fetched).toBe(false);
    expect(requests).toHaveLength(1);
  });

  it('goes on after a cut, from where it was', async () => {
    const ranges: (string | undefined)[] = [];
    let cut: (() => void) | undefined;
    answers.set('/images.tar.gz', (request, response) => {
      ranges.push(request.headers.range);
      if (ranges.length > 1) serve(ARCHIVE)(request, response);
      else {
        response.writeHead(200, { 'content-length': ARCHIVE.length });
        response.write(ARCHIVE.subarray(0, 50_000));
        cut = () => response.destroy();
      }
    });
    // The connection breaks once the client has written what was sent.
    const onProgress = ({ bytes }: FetchProgress): void => void (bytes === 50_000 && cut?.());
    await run([`${base}/images.tar.gz`], { onProgress });
    await expectWhole();
    expect(ranges).toEqual([undefined, 'bytes=50000-']);
  });

  it('gives a stalling server up and takes the mirror', async () => {
    answers.set(
      '/slow.tar.gz',
      (_, response) => void response.writeHead(200).write(ARCHIVE.subarray(0, 1000)),
    );
    answers.set('/mirror.tar.gz', serve(ARCHIVE));
    await run([`${base}/slow.tar.gz`, `${base}/mirror.tar.gz`], { attempts: 2, patience: 1 });
    await expectWhole();
    expect(requests.at(-1)).toBe('/mirror.tar.gz');
  });

  it('notices a server that lies about the length, and one that serves another file', async () => {
    answers.set('/short.tar.gz', (_, response) => {
      response.writeHead(200, { 'content-length': ARCHIVE.length + 100 });
      response.write(ARCHIVE.subarray(0, 60_000), () => setTimeout(() => response.destroy(), 20));
    });
    answers.set('/other.tar.gz', serve(makeTarGz([{ path: 'images/evil.jpg', content: 'x' }])));
    const error = await failure(run([`${base}/short.tar.gz`, `${base}/other.tar.gz`], { attempts: 1 }));
    expect(error.code).toBe('download');
    expect(error.message).toContain('/short.tar.gz');
    expect(error.message).toContain('md5');
    expect(existsSync(join(root, 'made', 'images'))).toBe(false);
    answers.set('/mirror.tar.gz', serve(ARCHIVE));
    await run([`${base}/other.tar.gz`, `${base}/mirror.tar.gz`]);
    await expectWhole();
  });

  it('offline, says which files to put where, and takes them from there', async () => {
    const url = `${base}/images.tar.gz`;
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(run([url], { attempts: 2 }));
    expect(error.code).toBe('download');
    const place = join(root, 'made', 'images.tar.gz');
    for (const part of [url, place, 'https://example.org/made', 'cannot be reached'])
      expect(error.message).toContain(part);
    await writeFile(place, ARCHIVE.subarray(0, 1000));
    expect((await failure(run([url]))).message).toContain('MD5');
    await writeFile(place, ARCHIVE);
    await run([url]);
    expect((await readdir(join(root, 'made'))).sort()).toEqual(['images', 'images.tar.gz']);
  });

  it('leaves nothing of an archive that is unsafe', async () => {
    const evil = makeTarGz([
      { path: 'images/a.jpg', content: 'a' },
      { path: '../evil', content: 'x' },
    ]);
    answers.set('/images.tar.gz', serve(evil));
    const error = await failure(run([], { sources: sources([`${base}/images.tar.gz`], {}, '') }));
    expect(error.code).toBe('archive');
    expect(existsSync(join(root, 'evil'))).toBe(false);
    expect(existsSync(join(root, 'made', 'images'))).toBe(false);
  });

  it('stops before a person’s own folder, and leaves it as it is', async () => {
    answers.set('/images.tar.gz', serve(ARCHIVE));
    const own = join(root, 'made', 'images');
    const both = sources([`${base}/images.tar.gz`], { unpacked: ['images', 'annotations/list.txt'] });
    await mkdir(own, { recursive: true });
    await writeFile(join(own, 'mine.txt'), 'years of work');
    const error = await failure(run([], { sources: both }));
    expect(error.code).toBe('folder-in-use');
    expect(error.message).toContain(`${own} exists already, and fetch did not write it`);
    expect(requests).toEqual([]);
    // Also where only the archive shows that it would be replaced.
    const late = sources([`${base}/images.tar.gz`], { unpacked: ['annotations'] });
    expect((await failure(run([], { sources: late }))).message).toContain(own);
    expect(await readdir(own)).toEqual(['mine.txt']);
    expect((await readdir(join(root, 'made'))).sort()).toEqual(['images', 'images.tar.gz']);
  });

  it('goes on after one of two archives, and is not taken for complete before both', async () => {
    const second = makeTarGz([{ path: 'annotations/list.txt', content: 'a' }]);
    const both = sources([], {
      archives: [
        { file: 'images.tar.gz', urls: [`${base}/images.tar.gz`], ...LIMITS },
        { file: 'annotations.tar.gz', urls: [`${base}/annotations.tar.gz`], ...LIMITS },
      ],
    });
    answers.set('/images.tar.gz', serve(ARCHIVE));
    expect((await failure(run([], { sources: both, attempts: 1 }))).message).toContain('404');
    answers.set('/annotations.tar.gz', serve(second));
    expect((await run([], { sources: both })).fetched).toBe(true);
    expect(requests.filter((url) => url === '/images.tar.gz')).toHaveLength(1);
    expect((await readdir(join(root, 'made'))).sort()).toEqual(['annotations', 'images']);
  });

  it('is refused while another fetch writes the folder', async () => {
    answers.set('/images.tar.gz', serve(ARCHIVE));
    const url = `${base}/images.tar.gz`;
    const two = await Promise.allSettled([run([url]), run([url])]);
    const refused = two.flatMap((each) =>
      each.status === 'rejected' ? [each.reason as PixelwiseError] : [],
    );
    expect(refused.map(({ code }) => code)).toEqual(['folder-in-use']);
    await expectWhole();
  });

  it('stops when aborted', async () => {
    const controller = new AbortController();
    answers.set('/images.tar.gz', (_, response) => {
      response.writeHead(200).write(ARCHIVE.subarray(0, 1000));
      controller.abort();
    });
    await expect(run([`${base}/images.tar.gz`], { signal: controller.signal, patience: 30 })).rejects.toThrow(
      /abort/i,
    );
  });

  it('names what it knows', async () => {
    await expect(fetchDataset('imagenet-22k')).rejects.toThrow(UsageError);
    await expect(fetchDataset('toString')).rejects.toThrow('oxford-pets');
    for (const { archives } of Object.values(DATASETS)) {
      for (const { urls } of archives) for (const url of urls) expect(new URL(url).protocol).toBe('https:');
    }
  });
});

describe('Kaggle', () => {
  const ZIP = makeZip([{ path: 'images/a.jpg', content: NOISE }]);
  const environment = { KAGGLE_USERNAME: 'someone', KAGGLE_KEY: 'secret' };
  const stated = `crc32c=AAAAAA==, md5=${createHash('md5').update(ZIP).digest('base64')}`;

  function kaggle(options: FetchDatasetOptions): ReturnType<typeof fetchDataset> {
    const archives = [{ file: 'images.zip', urls: [`${base}/api/images.zip`], ...LIMITS }];
    return run([], { sources: sources([], { access: 'kaggle', archives }), attempts: 2, ...options });
  }

  it('exchanges the token for a signed address, which never sees it', async () => {
    answers.set('/api/images.zip', (request, response) => {
      const expected = `Basic ${Buffer.from('someone:secret').toString('base64')}`;
      response
        .writeHead(request.headers.authorization === expected ? 302 : 401, { location: '/signed?x=1' })
        .end();
    });
    let cut = true;
    answers.set('/signed?x=1', (request, response) => {
      expect(request.headers.authorization).toBeUndefined();
      if (cut && request.headers.range === undefined) {
        cut = false;
        response.writeHead(200, { 'content-length': ZIP.length });
        response.write(ZIP.subarray(0, 5000), () => setTimeout(() => response.destroy(), 20));
      } else serve(ZIP, { 'x-goog-hash': stated })(request, response);
    });
    await kaggle({ environment });
    await expectWhole();
  });

  it('says what to do about a missing or wrong token and rules not accepted', async () => {
    const none = await failure(kaggle({ environment: { KAGGLE_CONFIG_DIR: root } }));
    expect(none.code).toBe('kaggle-token');
    expect(none.message).toContain(join(root, 'kaggle.json'));
    await mkdir(join(root, 'kaggle'));
    await writeFile(join(root, 'kaggle', 'kaggle.json'), '{"username":"me","key":"k"}');
    const fromFile = { environment: { KAGGLE_CONFIG_DIR: join(root, 'kaggle') } };
    answers.set('/api/images.zip', (_, response) => void response.writeHead(401).end());
    expect((await failure(kaggle(fromFile))).message).toContain('Create a new one');
    answers.set('/api/images.zip', (_, response) => void response.writeHead(403).end());
    const rules = await failure(kaggle(fromFile));
    expect(rules.message).toContain('rules have not been accepted');
    expect(rules.message).toContain('https://example.org/made');
  });
});
