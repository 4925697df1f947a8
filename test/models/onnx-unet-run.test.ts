/** The way of an encoder from a file: into a run, and from the run alone to masks and an exported file. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCells } from '../../src/data/demo-folder.js';
import { exportRun, Segmenter } from '../../src/inference/index.js';
import type { TrainOptions } from '../../src/jobs/index.js';
import { train } from '../../src/jobs/index.js';
import { encodeModel } from '../../src/onnx/index.js';
import { testImage } from '../inference/tiny-model.js';
import { tinyEncoder } from './tiny-encoder.js';

let folder: string;
let options: TrainOptions;
const at = (...names: string[]) => join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-onnx-unet-'));
  await writeCells(at('cells'), { seed: 1, count: 8, width: 48, height: 32 });
  await writeFile(at('encoder.onnx'), encodeModel(tinyEncoder()));
  options = {
    data: at('cells'),
    model: 'onnx-unet',
    encoder: at('encoder.onnx'),
    taps: 'act1,act2,act3',
    size: { height: 32, width: 48 },
    out: at('run'),
    epochs: 1,
    batch: 3,
    threads: 1,
  };
  await train(options);
});
afterAll(() => rm(folder, { recursive: true }));

describe('a run with an encoder from a file', () => {
  it('predicts and exports from its folder alone', async () => {
    await rm(at('encoder.onnx'));
    const { file } = await exportRun(at('run'), { out: at('model.onnx') });
    const image = testImage(61, 47);
    const masks: Uint8Array[] = [];
    for (const source of [at('run'), file]) {
      const segmenter = await Segmenter.load(source, { threads: 1 });
      expect(segmenter.card.model.name).toBe('onnx-unet');
      masks.push((await segmenter.segment(image)).mask.data);
      await segmenter.close();
    }
    expect(masks[1]).toEqual(masks[0]);
    const { encoder: _gone, ...rest } = options;
    const again = await train({ ...rest, encoder: at('encoder.onnx'), resume: true });
    expect(again).toMatchObject({ epochs: 1, stopped: 'epochs' });
    await expect(train({ ...options, taps: ['act1'], resume: true })).rejects.toThrow(
      /cannot be resumed: the model changed/,
    );
  });

  it('does not go on with another file, or without one', async () => {
    const path = at('run', 'encoder.onnx');
    const bytes = await readFile(path);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(path, bytes);
    const resumed = { ...options, encoder: at('other.onnx'), resume: true };
    await writeFile(at('other.onnx'), encodeModel(tinyEncoder()));
    await expect(train(resumed)).rejects.toThrow(
      /encoder\.onnx is not the file that the run was trained with: its SHA-256 is [0-9a-f]{64}, not/,
    );
    await rm(path);
    await expect(train(resumed)).rejects.toThrow(/encoder\.onnx is missing/);
    // Predictions take the graph in the checkpoint.
    await (await Segmenter.load(at('run'), { threads: 1 })).close();
  });

  it.each<[string, Partial<TrainOptions>, RegExp]>([
    ['a file that is not there', { encoder: 'none.onnx' }, /none\.onnx cannot be read/],
    ['no file', { encoder: undefined }, /onnx-unet needs --encoder FILE\.onnx and --taps/],
    ['no taps', { taps: undefined }, /onnx-unet needs --encoder FILE\.onnx and --taps/],
    ['an option of another model', { width: 8 }, /--width is not an option of onnx-unet/],
    ['pretrained weights', { encoderWeights: 'imagenet' }, /onnx-unet has no pretrained encoder/],
    ['another model', { model: 'unet' }, /--encoder is not an option of unet/],
    ['a tap that does not exist', { taps: 'act1,act9' }, /other\.onnx: there is no tensor "act9"/],
    [
      'sizes that do not halve',
      { taps: 'act1,full2' },
      /tap "full2" has the shape 2×8×16×24 .* 2×channels×8×12/,
    ],
  ])('refuses %s, and leaves no run', async (_, changes, message) => {
    await writeFile(at('other.onnx'), encodeModel(tinyEncoder()));
    const given = { ...options, encoder: at('other.onnx'), out: at('refused'), ...changes };
    await expect(train(given)).rejects.toThrow(message);
    await expect(stat(at('refused'))).rejects.toThrow(/ENOENT/);
  });
});
