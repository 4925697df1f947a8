import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Brightness,
  brightnessCard,
  testImage,
  tinyCard,
  tinyUNet,
} from '../../test/inference/tiny-model.js';
import { decodeImage } from '../images/decode.js';
import { decodeMask } from '../images/decode-mask.js';
import { encodeImage, writeImage } from '../images/encode.js';
import { ModelState } from '../nn/index.js';
import { encodeModel } from '../onnx/index.js';
import { exportGraph } from './export-graph.js';
import type { PredictOptions } from './predict.js';
import { predictFiles } from './predict.js';
import { Segmenter } from './segmenter.js';

let root: string;
let out: string;
let count = 0;
let two: Segmenter;
let three: Segmenter;
let grey16: Segmenter;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pixelwise-large-'));
  const load = (card = tinyCard(2)) => {
    const { model, state } = tinyUNet(card, 7);
    return Segmenter.load(encodeModel(exportGraph(model, state, card)), { threads: 1 });
  };
  two = await load();
  three = await load(tinyCard(3));
  const card = { ...brightnessCard(32, 32), maxValue: 65535 as const };
  const model = new Brightness();
  const file = encodeModel(exportGraph(model, new ModelState(model), card));
  grey16 = await Segmenter.load(file, { threads: 1 });
});
afterAll(async () => {
  await Promise.all([two.close(), three.close(), grey16.close()]);
  await rm(root, { recursive: true });
});
beforeEach(() => {
  out = join(root, `out${count++}`);
});

/** Segments in memory and in strips; returns all files of each. */
async function bothWays(segmenter: Segmenter, path: string, options: Omit<PredictOptions, 'out'>) {
  const all = { tile: 32, probabilities: true, overlay: true, outlines: 'geojson', ...options } as const;
  return Promise.all(
    [0, 2 ** 26].map(async (stripsAbove) => {
      const folder = join(out, String(stripsAbove));
      const { outputs, failures } = await predictFiles(segmenter, [path], {
        ...all,
        out: folder,
        stripsAbove,
      });
      expect(failures).toEqual([]);
      const { mask, probabilities, outlines, overlay, width, height } = outputs[0]!;
      // Only the results remain: no temporary files.
      expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual(['.pixelwise-written']);
      const { data, palette } = await decodeMask(mask);
      return {
        mask: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
        palette,
        probabilities: await readFile(probabilities!),
        outlines: await readFile(outlines!, 'utf8'),
        overlay: await decodeImage(overlay!),
        size: [width, height],
      };
    }),
  );
}

describe('an image in strips', () => {
  it('has the same files as in memory, for two classes and for more', async () => {
    const path = join(root, 'colour.png');
    await writeImage(path, testImage(90, 131));
    for (const segmenter of [two, three]) {
      const [strips, memory] = await bothWays(segmenter, path, { tta: 'mirror' });
      expect(strips).toEqual(memory);
      expect(new Set(strips!.mask).size).toBeGreaterThan(1);
    }
  });

  it('has the same files with cleaning', async () => {
    const path = join(root, 'cleaned.png');
    await writeImage(path, testImage(70, 101));
    const [strips, memory] = await bothWays(two, path, { minArea: 30, fillHoles: true, overlap: 0 });
    expect(strips).toEqual(memory);
  });

  it('may have 16 bits, an EXIF orientation, or a palette', async () => {
    const wide = join(root, 'wide.tif');
    await sharp(testImage(60, 77, 1, 65535).data, { raw: { width: 60, height: 77, channels: 1 } })
      .toColourspace('grey16')
      .tiff({ tile: true, tileWidth: 16, tileHeight: 16 })
      .toFile(wide);
    const [strips, memory] = await bothWays(grey16, wide, {});
    expect(strips).toEqual(memory);
    const turned = join(root, 'turned.jpg');
    const jpeg = await encodeImage(testImage(50, 80), 'jpeg');
    await sharp(jpeg).withMetadata({ orientation: 6 }).toFile(turned);
    const [ofStrips, ofMemory] = await bothWays(two, turned, {});
    expect(ofStrips).toEqual(ofMemory);
    expect(ofStrips!.size).toEqual([80, 50]);
    const indexed = join(root, 'indexed.png');
    await sharp(jpeg).png({ palette: true, colours: 16 }).toFile(indexed);
    const [a, b] = await bothWays(two, indexed, {});
    expect(a).toEqual(b);
  });

  it('leaves no files if the image is damaged or the call is aborted', async () => {
    const bytes = await encodeImage(testImage(200, 200));
    const path = join(root, 'cut.png');
    await writeFile(path, bytes.subarray(0, bytes.length / 2));
    const options = { out, tile: 32, stripsAbove: 0, probabilities: true, overlay: true } as const;
    const { failures } = await predictFiles(two, [path], options);
    expect(failures[0]!.error).toMatchObject({ code: 'image-damaged' });
    expect(failures[0]!.error.message).toContain('cut.png');
    await writeFile(path, bytes);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 60);
    await expect(
      predictFiles(two, [path], { ...options, overlap: 0.9, signal: stop.signal }),
    ).rejects.toThrow('enough');
    const left = await readdir(out, { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
  });
});
