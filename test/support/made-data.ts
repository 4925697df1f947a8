/** Small data sets for tests, in the true file formats, made anew in a temporary folder. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encodeImage } from '../../src/images/encode.js';
import { encodeIndexedPng } from '../../src/images/png-write.js';
import type { ClassMask, Raster } from '../../src/images/raster.js';
import { Random } from '../../src/random/index.js';

export interface MadeSample {
  readonly image: Raster;
  readonly mask: ClassMask;
}

/** A noisy RGB picture with a disc (class 1) and, with three classes, a bar (class 2). */
export function makeSample(seed: number, width = 24, height = 18, classes = 2): MadeSample {
  const random = new Random(seed, 'made-sample');
  const mask = new Uint8Array(width * height);
  const image = new Uint8Array(width * height * 3);
  const [cx, cy, radius] = [
    random.uniform(6, width - 6),
    random.uniform(6, height - 6),
    random.uniform(2, 5),
  ];
  const bar = random.integer(height - 2);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (Math.hypot(x + 0.5 - cx, y + 0.5 - cy) < radius) mask[i] = 1;
      else if (classes > 2 && (y === bar || y === bar + 1)) mask[i] = 2;
      for (let c = 0; c < 3; c++) image[3 * i + c] = 60 * mask[i]! + 20 * c + random.integer(40);
    }
  }
  return { image: { width, height, channels: 3, data: image }, mask: { width, height, data: mask } };
}

/** A temporary folder whose name has a space, quotes and letters beyond ASCII; `remove` when done. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "pixelwise 'made' dätä "));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export async function put(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

export interface FolderRecipe {
  readonly count: number;
  readonly width?: number;
  readonly height?: number;
  readonly classes?: number;
  /** Stored value by class; default the class index. */
  readonly values?: readonly number[];
  /** Id of sample i; default `sample-i`. */
  readonly id?: (i: number) => string;
  /** Seed of sample i's picture; default i. */
  readonly seed?: (i: number) => number;
}

/** Writes `images/` (PNG) and `masks/` (8-bit grey PNG) and returns what was written. */
export async function makeFolder(root: string, recipe: FolderRecipe): Promise<MadeSample[]> {
  const { count, width, height, classes = 2, values, id = (i) => `sample-${i}`, seed = (i) => i } = recipe;
  const made: MadeSample[] = [];
  for (let i = 0; i < count; i++) {
    const sample = makeSample(seed(i), width, height, classes);
    made.push(sample);
    const stored = sample.mask.data.map((value) => values?.[value] ?? value);
    await put(join(root, 'images', `${id(i)}.png`), await encodeImage(sample.image));
    await put(join(root, 'masks', `${id(i)}.png`), await encodeIndexedPng({ ...sample.mask, data: stored }));
  }
  return made;
}
