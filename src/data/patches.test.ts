import { describe, expect, it } from 'vitest';
import { IGNORE_INDEX } from '../images/raster.js';
import { DecodedSamples } from './decoded-samples.js';
import { Loader } from './loader.js';
import { indexMasks } from './mask-index.js';
import { describeDataset, MemoryDataset } from './memory-dataset.js';
import { CoveringPatches, type PatchSource, RandomPatches } from './patches.js';
import { stretch } from './fit.js';
import type { Sample } from './dataset.js';

const SIZES = [
  [40, 24],
  [24, 40],
  [10, 8],
] as const;

/** Images whose values name their pixel. Class 1 is one small spot in the first image. */
function sampleOf(i: number): Sample {
  const [width, height] = SIZES[i]!;
  const image = Uint8Array.from({ length: width * height }, (_, at) => (at * 7 + i) % 251);
  const mask = new Uint8Array(width * height);
  if (i === 0) mask.fill(1, 20 * width + 30, 20 * width + 33);
  return {
    id: `image ${i}`,
    image: { width, height, channels: 1, data: image },
    mask: { width, height, data: mask },
  };
}

async function sourceOf(maxBytes = Infinity): Promise<PatchSource> {
  const samples = SIZES.map((_, i) => sampleOf(i));
  const dataset = await describeDataset(new MemoryDataset(samples));
  return {
    dataset,
    index: await indexMasks(dataset, { folder: null }),
    decoded: new DecodedSamples(dataset, maxBytes),
  };
}

const size = { height: 16, width: 16 };

describe('RandomPatches', () => {
  it('draws as many as cover the images, the same for the same epoch and others for another', async () => {
    const source = await sourceOf();
    const [patches, again] = [new RandomPatches(source, size, 3), new RandomPatches(source, size, 3)];
    // 960, 960 and 80 pixels in patches of 256.
    expect(patches.length).toBe(4 + 4 + 1);
    const [a, b, c] = [await patches.get(2, 5), await again.get(2, 5), await patches.get(2, 6)];
    expect(a).toEqual(b);
    expect(a.image.data).not.toEqual(c.image.data);
    for (let k = 0; k < patches.length; k++) {
      const { image, mask } = await patches.get(k, 1);
      expect([image.width, image.height, mask.width, mask.height]).toEqual([16, 16, 16, 16]);
    }
  });

  it('centres a third on rare classes', async () => {
    const patches = new RandomPatches(await sourceOf(), size, 0);
    let withSpot = 0;
    const epochs = 100;
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let k = 0; k < patches.length; k++) {
        if ((await patches.get(k, epoch)).mask.data.includes(1)) withSpot++;
      }
    }
    // A third, and some of the others by chance: 16 + 3 − 1 of 25 columns and 16 of 25 rows are too many to miss it.
    const share = withSpot / (epochs * patches.length);
    expect(share).toBeGreaterThan(1 / 3);
    expect(share).toBeLessThan(0.6);
  });

  it('pads images that are smaller as prediction does, and ignores what is added', async () => {
    const patches = new CoveringPatches(await sourceOf(), size);
    const { image, mask } = await patches.get(patches.length - 1);
    const small = sampleOf(2);
    for (const [x, y] of [
      [0, 0],
      [9, 7],
      [15, 7],
      [9, 15],
      [15, 15],
    ] as const) {
      const inside = Math.min(y, 7) * 10 + Math.min(x, 9);
      expect(image.data[y * 16 + x]).toBe(small.image.data[inside]);
      expect(mask.data[y * 16 + x]).toBe(x < 10 && y < 8 ? 0 : IGNORE_INDEX);
    }
  });

  it('cuts the same from memory and from temporary files', async () => {
    const [memory, files] = [await sourceOf(), await sourceOf(0)];
    const [a, b] = [memory, files].map((source) => new RandomPatches(source, size, 1));
    for (let k = 0; k < a!.length; k++) expect(await b!.get(k, 2)).toEqual(await a!.get(k, 2));
    files.decoded.close();
  });

  it('gives a loader other patches in every epoch', async () => {
    const dataset = new RandomPatches(await sourceOf(), size, 1);
    const loader = new Loader({ dataset, batchSize: 4, fit: stretch(size) });
    const batchesOf = async (epoch: number) => {
      const batches: Float32Array[] = [];
      for await (const { images } of loader.epoch(epoch)) batches.push(images);
      return batches;
    };
    const [first, second] = [await batchesOf(0), await batchesOf(1)];
    expect(first.map(({ length }) => length / 256)).toEqual([4, 4, 1]);
    expect(first).not.toEqual(second);
    expect(await batchesOf(0)).toEqual(first);
  });
});

describe('CoveringPatches', () => {
  it('cover every pixel of every image', async () => {
    const source = await sourceOf();
    const patches = new CoveringPatches(source, size);
    const seen = SIZES.map(([width, height]) => new Uint8Array(width * height));
    for (let k = 0; k < patches.length; k++) {
      const [, image, x, y] = /(\d) at (\d+),(\d+)/.exec((await patches.get(k)).id)!.map(Number);
      const [width, height] = SIZES[image!]!;
      for (let row = y!; row < Math.min(height, y! + 16); row++) {
        seen[image!]!.fill(1, row * width + x!, row * width + Math.min(width, x! + 16));
      }
    }
    expect(seen.every((pixels) => !pixels.includes(0))).toBe(true);
    expect(new CoveringPatches(source, size, 4)).toHaveLength(4);
  });
});
