import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Brightness,
  brightnessCard,
  testImage,
  tinyCard,
  tinyUNet,
} from '../../test/inference/tiny-model.js';
import { tiff } from '../../test/support/tiff.js';
import { decodeImage } from '../images/decode.js';
import { decodeMask, decodeStoredMask } from '../images/decode-mask.js';
import { writeImage } from '../images/encode.js';
import { CLASS_PALETTE } from '../images/palette.js';
import { ModelState } from '../nn/index.js';
import { encodeModel } from '../onnx/index.js';
import { maskToCoco } from './coco.js';
import { cleanMask } from './components.js';
import { exportGraph } from './export-graph.js';
import { maskToGeoJson } from './outlines.js';
import { predictFiles } from './predict.js';
import { Segmenter } from './segmenter.js';

const card = tinyCard(2);
let root: string;
let segmenter: Segmenter;
let out: string;
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pixelwise-predict-'));
  for (const folder of ['a', 'b']) await mkdir(join(root, folder));
  await writeImage(join(root, 'a', 'x.jpg'), testImage(60, 41));
  await writeImage(join(root, 'b', 'x.jpg'), testImage(35, 50));
  await writeImage(join(root, 'b', 'y.png'), testImage(44, 44));
  const { model, state } = tinyUNet(card, 7);
  segmenter = await Segmenter.load(encodeModel(exportGraph(model, state, card)), { threads: 1 });
});
afterAll(async () => {
  await segmenter.close();
  await rm(root, { recursive: true });
});
beforeEach(() => {
  out = join(root, `out${count++}`);
});

const path = (...parts: readonly string[]) => join(root, ...parts);

