import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeModel, encodeModel, float32Values, modelOf, tensorOf } from '../onnx/index.js';
import { readWeights } from './file.js';
import { inOneFile } from './onnx-external.js';

let place: string;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'pixelwise-external-'));
  await mkdir(join(place, 'model'));
  await writeFile(join(place, 'outside.bin'), new Uint8Array(64));
  const values = Float32Array.of(9, 1, 2, 3, 4);
  await writeFile(join(place, 'model/weights.bin'), new Uint8Array(values.buffer));
});
afterAll(() => rm(place, { recursive: true }));

async function written(location: string, offset: number, length: number): Promise<string> {
  const initializers = [tensorOf('w', 'float32', [2, 2], new Float32Array(4))];
  const model = modelOf({ name: 'm', nodes: [], initializers, inputs: [], outputs: [] });
  const path = join(place, 'model/model.onnx');
  await writeFile(path, encodeModel(model, new Map([['w', { location, offset, length }]])));
  return path;
}

test('constants are read from a file beside the model', async () => {
  const weights = await readWeights(await written('weights.bin', 4, 16));
  expect([...weights.floats()[0]!.data]).toEqual([1, 2, 3, 4]);
});

test('a file in parts becomes one, and a whole one stays as it is', async () => {
  const path = await written('weights.bin', 4, 16);
  const whole = inOneFile(await readFile(path), path);
  const [tensor] = decodeModel(whole).graph.initializers;
  expect([...float32Values(tensor!)]).toEqual([1, 2, 3, 4]);
  expect(inOneFile(whole, path)).toBe(whole);
  const outside = await written('../outside.bin', 0, 16);
  await expect(async () => inOneFile(await readFile(outside), outside)).rejects.toThrow(/outside the folder/);
});

test.each([
  ['../outside.bin', 0, /"\.\.\/outside\.bin", which is outside the folder/],
  ['absent.bin', 0, /"absent\.bin", which is missing/],
  ['weights.bin', 8, /has 20 bytes, too few for 16 from byte 8/],
  ['.', 0, /outside the folder|not a file/],
])('%s from byte %i is refused', async (location, offset, message) => {
  await expect(readWeights(await written(location, offset, 16))).rejects.toThrow(message);
});
