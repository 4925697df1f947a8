import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRunConfig } from './run-config.js';
import { RunFolder } from './run-folder.js';

let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'pixelwise-config-'))));
afterAll(() => rm(root, { recursive: true, force: true }));

async function newFolder(name: string): Promise<RunFolder> {
  const path = join(root, name);
  await mkdir(path);
  return new RunFolder(path);
}

/** As Pixelwise 1.0 wrote it. */
const EARLY_CONFIG = {
  version: 1,
  model: { name: 'mobilenet-unet', options: { freezeEncoder: true, encoderNorms: 'moving' } },
  classes: ['background', 'pet'],
  channels: 3,
  maxValue: 255,
  size: { height: 64, width: 64 },
  normalization: { kind: 'per-image', name: 'per-image' },
  threshold: 0.5,
  data: { path: '/d', format: 'folder', train: 4, valid: 1, test: 0, fingerprint: 'f', options: {} },
  training: {
    batch: 4,
    dropLast: false,
    epochs: 2,
    maxSteps: null,
    optimizer: 'adam',
    lr: 0.001,
    schedule: 'one-cycle',
    stepEpochs: null,
    stepFactor: null,
    loss: 'bce+dice',
    augment: 'light',
    maskResize: 'as-image',
    patience: null,
    seed: 0,
  },
  options: { encoderNorms: 'still', maskResize: 'as-image' },
  machine: {
    pixelwise: '1.0.0',
    node: '20',
    onnxruntime: '1',
    platform: 'linux',
    cpu: 'x',
    threads: 2,
    device: 'cpu',
    target: {},
  },
};

it('reads what earlier versions wrote, by the names of today', async () => {
  const folder = await newFolder('early');
  await folder.writeConfig(EARLY_CONFIG);
  const config = await readRunConfig(folder);
  expect(config.model.options).toEqual({ freezeEncoder: true, encoderBn: 'training' });
  expect(config.training.maskInterpolation).toBe('as-image');
  expect(config.options).toEqual({ encoderBn: 'frozen', maskInterpolation: 'as-image' });
});

it('names the entry that is damaged', async () => {
  const folder = await newFolder('damaged');
  await folder.writeConfig({ ...EARLY_CONFIG, training: { ...EARLY_CONFIG.training, batch: -1 } });
  await expect(readRunConfig(folder)).rejects.toThrow(/config\.json is damaged .*training\.batch/);
});
