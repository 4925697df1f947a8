/** The loader's threads, which only compiled code has: what comes out of them is what the calling thread makes. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual, promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Data from '../../src/data/index.js';
import { buildProgram, type BuiltProgram } from '../built-program.js';
import { makeFolder, put, temporaryFolder } from '../support/made-data.js';

let root: string;
let remove: () => Promise<void>;
let program: BuiltProgram;
let data: typeof Data;
let dataset: Data.Dataset;
let module: string;
const workers: Worker[] = [];
const started = (worker: Worker) => void workers.push(worker);

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder());
  await makeFolder(root, { count: 11, classes: 3 });
  program = await buildProgram();
  module = pathToFileURL(join(dirname(program.main), '..', 'data', 'index.js')).href;
  process.on('worker', started);
  data = (await import(/* @vite-ignore */ module)) as typeof Data;
  dataset = await data.openDataset({ root });
});
afterAll(async () => {
  process.off('worker', started);
  await program.remove();
  await remove();
});

type Options = Partial<Data.LoaderOptions>;

async function collect(options: Options, epoch = 0): Promise<Data.Batch[]> {
  const loader = new data.Loader({ dataset, batchSize: 4, fit: data.stretch(16), seed: 5, ...options });
  const batches: Data.Batch[] = [];
  for await (const batch of loader.epoch(epoch)) batches.push(batch);
  return batches;
}

/** Two batches more in epoch 1, so that an epoch of a cache's hits is among them. */
async function twoEpochs(options: Options): Promise<Data.Batch[]> {
  return [...(await collect(options, 0)), ...(await collect(options, 1))];
}

/** Compares bytes at once: vitest compares arrays number by number, which takes longer than making the batches. */
function expectSame(batches: Data.Batch[], expected: Data.Batch[]): void {
  if (!isDeepStrictEqual(batches, expected)) expect(batches).toEqual(expected);
}

