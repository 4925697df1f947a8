import { expect, it } from 'vitest';
import { keepingRuntime } from '../../test/support/keeping-runtime.js';
import { defaultNormalization } from '../data/normalization.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { NetworkLearner } from './network-learner.js';
import { PixelLearner } from './pixel-learner.js';

const SIDE = 32;
const input = { channels: 1, height: SIDE, width: SIDE, normalization: defaultNormalization(1) };
const image = Float32Array.from(
  { length: SIDE * SIDE },
  (_, i) => ((i * 7) % 31) / 31 + (i % SIDE < 16 ? 1 : 0),
);
/** The upper half is labelled. */
const labels = Uint8Array.from({ length: SIDE * SIDE }, (_, i) =>
  i < (SIDE * SIDE) / 2 ? Number(i % SIDE >= 16) : 255,
);

/** Logits of both learners after a little training. */
async function learned(runtime: Runtime): Promise<number[][]> {
  const network = NetworkLearner.create({
    input,
    classes: 2,
    runtime,
    model: { name: 'unet', options: { width: 4, depth: 2, batchNorm: true } },
    initial: [],
  });
  for (let i = 0; i < 2; i++) await network.learn([{ image, labels, changed: 1 }]);
  await network.predict(image);
  await network.learn([{ image, labels, changed: 1 }]);
  const logits = await network.predict(image);
  const pixels = await PixelLearner.create({ input, classes: 2, runtime, encoder: undefined });
  const maps = await pixels.maps(image);
  pixels.setLabels('a', maps, labels);
  await pixels.learn();
  const others = await pixels.predict(maps);
  await network.close();
  await pixels.close();
  await runtime.close();
  return [[...logits.data], [...others.data]];
}

it('learns the same where weights stay on the device, as WebGPU keeps them', async () => {
  const [host, device] = [
    await learned(await createNodeRuntime({ threads: 1 })),
    await learned(keepingRuntime()),
  ];
  for (const [k, logits] of host.entries()) {
    logits.forEach((value, i) => expect(device[k]![i]).toBeCloseTo(value, 2));
  }
  expect(host[1]!.slice(0, 100).some((value) => Math.abs(value) > 1)).toBe(true);
});
