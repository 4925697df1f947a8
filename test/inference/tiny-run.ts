/** A run folder as training leaves it, made without training. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelCard } from '../../src/inference/model-card.js';
import type { ModelState } from '../../src/nn/index.js';
import type { RunConfig } from '../../src/training/index.js';
import { CONFIG_VERSION, RunFolder } from '../../src/training/index.js';
import { writeFileAtomic } from '../../src/files/index.js';
import { encodeSafetensors } from '../../src/weights/index.js';

/** The configuration of a run that trained the model of a card. */
export function tinyConfig(card: ModelCard): RunConfig {
  const own = Object.entries(card.model.options).filter(
    ([name]) => name !== 'channels' && name !== 'classes',
  );
  return {
    version: CONFIG_VERSION,
    model: { name: card.model.name, options: Object.fromEntries(own) as Record<string, number> },
    classes: [...card.classes],
    channels: card.channels,
    maxValue: card.maxValue,
    size: { height: card.height, width: card.width },
    normalization: card.normalization,
    threshold: card.threshold ?? 0.5,
    data: { path: '/data', format: 'folder', train: 1, valid: 1, test: 0, fingerprint: '', options: {} },
    training: {
      batch: 1,
      dropLast: false,
      epochs: 2,
      maxSteps: null,
      optimizer: 'adam',
      lr: 1e-3,
      schedule: 'constant',
      stepEpochs: null,
      stepFactor: null,
      loss: 'bce+dice',
      augment: 'none',
      patience: null,
      seed: 1,
    },
    options: {},
    machine: {
      pixelwise: '0',
      node: '20',
      onnxruntime: '1',
      platform: '',
      cpu: '',
      threads: 1,
      device: 'cpu',
      target: {},
    },
  };
}

/**
 * Writes the run to `path`, without graphs, as versions before 27 November 2026 did; `checkpoints` are the states
 * after epochs 1, 2, …; the first is the best.
 */
export async function writeTinyRun(
  path: string,
  card: ModelCard,
  checkpoints: readonly ModelState[],
): Promise<void> {
  const folder = new RunFolder(path);
  await folder.create();
  await folder.writeConfig(tinyConfig(card));
  for (const [i, state] of checkpoints.entries()) {
    const name = String(i + 1);
    await mkdir(folder.checkpoint(name));
    await writeFileAtomic(
      join(folder.checkpoint(name), 'weights.safetensors'),
      encodeSafetensors(state.stateDict()),
    );
    if (i === 0) await folder.point('best', name);
    await folder.point('last', name);
  }
}
