/** Weight files that cannot be the encoder's: training ends before it begins, says why, and leaves no run. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCells } from '../../src/data/demo-folder.js';
import { train } from '../../src/jobs/index.js';
import { MobileNetV2Encoder, ResNetEncoder } from '../../src/models/index.js';
import type { Module } from '../../src/nn/index.js';
import { ModelState } from '../../src/nn/index.js';
import { encodeSafetensors } from '../../src/weights/index.js';

const fileOf = (encoder: Module) => encodeSafetensors(ModelState.initialize(encoder, 1).stateDict());
const mobilenet = fileOf(new MobileNetV2Encoder());

/** Every bit of one value set: the number is then no number. */
function withoutNumber(file: Uint8Array): Uint8Array {
  return file.slice().fill(0xff, file.length - 4);
}

/** The header with one character of a tensor's name flipped in one bit. */
function withFlippedName(file: Uint8Array): Uint8Array {
  const bytes = file.slice();
  const place = Buffer.from(bytes).indexOf('features.3.');
  bytes[place]! ^= 1;
  return bytes;
}

function withHeaderOf(file: Uint8Array, length: bigint): Uint8Array {
  const bytes = file.slice();
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  return bytes;
}

const CASES: readonly (readonly [string, Uint8Array, RegExp])[] = [
  [
    'of another architecture',
    fileOf(new ResNetEncoder({ depth: 18 })),
    /does not fit the model:\n {2}missing: features\.0\.0\.weight/,
  ],
  ['that is truncated', mobilenet.subarray(0, mobilenet.length / 2), /not a valid safetensors file/],
  ['with a bit flipped in a name', withFlippedName(mobilenet), /missing: features\.3\..*not in the model: /s],
  ['with a value that is no number', withoutNumber(mobilenet), /the weight features.* not finite/],
  [
    'whose header claims 2^63 bytes',
    withHeaderOf(mobilenet, 2n ** 63n),
    /its header claims 9223372036854775808 bytes/,
  ],
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-bad-weights-'));
  await writeCells(join(folder, 'cells'), { seed: 1, count: 4, width: 32, height: 32 });
});
afterAll(() => rm(folder, { recursive: true }));

describe('encoder weights', () => {
  it.each(CASES)('%s are refused', async (_, bytes, message) => {
    const path = join(folder, 'weights.safetensors');
    await writeFile(path, bytes);
    const out = join(folder, 'run');
    const training = train({
      data: join(folder, 'cells'),
      model: 'mobilenet-unet',
      encoderWeights: path,
      size: 32,
      epochs: 1,
      threads: 1,
      out,
    });
    await expect(training).rejects.toThrow(message);
    await expect(stat(out)).rejects.toThrow(/ENOENT/);
  });
});