describe('predictFiles', () => {
  it('writes a stack for a stack, and reads pages as channels where the model takes as many', async () => {
    const [width, height] = [30, 22];
    const rgb = [1, 2].map((seed) => {
      const { data } = testImage(width, height);
      return { width, height, channels: 3, data: (data as Uint8Array).map((value) => (value * seed) % 256) };
    });
    await mkdir(path('stacks'));
    await writeFile(path('stacks', 'slices.tif'), tiff(rgb.map((slice) => ({ ...slice, samples: 3 }))));
    const planes = [0, 1, 2].map((c) => rgb[0]!.data.filter((_, i) => i % 3 === c));
    await writeFile(path('stacks', 'channels.tif'), tiff(planes.map((data) => ({ width, height, data }))));
    const { outputs, failures } = await predictFiles(segmenter, [path('stacks')], { out, overlay: true });
    expect(failures).toEqual([]);
    expect(outputs.map(({ mask }) => mask)).toEqual([join(out, 'channels.png'), join(out, 'slices.tif')]);
    const expected = await Promise.all(rgb.map((image) => segmenter.segment(image)));
    expect([...(await decodeMask(outputs[0]!.mask)).data]).toEqual([...expected[0]!.mask.data]);
    for (const [page, { mask }] of expected.entries()) {
      expect([...(await decodeStoredMask(outputs[1]!.mask, { page })).data]).toEqual([...mask.data]);
    }
    expect(await readdir(join(out, 'overlays'))).toEqual(['channels.jpg', 'slices-1.jpg', 'slices-2.jpg']);
  });

  it('writes masks, overlays and probabilities under unique names', async () => {
    const progress: number[] = [];
    const { outputs, failures } = await predictFiles(segmenter, [path('a'), path('b')], {
      out,
      overlay: true,
      probabilities: true,
      onProgress: (done, total) => progress.push(done, total),
    });
    expect(failures).toEqual([]);
    expect(progress).toEqual([1, 3, 2, 3, 3, 3]);
    expect(outputs.map(({ input, mask }) => [input, mask])).toEqual([
      [path('a', 'x.jpg'), join(out, 'a', 'x.jpg.png')],
      [path('b', 'x.jpg'), join(out, 'b', 'x.jpg.png')],
      [path('b', 'y.png'), join(out, 'y.png')],
    ]);
    for (const output of outputs) {
      const expected = await segmenter.segment(output.input, { probabilities: true });
      const mask = await decodeMask(output.mask);
      expect([mask.width, mask.height]).toEqual([output.width, output.height]);
      expect(Buffer.from(mask.data as Uint8Array).equals(expected.mask.data)).toBe(true);
      expect([...mask.palette!]).toEqual([...CLASS_PALETTE.slice(0, 6)]);
      const drawn = await decodeImage(output.overlay!);
      expect([drawn.width, drawn.height]).toEqual([output.width, output.height]);
      const npy = await readFile(output.probabilities!);
      const values = expected.probabilities!.data;
      const stored = new Uint8Array(npy.subarray(-values.byteLength));
      expect(new Float32Array(stored.buffer)).toEqual(values);
      expect(npy.subarray(1, 6).toString()).toBe('NUMPY');
      expect(npy.toString('latin1')).toContain(`'shape': (2, ${output.height}, ${output.width})`);
      expect(output.seconds).toBeGreaterThan(0);
    }
  });

  it('cleans masks if requested', async () => {
    const model = new Brightness();
    const file = exportGraph(model, new ModelState(model), brightnessCard(44, 44));
    const bright = await Segmenter.load(encodeModel(file), { threads: 1 });
    await writeImage(path('spots.png'), testImage(44, 44, 1));
    const options = { keepLargest: true, minArea: 20 };
    const { outputs } = await predictFiles(bright, [path('spots.png')], { out, ...options });
    const plain = await bright.segment(path('spots.png'));
    const cleaned = cleanMask(plain.mask, options);
    expect(cleaned).not.toEqual(plain.mask);
    const written = await decodeMask(outputs[0]!.mask);
    expect(Buffer.from(written.data as Uint8Array).equals(cleaned.data)).toBe(true);
    expect(Object.keys(outputs[0]!).sort()).toEqual(['height', 'input', 'mask', 'seconds', 'width']);
    await bright.close();
  });

  it.each(['geojson', 'coco'] as const)('writes outlines as %s', async (outlines) => {
    const { outputs } = await predictFiles(segmenter, [path('b', 'y.png')], { out, outlines });
    const { mask } = await segmenter.segment(path('b', 'y.png'));
    const ending = outlines === 'coco' ? 'json' : 'geojson';
    expect(outputs[0]!.outlines).toBe(join(out, 'outlines', `y.${ending}`));
    const expected =
      outlines === 'coco' ? maskToCoco(mask, card.classes, 'y.png') : maskToGeoJson(mask, card.classes);
    expect(JSON.parse(await readFile(outputs[0]!.outlines!, 'utf8'))).toEqual(expected);
  });

  it('reports failures and processes the other images', async () => {
    await mkdir(path('c'));
    await writeFile(path('c', 'bad.png'), 'no image');
    await writeImage(path('c', 'good.png'), testImage(20, 20));
    const { outputs, failures } = await predictFiles(segmenter, [path('c'), path('a')], {
      out,
      overlay: true,
    });
    expect(outputs.map(({ input }) => input)).toEqual([path('c', 'good.png'), path('a', 'x.jpg')]);
    expect(failures.map(({ input }) => input)).toEqual([path('c', 'bad.png')]);
    expect(failures[0]!.error.message).toContain('bad.png');
    expect((await readdir(out)).sort()).toEqual(['.pixelwise-written', 'good.png', 'overlays', 'x.png']);
  });

  it('leaves no files of an image if one of them cannot be written', async () => {
    // A folder has the path of the mask.
    await mkdir(join(out, 'y.png'), { recursive: true });
    const { outputs, failures } = await predictFiles(segmenter, [path('b', 'y.png')], { out, overlay: true });
    expect(outputs).toEqual([]);
    expect(failures[0]!.error.message).toContain('y.png');
    expect(await readdir(join(out, 'overlays'))).toEqual([]);
    expect(await readdir(out)).toEqual(['overlays', 'y.png']);
  });

  it('writes nothing where a disk was that is gone in the middle', async () => {
    await mkdir(out);
    const result = await predictFiles(segmenter, [path('a'), path('b')], {
      out,
      onProgress: (done) => done === 1 && renameSync(out, `${out}-elsewhere`),
    });
    expect(result.outputs.length).toBeGreaterThan(0);
    expect(result.failures.length + result.outputs.length).toBe(3);
    for (const { error } of result.failures) {
      expect(error.message).toMatch(/could not be written: its folder does not exist \(any more\)/);
    }
  });

  it('replaces its own results, and nothing else', async () => {
    const predict = () => predictFiles(segmenter, [path('b', 'y.png')], { out });
    await predict();
    await predict();
    await writeFile(join(out, 'y.png'), 'corrected by hand');
    await expect(predict()).rejects.toThrow(
      `${join(out, 'y.png')} exists, and Pixelwise did not write it, or`,
    );
    expect(await readFile(join(out, 'y.png'), 'utf8')).toBe('corrected by hand');
  });

  it('never replaces an input', async () => {
    const work = predictFiles(segmenter, [path('b', 'y.png')], { out: path('b') });
    await expect(work).rejects.toThrow(/would replace the input/);
  });

  it('rejects invalid options before writing anything', async () => {
    await expect(predictFiles(segmenter, [path('a')], { out, minArea: -3 })).rejects.toThrow(/-3/);
    await expect(predictFiles(segmenter, [path('a')], { out, threshold: 3 })).rejects.toThrow(/from 0 to 1/);
    await expect(access(out)).rejects.toThrow();
  });

  it('stops between images when aborted', async () => {
    const stop = new AbortController();
    const work = predictFiles(segmenter, [path('b'), path('a')], {
      out,
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(work).rejects.toThrow('enough');
    const files = await readdir(out, { recursive: true });
    expect(files.filter((name) => name.includes('.part'))).toEqual([]);
  });
});
