import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testImage, tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import { writeTinyRun } from '../../test/inference/tiny-run.js';
import { writeImage } from '../images/encode.js';
import { asLuminance } from '../images/rgba.js';
import type { Raster } from '../images/raster.js';
import { encodeModel } from '../onnx/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { cleanMask } from './components.js';
import { exportGraph } from './export-graph.js';
import type { ImageSource } from './image-source.js';
import { maskToGeoJson } from './outlines.js';
import { Segmenter } from './segmenter.js';

const card = tinyCard(2, { threshold: 0.4, loss: 'bce+dice' });
const { model, state } = tinyUNet(card, 7);
let folder: string;
let run: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-segmenter-'));
  run = join(folder, 'run');
  file = join(folder, 'model.onnx');
  await writeTinyRun(run, card, [state, tinyUNet(card, 1).state]);
  await writeFile(file, encodeModel(exportGraph(model, state, card)));
});
afterAll(() => rm(folder, { recursive: true }));

/** The masks of the exported file, computed by ONNX Runtime alone. */
async function bare({ data, width, height, channels }: Raster) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 });
  const results = await session.run({
    image: new ort.Tensor('uint8', data as Uint8Array, [1, height, width, channels]),
  });
  await session.release();
  return {
    mask: results.mask!.data as Uint8Array,
    probabilities: results.probabilities!.data as Float32Array,
  };
}

