import { link, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeFolder, put, temporaryFolder } from '../../test/support/made-data.js';
import { isImageName, listFiles, stemOf } from './files.js';
import { stretch } from './fit.js';
import { openFolder } from './formats/folder.js';
import { Loader } from './loader.js';
import { mapParallel } from './parallel.js';
import { shuffled } from './samplers.js';
import { splitDataset } from './splits.js';
import { spread } from './spread.js';

const reads = vi.hoisted(() => ({ count: 0 }));
vi.mock('../images/image-source.js', async (original) => {
  const actual = await original<typeof import('../images/image-source.js')>();
  const readImage: typeof actual.readImage = (...args) => (reads.count++, actual.readImage(...args));
  return { ...actual, readImage };
});

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

describe('listFiles', () => {
  it('finds images in any depth, hidden files left out, in one order', async () => {
    for (const path of ['b.PNG', 'a/c.tiff', '._b.png', '.git/x.png', 'notes.txt', 'a b/ü.jpg'])
      await put(join(root, path), '');
    expect(await listFiles(root)).toEqual(['a b/ü.jpg', 'a/c.tiff', 'b.PNG']);
    await expect(listFiles(join(root, 'none'))).rejects.toThrow('no such folder');
    expect([isImageName('x.jpeg'), isImageName('x.jpeg.txt'), stemOf('a.b/c.d.png')]).toEqual([
      true,
      false,
      'a.b/c.d',
    ]);
  });

  it.skipIf(process.platform === 'win32')(
    'follows links once, so that circles end, and names links to nowhere',
    async () => {
      await put(join(root, 'a/b.png'), '');
      await symlink(root, join(root, 'a/loop'));
      await symlink(join(root, 'a'), join(root, 'again'));
      await symlink(join(root, 'nowhere.png'), join(root, 'broken.png'));
      expect(await listFiles(root)).toEqual(['a/b.png', 'broken.png']);
      await mkdir(join(root, 'c'));
      await symlink(join(root, 'c/y'), join(root, 'c/x'));
      await symlink(join(root, 'c/x'), join(root, 'c/y'));
      expect(await listFiles(root)).toEqual(['a/b.png', 'broken.png']);
    },
  );
});

describe('a large set', () => {
  it('is opened, split and started on without reading all of it', async () => {
    const count = 4000;
    await makeFolder(root, { count: 1 });
    await mapParallel(count, 32, async (i) => {
      for (const kind of ['images', 'masks']) {
        await link(join(root, kind, 'sample-0.png'), join(root, kind, `copy-${i}.png`));
      }
    });
    reads.count = 0;
    const { train } = splitDataset(await openFolder(root));
    const loader = new Loader({
      dataset: train,
      batchSize: 8,
      fit: stretch(32),
      sampler: shuffled(train.length, 0),
    });
    for await (const batch of loader) {
      expect(batch.size).toBe(8);
      break;
    }
    expect(train.length).toBe(3201);
    // Headers of 256 images, 256 masks for their values, and what the loader reads ahead.
    expect(reads.count).toBeLessThan(700);
  });
});

describe('looking at a few, working on many', () => {
  it('spreads from the first to the last', () => {
    expect(spread(10, 3)).toEqual([0, 5, 9]);
    expect(spread(3, 10)).toEqual([0, 1, 2]);
    expect(spread(0, 4)).toEqual([]);
    expect(new Set(spread(1000, 256)).size).toBe(256);
  });

  it('keeps order, bounds what runs at once, and stops at the first error', async () => {
    let active = 0;
    let most = 0;
    const results = await mapParallel(20, 3, async (i) => {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setTimeout(resolve, (i * 7) % 4));
      active--;
      return i * i;
    });
    expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i * i));
    expect(most).toBe(3);
    let started = 0;
    const failing = mapParallel(100, 2, async (i) => {
      started++;
      await Promise.resolve();
      if (i === 3) throw new Error('three');
    });
    await expect(failing).rejects.toThrow('three');
    expect(started).toBeLessThan(10);
  });
});
