/** Finds where a loss stopped being a number. */
import type { Batch } from '../data/dataset.js';
import { PixelwiseError } from '../errors/index.js';
import type { Tensor } from '../graph/index.js';
import { input, mul, sum } from '../graph/index.js';
import { traceModel } from '../nn/index.js';
import type { TensorData } from '../graph/index.js';
import { Program, viewOf } from '../runtime/index.js';
import type { Learner } from './learner.js';

const firstBad = (values: ArrayLike<number>): number => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
};

/**
 * The error for a loss that is NaN or infinite: says whether a pixel, a weight or a layer's output went
 * bad first, and in which sample or layer.
 */
export async function explainNonFinite(
  learner: Learner,
  batch: Batch,
  loss: number,
): Promise<PixelwiseError> {
  const advice = 'A lower learning rate, gradient clipping or batch norm usually helps.';
  const fail = (where: string) => new PixelwiseError('non-finite', `the loss became ${loss}: ${where}`);
  const perImage = batch.channels * batch.height * batch.width;
  const pixel = firstBad(batch.images);
  if (pixel >= 0) {
    const id = batch.ids[Math.floor(pixel / perImage)];
    return fail(`image "${id}" holds a value that is no finite number. Mend or remove the file.`);
  }
  for (const slot of learner.state.slots) {
    if (firstBad(learner.state.values(slot)) >= 0) {
      return fail(`the weight ${slot.name} is no longer finite; the step before was too large. ${advice}`);
    }
  }
  const layer = await firstBadLayer(learner, batch);
  if (layer !== undefined) return fail(`the output of layer ${layer} overflowed. ${advice}`);
  return fail(`every layer's output is finite, so the loss itself overflowed. ${advice}`);
}

async function firstBadLayer(learner: Learner, batch: Batch): Promise<string | undefined> {
  const { model, state, runtime } = learner;
  model.eval();
  const images = input('images', [batch.size, batch.channels, batch.height, batch.width]);
  const { calls } = traceModel(model, images);
  model.train();
  const outputs: Record<string, Tensor> = {};
  // Zero times anything finite is 0; times NaN or infinity it is NaN, and NaN survives a sum.
  calls.forEach(({ output }, i) => (outputs[`call_${i}`] = sum(mul(output, 0))));
  const leaves = state.slots.map((slot) => slot.leaf);
  const program = await Program.compile({ inputs: [images, ...leaves], outputs }, runtime);
  try {
    const results: Record<string, TensorData> = await program.run({
      images: viewOf(batch.images.slice()),
      ...state.feeds(),
    });
    const bad = calls.findIndex((_, i) => !Number.isFinite(Number(results[`call_${i}`]![0])));
    return bad < 0 ? undefined : calls[bad]!.path || model.typeName;
  } finally {
    await program.release();
  }
}
