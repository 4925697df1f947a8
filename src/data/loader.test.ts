import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, put, temporaryFolder } from '../../test/support/made-data.js';
import { PixelwiseError, ShapeError, UsageError } from '../errors/index.js';
import type { Batch, Dataset, Sample } from './dataset.js';
import { randomResizedCrop, sourceSize, stretch } from './fit.js';
import { openFolder } from './formats/folder.js';
import { Loader, type LoaderOptions } from './loader.js';
import { normalizationOf } from './normalization.js';
import type { Transform } from './paired-sample.js';
import { DiskSampleCache, SampleCache } from './sample-cache.js';
import { shuffled, weighted } from './samplers.js';
import { horizontalFlip, quarterTurns, verticalFlip } from './transforms/flip.js';

let root: string;
let remove: () => Promise<void>;
let dataset: Dataset;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder());
  await makeFolder(root, { count: 11, classes: 3 });
  dataset = await openFolder(root);
});
afterAll(() => remove());

const augment: Transform[] = [horizontalFlip(), verticalFlip(), quarterTurns(0.5)];

async function collect(options: Partial<LoaderOptions>, epoch = 0, from = 0): Promise<Batch[]> {
  const loader = new Loader({ dataset, batchSize: 4, fit: stretch(16), ...options });
  const batches: Batch[] = [];
  for await (const batch of loader.epoch(epoch, { from })) batches.push(batch);
  return batches;
}

/** A dataset in memory whose samples take ever different times to come. */
function slowDataset(
  length: number,
  options: { fail?: Set<number>; onGet?: () => void; onDone?: () => void } = {},
): Dataset {
  return {
    format: 'test',
    length,
    ids: Array.from({ length }, (_, i) => `s${i}`),
    classes: ['a', 'b'],
    channels: 1,
    maxValue: 255,
    files: (i) => ({ image: `s${i}.png`, mask: `m${i}.png` }),
    get: async (i): Promise<Sample> => {
      options.onGet?.();
      await new Promise((resolve) => setTimeout(resolve, (i * 7) % 5));
      options.onDone?.();
      if (options.fail?.has(i)) throw new PixelwiseError('image-damaged', `s${i}.png: damaged`);
      const data = new Uint8Array(16).fill(i);
      return {
        id: `s${i}`,
        image: { width: 4, height: 4, channels: 1, data },
        mask: { width: 4, height: 4, data: new Uint8Array(16) },
      };
    },
  };
}

