import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, makeSample, temporaryFolder } from '../../test/support/made-data.js';
import { encodeMask } from '../images/encode.js';
import type { Dataset } from './dataset.js';
import { openFolder } from './formats/folder.js';
import { sliceWeights } from './formats/lgg-mri.js';
import { indexMasks } from './mask-index.js';
import { Subset } from './subset.js';

let root: string;
let remove: () => Promise<void>;
let dataset: Dataset;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder());
  await makeFolder(root, { count: 12, classes: 3 });
  dataset = await openFolder(root);
});
afterAll(() => remove());

describe('indexMasks', () => {
  it('keeps places of each class, spread over its pixels', async () => {
    const index = await indexMasks(dataset, { folder: null });
    for (let i = 0; i < dataset.length; i++) {
      const { data } = makeSample(i, 24, 18, 3).mask;
      const at = dataset.ids.indexOf(`sample-${i}`);
      expect(index.sizeOf(at)).toMatchObject({ width: 24, height: 18 });
      for (const value of [0, 1, 2]) {
        const count = data.filter((pixel) => pixel === value).length;
        const places = index
          .placesOf(at, value)
          .map(({ x, y }) => Math.floor(y * 18) * 24 + Math.floor(x * 24));
        expect(places).toHaveLength(Math.min(count, 24));
        expect(new Set(places).size).toBe(places.length);
        expect(places.every((pixel) => data[pixel] === value)).toBe(true);
      }
    }
  });

  it('counts, keeps the counts, and counts again only what has changed', async () => {
    const folder = join(root, 'cache');
    let decoded = 0;
    const onProgress = (): void => void decoded++;
    const first = await indexMasks(dataset, { folder, onProgress });
    expect(decoded).toBe(12);
    const i = dataset.ids.indexOf('sample-5');
    const truth = makeSample(5, 24, 18, 3).mask.data;
    expect(first.counts[i]).toEqual(
      [0, 1, 2, 255].map((value) => truth.filter((pixel) => pixel === value).length),
    );
    expect(first.totals().reduce((sum, count) => sum + count, 0)).toBe(12 * 24 * 18);
    expect(first.foregroundAreas()[i]).toBe(truth.filter((pixel) => pixel > 0).length);

    decoded = 0;
    expect(await indexMasks(dataset, { folder, onProgress })).toEqual(first);
    expect(decoded).toBe(0);

    const changed = dataset.files(i).mask;
    await writeFile(changed, await encodeMask({ width: 24, height: 18, data: new Uint8Array(24 * 18) }));
    await utimes(changed, new Date(), new Date(Date.now() + 5000));
    const third = await indexMasks(dataset, { folder, onProgress });
    expect(decoded).toBe(1);
    expect(third.foregroundAreas()[i]).toBe(0);
    expect(sliceWeights(third.foregroundAreas()).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
  });

  it('serves a part of a dataset from the same counts, and outlives a damaged file', async () => {
    const folder = join(root, 'cache2');
    await indexMasks(dataset, { folder });
    const part = new Subset(dataset, [0, 3, 4]);
    let decoded = 0;
    const { counts } = await indexMasks(part, { folder, onProgress: () => decoded++ });
    expect([decoded, counts.length]).toEqual([0, 3]);
    const [kept] = await readdir(folder);
    await writeFile(join(folder, kept!), '{"version":2');
    await indexMasks(dataset, { folder, onProgress: () => decoded++ });
    expect(decoded).toBe(12);
  });
});
