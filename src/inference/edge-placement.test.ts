import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Brightness, brightnessCard } from '../../test/inference/tiny-model.js';
import type { Raster } from '../images/raster.js';
import { ModelState } from '../nn/index.js';
import { encodeModel } from '../onnx/index.js';
import { exportGraph } from './export-graph.js';
import { Segmenter } from './segmenter.js';

const SIDE = 64;
let segmenter: Segmenter;
beforeAll(async () => {
  const model = new Brightness();
  const file = exportGraph(model, new ModelState(model), brightnessCard(SIDE, SIDE));
  segmenter = await Segmenter.load(encodeModel(file), { threads: 1 });
});
afterAll(() => segmenter.close());

/** Dark left of column `x` or above row `y`, bright elsewhere. */
function edgeAt(width: number, height: number, x: number, y: number): Raster {
  const data = Uint8Array.from({ length: width * height }, (_, i) =>
    i % width >= x && Math.floor(i / width) >= y ? 230 : 20,
  );
  return { width, height, channels: 1, data };
}

/** Compared as bytes: vitest takes longer to compare them one by one than the model to make them. */
async function expectExact(image: Raster): Promise<void> {
  const { data } = (await segmenter.segment(image)).mask;
  const wanted = Uint8Array.from(image.data, (value) => Number(value > 128));
  expect(Buffer.compare(data, wanted), `${image.width}×${image.height}`).toBe(0);
}

describe('an edge', () => {
  // A model of 64 pixels, images of 20 (×0.31) to 192 (×3).
  const sizes = Array.from({ length: 44 }, (_, i) => 20 + 4 * i);

  it('at a border of model pixels is exact at every scale from 0.3 to 3, in x and y', async () => {
    for (const size of sizes) {
      const other = sizes[(sizes.indexOf(size) * 7 + 3) % sizes.length]!;
      for (const quarter of [1, 2, 3]) {
        // Quarters of the image are borders of the model's pixels too, so only a shift could move the edge.
        const across = edgeAt(size, other, (quarter * size) / 4, 0);
        await expectExact(across);
        const down = edgeAt(other, size, 0, (quarter * size) / 4);
        await expectExact(down);
      }
    }
  });

  it('elsewhere is off by at most half a model pixel, equally often in both directions', async () => {
    for (const width of [40, 100, 192]) {
      let shift = 0;
      for (let x = 4; x < width - 4; x++) {
        const { data } = (await segmenter.segment(edgeAt(width, 8, x, 0))).mask;
        const found = data.indexOf(1);
        expect(Math.abs(found - x)).toBeLessThanOrEqual(Math.max(0.5, width / SIDE / 2));
        shift += found - x;
      }
      expect(Math.abs(shift / (width - 8))).toBeLessThan(0.35);
    }
  });
});