describe('Loader', () => {
  it.each([2, 3, 5])('of %i ranks: the parts of each batch make up the whole', async (size) => {
    const options: Partial<LoaderOptions> = {
      // Some samples come twice in an epoch: the second time with other draws.
      sampler: weighted(
        Array.from({ length: dataset.length }, (_, i) => 1 + (i % 3)),
        5,
      ),
      transforms: augment,
      fit: randomResizedCrop(16),
      normalization: normalizationOf('imagenet', 3),
      seed: 5,
    };
    for (const from of [0, 1]) {
      const whole = await collect(options, 2, from);
      const parts = await Promise.all(
        Array.from({ length: size }, (_, rank) => collect({ ...options, share: { rank, size } }, 2, from)),
      );
      whole.forEach((batch, b) => {
        const own = parts.map((batches) => batches[b]!);
        expect(own.flatMap(({ ids }) => ids)).toEqual(batch.ids);
        expect(own.flatMap(({ images }) => [...images])).toEqual([...batch.images]);
        expect(own.flatMap(({ masks }) => [...masks])).toEqual([...batch.masks]);
        let first = 0;
        for (const part of own) {
          expect(part.first).toBe(first);
          first += part.size;
        }
      });
      // Of the last batch's three samples not every rank has one.
      expect(parts.map((batches) => batches.length)).toEqual(parts.map(() => whole.length));
    }
  });

  it('yields the same batches, byte for byte, at any concurrency and prefetch', async () => {
    const options = (concurrency: number): Partial<LoaderOptions> => ({
      concurrency,
      prefetch: concurrency % 4,
      sampler: shuffled(dataset.length, 5),
      transforms: augment,
      fit: randomResizedCrop(16),
      normalization: normalizationOf('imagenet', 3),
      seed: 5,
    });
    const expected = await collect(options(1), 3);
    expect(expected.map((batch) => batch.size)).toEqual([4, 4, 3]);
    for (let concurrency = 2; concurrency <= 8; concurrency++) {
      expect(await collect(options(concurrency), 3)).toEqual(expected);
    }
  });

  it('draws anew each epoch and each visit, and resumes within an epoch', async () => {
    const options = { sampler: weighted(new Array<number>(11).fill(1), 2, 40), transforms: augment, seed: 2 };
    const whole = await collect(options, 1);
    expect(await collect(options, 1, 6)).toEqual(whole.slice(6));
    expect(await collect(options, 2)).not.toEqual(whole);
    const visits = new Map<string, Set<string>>();
    for (const batch of whole) {
      batch.ids.forEach((id, i) => {
        const bytes = Buffer.from(batch.masks.slice(i * 256, (i + 1) * 256)).toString('base64');
        visits.set(id, (visits.get(id) ?? new Set()).add(bytes));
      });
    }
    expect(Math.max(...[...visits.values()].map((seen) => seen.size))).toBeGreaterThan(1);
  });

  it('drops or keeps the short last batch', async () => {
    const loader = new Loader({ dataset, batchSize: 4, fit: stretch(8), dropLast: true });
    expect(loader.length).toBe(2);
    expect((await collect({ dropLast: true })).map((batch) => batch.size)).toEqual([4, 4]);
    expect((await collect({ batchSize: 100 })).map((batch) => batch.size)).toEqual([11]);
  });

  it('normalises as asked', async () => {
    const plain = (await collect({ batchSize: 11 }))[0]!;
    expect(Math.max(...plain.images)).toBeLessThanOrEqual(1);
    const imagenet = (await collect({ batchSize: 11, normalization: normalizationOf('imagenet', 3) }))[0]!;
    expect(imagenet.images[0]).toBeCloseTo((plain.images[0]! - 0.485) / 0.229, 5);
    const ranged = (await collect({ batchSize: 1, normalization: normalizationOf('per-image', 3) }))[0]!;
    expect([Math.min(...ranged.images), Math.max(...ranged.images)]).toEqual([0, 1]);
    expect(
      () =>
        new Loader({ dataset, batchSize: 1, fit: stretch(8), normalization: normalizationOf('imagenet', 1) }),
    ).toThrow(ShapeError);
  });

  it('gives the same with a cache, within its bound, and reads no file twice', async () => {
    let reads = 0;
    const counted = slowDataset(10, { onGet: () => reads++ });
    const cache = new SampleCache(6 * (16 * 4 + 16));
    const options = {
      dataset: counted,
      fit: stretch(4),
      transforms: augment,
      cache,
      sampler: shuffled(10, 1),
    };
    const first = await collect(options, 0);
    await collect(options, 1);
    expect(await collect(options, 0)).toEqual(first);
    expect(first).toEqual(await collect({ ...options, cache: new SampleCache(0) }, 0));
    expect(cache.bytes).toBeLessThanOrEqual(cache.maxBytes);
    expect(reads).toBe(10 + 4 + 4 + 10);
  });

  it('gives the same with a cache on disk, until a file changes', async () => {
    const folder = join(root, 'cache');
    const made = (): Partial<LoaderOptions> => ({
      cache: new DiskSampleCache(folder, 1e6),
      transforms: augment,
    });
    const plain = await collect({ transforms: augment });
    expect(await collect(made())).toEqual(plain);
    expect(await readdir(folder)).toHaveLength(11);
    expect(await collect(made())).toEqual(plain);
    const { image } = dataset.files(3);
    const other = await readFile(dataset.files(4).image);
    const before = await readFile(image);
    await writeFile(image, other);
    expect(await collect(made())).not.toEqual(plain);
    await writeFile(image, before);
    for (const name of await readdir(folder)) await writeFile(join(folder, name), 'damaged');
    expect(await collect(made())).toEqual(plain);
    const small = { cache: new DiskSampleCache(join(root, 'small'), 3000), transforms: augment };
    expect(await collect(small)).toEqual(plain);
    expect((await readdir(join(root, 'small'))).length).toBeLessThan(2);
  });

  it('has no more samples at hand than its concurrency, and no more batches than its prefetch', async () => {
    let active = 0;
    let most = 0;
    let started = 0;
    const busy = slowDataset(60, {
      onGet: () => {
        active++;
        started++;
        most = Math.max(most, active);
      },
      onDone: () => active--,
    });
    const loader = new Loader({ dataset: busy, batchSize: 5, fit: stretch(4), concurrency: 3, prefetch: 1 });
    let consumed = 0;
    for await (const batch of loader.epoch(0)) {
      consumed += batch.size;
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(started).toBeLessThanOrEqual(consumed + 5);
    }
    expect(most).toBeLessThanOrEqual(3);
  });

  it('fails at the batch of an unreadable file, or leaves the file out and reports it', async () => {
    const broken = slowDataset(9, { fail: new Set([1, 6, 7, 8]) });
    const seen: string[] = [];
    const failing = new Loader({ dataset: broken, batchSize: 3, fit: stretch(4) });
    const run = async (): Promise<void> => {
      for await (const batch of failing.epoch(0)) seen.push(...batch.ids);
    };
    await expect(run()).rejects.toThrow('s1.png: damaged');
    expect(seen).toEqual([]);

    const reported: string[] = [];
    const batches = await collect({
      dataset: broken,
      batchSize: 3,
      fit: stretch(4),
      onUnreadable: (_, id) => reported.push(id),
    });
    expect(batches.map((batch) => batch.ids)).toEqual([
      ['s0', 's2'],
      ['s3', 's4', 's5'],
    ]);
    expect(batches[0]!.images.length).toBe(2 * 16);
    expect(batches[0]!.images[16]).toBeCloseTo(2 / 255, 6);
    expect(reported.sort()).toEqual(['s1', 's6', 's7', 's8']);
  });

  it('stops when aborted and when left', async () => {
    let started = 0;
    const busy = slowDataset(1000, { onGet: () => started++ });
    const loader = new Loader({ dataset: busy, batchSize: 2, fit: stretch(4), concurrency: 2 });
    const controller = new AbortController();
    const run = async (): Promise<void> => {
      for await (const batch of loader.epoch(0, { signal: controller.signal }))
        if (batch.ids[0] === 's4') controller.abort();
    };
    await expect(run()).rejects.toThrow(/abort/i);
    for await (const batch of loader) if (batch.ids[0] === 's4') break;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const after = started;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(started).toBe(after);
    expect(started).toBeLessThan(60);
  });

  it('says which sample does not fit, and refuses senseless numbers', async () => {
    await put(join(root, 'x'), '');
    const uneven: Transform = (sample) =>
      sample.id === 'sample-2' ? { ...sample, mask: sample.mask.slice(1) } : sample;
    await expect(collect({ transforms: [uneven] })).rejects.toThrow('sample-2');
    const sizes = slowDataset(4);
    const mixed: Dataset = {
      ...sizes,
      get: async (i) => {
        const side = 4 + (i >> 1);
        return {
          id: `s${i}`,
          image: { width: side, height: side, channels: 1, data: new Uint8Array(side * side) },
          mask: { width: side, height: side, data: new Uint8Array(side * side) },
        };
      },
    };
    await expect(collect({ dataset: mixed, fit: sourceSize() })).rejects.toThrow('the same size');
    expect(await collect({ dataset: mixed, fit: sourceSize(8) })).toHaveLength(1);
    for (const wrong of [{ batchSize: 0 }, { concurrency: 0 }, { prefetch: -1 }, { batchSize: 1.5 }]) {
      expect(() => new Loader({ dataset, batchSize: 4, fit: stretch(8), ...wrong })).toThrow(UsageError);
    }
  });
});

describe('samplers', () => {
  it('visit each sample once when shuffled', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(), (length, seed) => {
        const order = shuffled(length, seed).order(1);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      }),
    );
  });

  it('draw in proportion to the weights, never those of weight 0', () => {
    const counts = [0, 0, 0, 0];
    for (const i of weighted([1, 0, 3, 6], 3, 20_000).order(0)) counts[i]!++;
    expect(counts[1]).toBe(0);
    expect(counts[0]! / 20_000).toBeCloseTo(0.1, 1);
    expect(counts[2]! / 20_000).toBeCloseTo(0.3, 1);
    expect(counts[3]! / 20_000).toBeCloseTo(0.6, 1);
    for (const wrong of [[0, 0], [-1, 2], [Number.NaN]]) expect(() => weighted(wrong, 1)).toThrow(UsageError);
  });
});
