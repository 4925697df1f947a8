import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder, temporaryFolder } from '../../test/support/made-data.js';
import { createNodeRuntime } from '../runtime/node.js';
import { Learner } from '../training/index.js';
import { writeFileAtomic } from '../files/index.js';
import { createModel } from '../models/index.js';
import { encodeSafetensors } from '../weights/index.js';
import { startFrom } from './assemble.js';
import { lossOf, optimizerOf } from './learning-settings.js';
import type { TrainSettings } from './train-options.js';
import { planTraining } from './train-plan.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

describe('startFrom', () => {
  it('warns of folded batch norms that are to move', { timeout: 30_000 }, async () => {
    const data = join(root, 'data');
    await makeFolder(data, { count: 4, values: [0, 255] });
    const runtime = await createNodeRuntime({ worker: false, threads: 1 });
    const file = join(root, 'encoder.safetensors');
    const notesOf = async (settings: TrainSettings) => {
      const notes: string[] = [];
      const model = { model: 'mobilenet-unet', size: 32, lr: 1e-3, epochs: 1 };
      const plan = await planTraining({ data, ...model, encoderWeights: file, ...settings });
      const learner = new Learner({
        model: createModel(plan.model.name, { ...plan.model.options, classes: plan.classes.length }),
        loss: lossOf(plan),
        optimizer: optimizerOf(plan),
        runtime,
        seed: 0,
      });
      // Fresh norms have means of 0 and variances of 1, as folded ones do.
      const encoder = learner.state
        .stateDict()
        .filter(({ name }) => name.startsWith('encoder.'))
        .map((tensor) => ({ ...tensor, name: tensor.name.slice('encoder.'.length) }));
      await writeFileAtomic(file, encodeSafetensors(encoder));
      await startFrom(plan, undefined, learner, (text) => notes.push(text));
      await learner.close();
      return notes.join('\n');
    };
    expect(await notesOf({})).toBe('');
    for (const moving of [
      { encoderBn: 'training' },
      { freezeEncoder: false },
      { unfreezeAfter: 1 },
    ] satisfies TrainSettings[]) {
      expect(await notesOf(moving)).toMatch(
        /norms of .*encoder\.safetensors are folded .*--encoder-bn frozen/,
      );
    }
    await runtime.close();
  });
});
