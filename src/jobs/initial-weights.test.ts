import { afterAll, beforeAll, expect, it } from 'vitest';
import golden from '../../test/golden/foreign-unet.json' with { type: 'json' };
import type { Dataset } from '../data/index.js';
import { modelEntry, unet } from '../models/index.js';
import { binaryCrossEntropy, run } from '../nn/index.js';
import { SGD } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { Learner } from '../training/index.js';
import { readWeights } from '../weights/index.js';
import { initializeFrom } from './initial-weights.js';
import type { Plan } from './train-plan.js';

const FILE = 'test/golden/weights/foreign-unet.pth';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

it('takes a PyTorch U-Net with other names by the order of its layers, to the logit', async () => {
  const options = modelEntry('unet').optionsFrom!((await readWeights(FILE)).floats());
  expect(options).toEqual({ width: 3, depth: 2, batchNorm: true });
  const model = unet({ channels: 1, ...options });
  const optimizer = (parameters: ConstructorParameters<typeof SGD>[0]) => new SGD(parameters, { lr: 0.1 });
  const learner = new Learner({ model, loss: binaryCrossEntropy(), optimizer, runtime, seed: 0 });
  const plan = {
    classes: ['background', 'tumour'],
    size: { height: 6, width: 8 },
    parts: { train: { channels: 1 } as Dataset },
    model: { name: 'unet', options: {} },
  } as unknown as Plan;
  const notes = await initializeFrom(FILE, learner, plan);
  expect(notes).toEqual([
    `All 34 tensors of the model are from ${FILE}, by the order of the layers, since the names differ.`,
  ]);
  const image = { shape: [1, 1, 6, 8], data: Float32Array.from(golden.image) };
  const { data } = await run(model, image, runtime);
  data.forEach((logit, i) => expect(logit).toBeCloseTo(golden.logits[i]!, 4));
  await learner.close();
});