describe('the threads of the loader', () => {
  it('make the same batches, byte for byte, in any number and at any concurrency', async () => {
    for (const augmentation of ['light', 'heavy', 'medical']) {
      const options: Options = {
        transforms: data.parseAugmentation(augmentation),
        fit: data.randomResizedCrop(16),
        normalization: data.normalizationOf(augmentation === 'medical' ? 'per-image' : 'imagenet', 3),
        sampler: data.weighted(new Array<number>(11).fill(1), 2, 22),
      };
      const expected = await twoEpochs({ ...options, threads: 0, concurrency: 1 });
      for (const concurrency of augmentation === 'heavy' ? [1, 2, 3, 4, 5, 6, 7, 8] : [4]) {
        const threads = 1 + (concurrency % 3);
        expectSame(
          await twoEpochs({ ...options, threads, concurrency, prefetch: concurrency % 4 }),
          expected,
        );
      }
    }
  });

  it('share a cache with the calling thread', async () => {
    const options: Options = { transforms: data.parseAugmentation('light') };
    const expected = await twoEpochs({ ...options, threads: 0 });
    const memory = new data.SampleCache(1e6);
    expectSame(await twoEpochs({ ...options, cache: memory }), expected);
    expect(memory.bytes).toBeGreaterThan(0);
    const disk = (): Options => ({
      ...options,
      cache: new data.DiskSampleCache(join(root, 'cache'), 1e6),
    });
    expectSame(await twoEpochs(disk()), expected);
    expectSame(await twoEpochs({ ...disk(), threads: 0 }), expected);
  });

  it('take samples whose arrays share memory, as a cache of one own may give them', async () => {
    const plain = await collect({});
    const copies = new Map<string, Data.PairedSample>();
    const cache: Data.SampleStore = {
      get: ({ id }) => Promise.resolve(copies.get(id)),
      offer: ({ id }, sample) => {
        const memory = new ArrayBuffer(sample.image.byteLength + sample.mask.byteLength);
        const image = new Float32Array(memory, 0, sample.image.length);
        const mask = new Uint8Array(memory, sample.image.byteLength);
        image.set(sample.image);
        mask.set(sample.mask);
        copies.set(id, { ...sample, image, mask });
        return Promise.resolve();
      },
    };
    expect(await collect({ cache })).toEqual(plain);
    expect(await collect({ cache })).toEqual(plain);
  });

  it('leave functions and data sets of one own to the calling thread', async () => {
    const called = { transform: 0, get: 0 };
    const own: Data.Transform = (sample) => {
      called.transform++;
      return sample;
    };
    const expected = await collect({ threads: 0 });
    expect(await collect({ transforms: [own] })).toEqual(expected);
    expect(await collect({ transforms: [data.sometimes(1, own)] })).toHaveLength(3);
    expect(called.transform).toBe(22);
    const plain: Data.Dataset = {
      format: 'own',
      length: dataset.length,
      ids: dataset.ids,
      classes: dataset.classes,
      channels: dataset.channels,
      maxValue: dataset.maxValue,
      files: (i) => dataset.files(i),
      get: (i) => {
        called.get++;
        return dataset.get(i);
      },
    };
    expect(await collect({ dataset: plain })).toEqual(expected);
    expect(called.get).toBe(11);
  });

  it('read parts, other layouts and drawn masks', async () => {
    const part = new data.Subset(new data.Conformed(dataset, { channels: 3, maxValue: 65535 }), [7, 2, 5]);
    expect(await collect({ dataset: part })).toEqual(await collect({ dataset: part, threads: 0 }));
    const instances = {
      images: dataset.ids.map((id, i) => ({ id: i, file_name: `${id}.png`, width: 24, height: 18 })),
      categories: [{ id: 4, name: 'box' }],
      annotations: dataset.ids.map((_, i) => ({
        id: i,
        image_id: i,
        category_id: 4,
        segmentation: [[2, 2, 12 + (i % 5), 2, 12, 15, 2, 15]],
      })),
    };
    const file = join(root, 'images', 'instances.json');
    await put(file, JSON.stringify(instances));
    const coco = await data.openDataset({ root: file, format: 'coco' });
    const drawn = await collect({ dataset: coco });
    expect(drawn).toEqual(await collect({ dataset: coco, threads: 0 }));
    expect(drawn[0]!.masks).toContain(1);
  });

  it('tell of a file that cannot be read as the calling thread does', async () => {
    const { path, remove: removeCopy } = await temporaryFolder();
    try {
      await makeFolder(path, { count: 6 });
      const broken = await data.openDataset({ root: path });
      await writeFile(broken.files(4).image, 'no image');
      const message = await collect({ dataset: broken, threads: 0 }).catch((error: Error) => error.message);
      expect(message).toContain(broken.files(4).image);
      await expect(collect({ dataset: broken })).rejects.toMatchObject({ message, code: 'image-format' });
      const reported: string[] = [];
      const batches = await collect({
        dataset: broken,
        onUnreadable: (error, id) => reported.push(`${id} ${error.code}`),
      });
      expect(batches.map(({ size }) => size)).toEqual([4, 1]);
      expect(reported).toEqual([`${broken.ids[4]} image-format`]);
    } finally {
      await removeCopy();
    }
  });

  it('are replaced where they die, and no sample is blamed for it', async () => {
    const expected = await collect({});
    expect(workers.length).toBeGreaterThan(0);
    const reported: string[] = [];
    const failing = collect({ onUnreadable: (_, id) => reported.push(id) });
    const failure = expect(failing).rejects.toMatchObject({ code: 'loader' });
    await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
    await failure;
    expect(reported).toEqual([]);
    expect(await collect({})).toEqual(expected);
    expect(workers.length).toBeGreaterThan(0);
  });

  it('keep no process alive, wherever the loop was left', { timeout: 30_000 }, async () => {
    const script = `
      const data = await import(${JSON.stringify(module)});
      const dataset = await data.openDataset({ root: ${JSON.stringify(root)} });
      const loader = new data.Loader({ dataset, batchSize: 2, fit: data.stretch(16), threads: 2 });
      for await (const batch of loader) { console.log(batch.size); break; }`;
    const words = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 20_000 });
    expect(stdout).toBe('2\n');
  });
});