describe('a Segmenter', () => {
  it('says that a run of an earlier version has no checksums, and names a weight that is not finite', async () => {
    const notes: string[] = [];
    await (await Segmenter.load(run, { threads: 1, onNote: (note) => notes.push(note) })).close();
    expect(notes).toEqual([expect.stringContaining('was written by an earlier version, without checksums')]);
    const bad = tinyUNet(card, 3).state;
    const slot = bad.slots[2]!;
    bad.values(slot)[1] = NaN;
    const path = join(folder, 'bad-run');
    await writeTinyRun(path, card, [bad]);
    await expect(Segmenter.load(path)).rejects.toThrow(
      `the weight ${slot.name} holds values that are not finite`,
    );
  });

  it('leaves constants in their file and predicts the same; a file that was written anew is refused', async () => {
    const wide = { ...card, model: { name: 'unet', options: { ...card.model.options, width: 12 } } };
    const large = tinyUNet(wide);
    const path = join(folder, 'large.onnx');
    await writeFile(path, encodeModel(exportGraph(large.model, large.state, wide)));
    const image = testImage(75, 51);
    const [kept, left] = await Promise.all(
      [false, true].map((constantsInFile) => Segmenter.load(path, { threads: 1, constantsInFile })),
    );
    const expected = await kept!.segment(image, { probabilities: true });
    const result = await left!.segment(image, { probabilities: true });
    expect(result.probabilities.data).toEqual(expected.probabilities.data);
    expect(left!.toBytes()).toEqual(kept!.toBytes());
    await utimes(path, 1, 1);
    expect(() => left!.toBytes()).toThrow(/large\.onnx changed while its model was in use/);
    await Promise.all([kept!.close(), left!.close()]);
  });

  it('predicts the same from a run, from a file, and with ONNX Runtime alone', async () => {
    const image = testImage(75, 51);
    const path = join(folder, 'image.png');
    await writeImage(path, image);
    const expected = await bare(image);
    expect(new Set(expected.mask).size).toBe(2);
    for (const source of [run, file]) {
      const segmenter = await Segmenter.load(source, { threads: 1 });
      expect(segmenter.card).toEqual({ ...card, model: { ...segmenter.card.model, name: 'unet' } });
      for (const given of [image, path]) {
        const result = await segmenter.segment(given, { probabilities: true });
        expect([result.width, result.height]).toEqual([75, 51]);
        expect([result.mask.width, result.mask.height]).toEqual([75, 51]);
        expect(result.file).toBe(typeof given === 'string' ? path : undefined);
        expect(result.seconds).toBeGreaterThan(0);
        expect(Buffer.from(result.mask.data).equals(expected.mask)).toBe(true);
        expect(result.probabilities).toMatchObject({ width: 75, height: 51, channels: 2 });
        expect(result.probabilities!.data).toEqual(expected.probabilities);
        const maskAlone = await segmenter.segment(given);
        expect(maskAlone.probabilities).toBeUndefined();
        expect(Buffer.from(maskAlone.mask.data).equals(expected.mask)).toBe(true);
      }
      await segmenter.close();
    }
  });

  it('loads the requested checkpoint', async () => {
    const image = testImage(40, 40);
    const masks = [];
    for (const checkpoint of [undefined, 'best', 1, 'last', 2] as const) {
      const segmenter = await Segmenter.load(run, {
        threads: 1,
        ...(checkpoint !== undefined && { checkpoint }),
      });
      masks.push(Buffer.from((await segmenter.segment(image)).mask.data).toString('base64'));
      await segmenter.close();
    }
    expect(masks[1]).toBe(masks[0]);
    expect(masks[2]).toBe(masks[0]);
    expect(masks[3]).not.toBe(masks[0]);
    expect(masks[4]).toBe(masks[3]);
    await expect(Segmenter.load(run, { checkpoint: 9 })).rejects.toThrow(/no checkpoint "9".*1, 2/);
    await expect(Segmenter.load(file, { checkpoint: 'last' })).rejects.toThrow(/only run folders/);
  });

  it('does not change its input pixels', async () => {
    const segmenter = await Segmenter.load(file, { threads: 1 });
    const image = testImage(30, 20);
    const before = image.data.slice();
    const result = await segmenter.segment(image);
    expect(image.data).toEqual(before);
    expect(result.image).toBe(image);
    await segmenter.close();
  });

  it('uses another threshold', async () => {
    const segmenter = await Segmenter.load(file, { threads: 1 });
    const image = testImage(40, 40);
    const { probabilities } = await segmenter.segment(image, { probabilities: true });
    const foreground = probabilities!.data.subarray(1600);
    for (const threshold of [0, 0.2, 0.9]) {
      const { mask } = await segmenter.segment(image, { threshold });
      const limit = Math.fround(threshold);
      expect(mask.data).toEqual(Uint8Array.from(foreground, (p) => Number(p >= limit)));
    }
    await expect(segmenter.segment(image, { threshold: 2 })).rejects.toThrow(/from 0 to 1/);
    await segmenter.close();
    const four = tinyCard(4);
    const tiny = tinyUNet(four);
    const many = await Segmenter.load(encodeModel(exportGraph(tiny.model, tiny.state, four)), { threads: 1 });
    await expect(many.segment(image, { threshold: 0.5 })).rejects.toThrow(/4 classes/);
    await many.close();
  });

  it('converts grey images for a colour model, and rejects unsuitable images', async () => {
    const segmenter = await Segmenter.load(file, { threads: 1 });
    const grey = testImage(40, 40, 1);
    const colour = {
      ...grey,
      channels: 3,
      data: new Uint8Array(4800).map((_, i) => grey.data[Math.floor(i / 3)]!),
    };
    expect((await segmenter.segment(grey)).mask).toEqual((await segmenter.segment(colour)).mask);
    await expect(segmenter.segment(testImage(8, 8, 4))).rejects.toThrow(
      /4 channels.*trained on 3 channels of 8 bits/,
    );
    await expect(segmenter.segment(testImage(8, 8, 3, 65535))).rejects.toThrow(/16 bits.*8 bits/);
    await expect(segmenter.segment({ ...grey, width: 41 })).rejects.toThrow(/an image of 41×40 .* got 1600/);
    await segmenter.close();
  });

  it('segments 16-bit images with a 16-bit model, and converts 8-bit images for it', async () => {
    const deep = tinyCard(2, { channels: 1, maxValue: 65535 });
    const tiny = tinyUNet(deep);
    const bytes = encodeModel(exportGraph(tiny.model, tiny.state, deep));
    const image = testImage(50, 37, 1, 65535);
    const session = await ort.InferenceSession.create(bytes.slice(), { intraOpNumThreads: 1 });
    const feed = new ort.Tensor('uint16', image.data as Uint16Array, [1, 37, 50, 1]);
    const expected = (await session.run({ image: feed })).probabilities!.data;
    const segmenter = await Segmenter.load(bytes, { threads: 1 });
    expect((await segmenter.segment(image, { probabilities: true })).probabilities!.data).toEqual(expected);
    await segmenter.segment(testImage(10, 10, 1));
    await segmenter.close();
    await session.release();
  });

  it('predicts the same on a runtime without uint8 tensors', async () => {
    const plain = await createNodeRuntime({ threads: 1 });
    const runtime = { ...plain, target: { ...plain.target, allIntegers: false } };
    const image = testImage(33, 44);
    const [ours, other] = [
      await Segmenter.load(file, { threads: 1 }),
      await Segmenter.load(file, { runtime }),
    ];
    expect((await other.segment(image)).mask).toEqual((await ours.segment(image)).mask);
    await Promise.all([ours.close(), other.close()]);
    await plain.close();
  });

  it('reads streams of an image file, and is closed at the end of its block', async () => {
    const path = join(folder, 'streamed.png');
    await writeImage(path, testImage(44, 31));
    let kept: Segmenter;
    {
      await using segmenter = await Segmenter.load(file, { threads: 1 });
      const expected = await segmenter.segment(path);
      expect((await segmenter.segment(createReadStream(path))).mask).toEqual(expected.mask);
      const web = new Blob([await readFile(path)]).stream();
      expect((await segmenter.segment(web)).mask).toEqual(expected.mask);
      kept = segmenter;
    }
    await expect(kept.segment(path)).rejects.toThrow(/is closed/);
  });

  it('takes an image from wherever it comes, and names it', async () => {
    const path = join(folder, 'upload.png');
    await writeImage(path, testImage(44, 31));
    const bytes = await readFile(path);
    const { data, info } = await sharp(path).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    const pixels = { width, height, data: new Uint8ClampedArray(data) };
    const canvas = { width, height, getContext: () => ({ getImageData: () => pixels }) };
    await using segmenter = await Segmenter.load(new Blob([await readFile(file)]), { threads: 1 });
    const { mask: expected } = await segmenter.segment(path);
    const sources: readonly (readonly [ImageSource, string?])[] = [
      [pathToFileURL(path), path],
      [new URL(`data:image/png;base64,${bytes.toString('base64')}`)],
      [bytes],
      [new Uint8Array(bytes)],
      [new Uint8Array(bytes).buffer],
      [new Blob([bytes])],
      [new File([bytes], 'photo.png'), 'photo.png'],
      [sharp(path)],
      [pixels],
      [canvas],
    ];
    for (const [source, name] of sources) {
      const result = await segmenter.segment(source);
      expect([result.mask, result.file]).toEqual([expected, name]);
    }
    await expect(segmenter.segment(new File(['no image'], 'notes.txt'))).rejects.toThrow(/^notes\.txt: /);
    await expect(segmenter.segment({ some: 'thing' } as unknown as Blob)).rejects.toThrow(/not supported/);
  });

  it('returns confidence and outlines, cleaned as the mask is', async () => {
    await using segmenter = await Segmenter.load(pathToFileURL(file), {
      threads: 1,
      device: 'auto',
    });
    expect(segmenter.device).toBe('cpu');
    const image = testImage(60, 40);
    const plain = await segmenter.segment(image, { probabilities: true, confidence: true });
    const { mask, probabilities, confidence } = plain;
    expect([...confidence]).toEqual([...mask.data].map((value, i) => probabilities.data[value * 2400 + i]));
    const cleaned = await segmenter.segment(image, { outlines: true, keepLargest: true });
    expect(cleaned.outlines).toEqual(maskToGeoJson(cleanMask(mask, { keepLargest: true }), card.classes));
    expect(cleaned.probabilities).toBeUndefined();
  });

  it('refuses options that do not exist, with the nearest', async () => {
    await using segmenter = await Segmenter.load(file, { threads: 1 });
    const image = testImage(20, 20);
    await expect(segmenter.segment(image, { probabilites: true } as object)).rejects.toThrow(
      'segment has no option "probabilites"',
    );
    await expect(segmenter.segment(image, { probabilites: true } as object)).rejects.toThrow(
      'Did you mean "probabilities"?',
    );
    await expect(segmenter.segment(image, { outlines: 'geojson' } as object)).rejects.toThrow(
      'true or false',
    );
    await expect(Segmenter.load(file, { thread: 1 } as object)).rejects.toThrow('Did you mean "threads"?');
  });

  it('converts colours to luminance for a one-channel model, if asked to', async () => {
    const grey = tinyCard(2, { channels: 1 });
    const tiny = tinyUNet(grey);
    await using segmenter = await Segmenter.load(encodeModel(exportGraph(tiny.model, tiny.state, grey)), {
      threads: 1,
    });
    const image = testImage(30, 22);
    await expect(segmenter.segment(image)).rejects.toThrow(/trained on 1 channels/);
    const { mask, image: shown } = await segmenter.segment(image, { luminance: true });
    expect(mask).toEqual((await segmenter.segment(asLuminance(image))).mask);
    expect(shown).toBe(image);
  });

  it('segments many images in order', async () => {
    const segmenter = await Segmenter.load(file, { threads: 1 });
    const images = [31, 64, 17, 90, 45, 22].map((width) => testImage(width, 40));
    const expected = [];
    for (const image of images) expected.push((await segmenter.segment(image)).mask);
    const given = [];
    for await (const { mask } of segmenter.segmentMany(images, { ahead: 2 })) given.push(mask);
    expect(given).toEqual(expected);
    await segmenter.close();
  });

  it('throws an error that names the file, and stops at once when aborted', async () => {
    const segmenter = await Segmenter.load(file, { threads: 1 });
    const bad = join(folder, 'bad.png');
    await writeFile(bad, 'no image');
    await expect(segmenter.segment(bad)).rejects.toThrow(/bad\.png/);
    const seen: number[] = [];
    await expect(async () => {
      for await (const { width } of segmenter.segmentMany([testImage(20, 20), bad])) seen.push(width);
    }).rejects.toThrow(/bad\.png/);
    expect(seen).toEqual([20]);
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(segmenter.segment(testImage(9, 9), { signal: stop.signal })).rejects.toThrow('enough');
    await segmenter.close();
    await expect(segmenter.segment(testImage(9, 9))).rejects.toThrow(/is closed/);
  });

  it('of a file with a fixed size accepts only that size', async () => {
    const fixed = encodeModel(exportGraph(model, state, card, { size: { height: 30, width: 40 } }));
    const segmenter = await Segmenter.load(fixed, { threads: 1 });
    await segmenter.segment(testImage(40, 30));
    await expect(segmenter.segment(testImage(41, 30))).rejects.toThrow(/41×30.*for 40×30 only/);
    await expect(segmenter.segment(testImage(41, 30), {}, 'cell 7')).rejects.toThrow(/^cell 7 is 41×30/);
    await segmenter.close();
  });

  it('explains why a model cannot be loaded', async () => {
    await expect(Segmenter.load(join(folder, 'none'))).rejects.toThrow(/none: no such/);
    await expect(Segmenter.load(folder, { threads: 1 })).rejects.toThrow(/not a run folder/);
    const text = join(folder, 'text.onnx');
    await writeFile(text, 'this is text');
    await expect(Segmenter.load(text, { threads: 1 })).rejects.toThrow(/text\.onnx/);
    const naked = encodeModel(exportGraph(model, state, card, { bare: true }));
    await expect(Segmenter.load(naked, { threads: 1 })).rejects.toThrow(/--bare/);
    const foreign = { ...exportGraph(model, state, card), metadata: {} };
    await expect(Segmenter.load(encodeModel(foreign))).rejects.toThrow(/pixelwise export/);
  });
});
