import { expect, it } from 'vitest';
import { RunFolder } from './run-folder.js';
import { modelOfRun } from './run-model.js';

it.each([
  ['classes', {}, 1],
  ['objects, with the levels of each class', { objects: true }, 4],
] as const)('has an output for each of the %s', async (_, task, outputs) => {
  const model = await modelOfRun(new RunFolder('none'), {
    model: { name: 'unet', options: { width: 4, depth: 2 } },
    channels: 3,
    classes: ['background', 'cell'],
    ...task,
  });
  const weights = new Map(model.namedParameters());
  expect(weights.get('head.weight')!.shape[0]).toBe(outputs);
});
