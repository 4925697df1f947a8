import { expect, it } from 'vitest';
import { input } from '../graph/index.js';
import { crossEntropy, ModelState, traceModel } from '../nn/index.js';
import { Random } from '../random/index.js';
import { Program, viewOf } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { trainingGraph } from '../training/step.js';
import { createModel, MobileNetUNet, UNet } from './index.js';

const small = { channels: 1, classes: 3, depth: 4, width: 2 };

it('upsamples the logits of the smaller levels in training, and leaves them out in evaluation', () => {
  const image = input('images', [2, 1, 13, 18]);
  const model = new UNet({ ...small, deepSupervision: true });
  const { output, auxiliary } = traceModel(model, image);
  expect(auxiliary.map(({ weight }) => weight)).toEqual([0.25, 0.5]);
  expect(auxiliary.map(({ logits }) => logits.shape)).toEqual([output.shape, output.shape]);
  expect(traceModel(model.eval(), image).auxiliary).toEqual([]);

  const onEncoder = new MobileNetUNet({ deepSupervision: true, decoderStride: 2 });
  const heads = traceModel(onEncoder, input('images', [2, 3, 32, 40])).auxiliary;
  expect(heads.map(({ logits }) => logits.shape)).toEqual(new Array(3).fill([2, 1, 32, 40]));
});

it('minimises the weighted mean of the losses, and reports that of the output', async () => {
  const runtime = await createNodeRuntime({ worker: false, threads: 1 });
  const batch = { size: 2, channels: 1, height: 13, width: 18 };
  const random = new Random(1, 'pixels');
  const images = Float32Array.from({ length: 2 * 13 * 18 }, () => random.normal());
  const target = Uint8Array.from({ length: images.length }, (_, i) => i % 3);
  const terms = [{ name: 'cross-entropy', weight: 1, loss: crossEntropy() }];
  const results = [];
  for (const deepSupervision of [false, true]) {
    const model = createModel('unet', { ...small, deepSupervision });
    const { definition } = trainingGraph(model, terms, batch);
    const state = new ModelState(model);
    for (const slot of state.slots) {
      const values = new Random(1, slot.name);
      state.values(slot).set(state.values(slot).map(() => values.normal() / 4));
    }
    const program = await Program.compile(definition, runtime);
    const feeds = { images: viewOf(images.slice()), target: viewOf(target.slice()), ...state.feeds() };
    results.push(await program.run(feeds));
    await program.release();
  }
  await runtime.close();
  const [plain, deep] = results as [(typeof results)[0], (typeof results)[0]];
  expect(Number(deep.loss![0])).toBeCloseTo(Number(plain.loss![0]), 6);
  const gradient = (of: typeof plain, name: string) => [...(of[`gradient:${name}`] as Float32Array)];
  gradient(deep, 'head.weight').forEach((g, i) => {
    expect(g).toBeCloseTo(gradient(plain, 'head.weight')[i]! / 1.75, 6);
  });
  expect(gradient(deep, 'auxiliary.0.weight').some((g) => Math.abs(g) > 1e-4)).toBe(true);
});
