import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { memoryDataset } from '../../test/inference/memory-dataset.js';
import { parseAugmentation, stretch } from '../data/index.js';
import { writeDataSheet } from './data-sheet.js';

const report = {
  ok: true,
  pairs: 3,
  unlabelled: 0,
  ignored: { pixels: 0, share: 0 },
  emptyMasks: { count: 0, share: 0 },
  examined: 3,
  problems: [],
  format: 'memory',
  pairing: '',
  classes: [],
  sizes: [],
};

it('shows dim 16-bit images bright, and images in their shape although training stretches them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pixelwise-sheet-'));
  const dim = memoryDataset(
    ['background', 'cell'],
    [
      [60, 30],
      [30, 60],
      [40, 40],
    ],
    { maxValue: 65535 },
  );
  const train = {
    ...dim,
    get: async (i: number) => {
      const sample = await dim.get(i);
      return { ...sample, image: { ...sample.image, data: Uint16Array.from(sample.image.data) } };
    },
  };
  const { tiles } = await writeDataSheet(folder, {
    parts: { train, valid: undefined, test: undefined },
    report,
    transforms: parseAugmentation('flip'),
    fit: stretch(16),
    stretches: true,
    seed: 0,
  });
  const shapes = tiles.samples.map(({ width, height }) => [width, height]);
  expect(shapes).toEqual([
    [240, 120],
    [120, 240],
    [240, 240],
  ]);
  expect(tiles.augmented.length).toBe(18);
  expect(new Set(tiles.augmented.map(({ width, height }) => `${width}×${height}`))).toEqual(
    new Set(['240×120']),
  );
  const bytes = Buffer.from(tiles.samples[0]!.image.split(',')[1]!, 'base64');
  const { channels } = await sharp(bytes).stats();
  // Values up to 255 of 65535 would be black if they were not stretched.
  expect(Math.max(...channels.map(({ max }) => max))).toBeGreaterThan(200);
  await rm(folder, { recursive: true });
});
