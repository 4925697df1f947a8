/** Finds where training stopped giving finite numbers. */
import type { Batch } from '../data/dataset.js';
import { PixelwiseError } from '../errors/index.js';
import type { Tensor, TensorData } from '../graph/index.js';
import { input, mul, sum } from '../graph/index.js';
import { allFinite, firstNonFinite } from '../nn/finite.js';
import type { RandomMask } from '../nn/index.js';
import { traceModel } from '../nn/index.js';
import type { View } from '../runtime/index.js';
import { Program, viewOf } from '../runtime/index.js';
import type { Learner } from './learner.js';

const ADVICE = 'A lower learning rate, gradient clipping or batch norm usually helps.';

/**
 * The error for a loss that is NaN or infinite: says whether a pixel, a weight or a layer's output went
 * bad first, and in which sample or layer.
 *
 * @param drawMasks the dropout masks of the failed step
 */
export async function explainNonFiniteLoss(
  learner: Learner,
  batch: Batch,
  loss: number,
  drawMasks: (masks: readonly RandomMask[]) => Record<string, View>,
): Promise<PixelwiseError> {
  const fail = (where: string) => new PixelwiseError('non-finite', `the loss became ${loss}: ${where}`);
  const perImage = batch.channels * batch.height * batch.width;
  const pixel = firstNonFinite(batch.images);
  if (pixel >= 0) {
    const id = batch.ids[Math.floor(pixel / perImage)];
    return fail(`image "${id}" holds a value that is not finite. Repair or remove the file.`);
  }
  const features = batch.features?.findIndex((arrays) => !arrays.every(allFinite)) ?? -1;
  if (features >= 0)
    return fail(
      `the frozen part of the model gives values that are not finite for "${batch.ids[features]}".`,
    );
  for (const slot of learner.state.slots) {
    if (firstNonFinite(learner.state.values(slot)) >= 0) {
      return fail(`the weight ${slot.name} is no longer finite; the step before was too large. ${ADVICE}`);
    }
  }
  const samples = `batch of ${listed(batch.ids)}`;
  // Without images, the layers behind kept features cannot be run one by one.
  if (batch.features) return fail(`a layer's output or the loss itself overflowed (${samples}). ${ADVICE}`);
  const layer = await firstBadLayer(learner, batch, drawMasks);
  if (layer !== undefined) return fail(`the output of layer ${layer} overflowed (${samples}). ${ADVICE}`);
  return fail(`every layer's output is finite, so the loss itself overflowed (${samples}). ${ADVICE}`);
}

/** The error for gradients that are NaN or infinite: names the weight nearest to the loss that has one. */
export function explainNonFiniteGradient(learner: Learner, ids: readonly string[]): PixelwiseError {
  const { gradients } = learner;
  // The backward pass goes from the last layer to the first, and spreads a NaN on its way.
  const bad = gradients.findLastIndex(({ values }) => !allFinite(values));
  const first = learner.state.trainable[bad];
  const where = first ? `the gradient of ${first.name} is` : 'gradients are';
  return new PixelwiseError(
    'non-finite',
    `${where} no longer finite (batch of ${listed(ids)}); the weights are as before the step. ${ADVICE}`,
  );
}

const listed = (ids: readonly string[]) =>
  ids.length > 4 ? `${ids.slice(0, 4).join(', ')} and ${ids.length - 4} more` : ids.join(', ');

async function firstBadLayer(
  learner: Learner,
  batch: Batch,
  drawMasks: (masks: readonly RandomMask[]) => Record<string, View>,
): Promise<string | undefined> {
  const { model, state, runtime } = learner;
  const images = input('images', [batch.size, batch.channels, batch.height, batch.width]);
  model.train();
  const { calls, masks } = traceModel(model, images);
  const outputs: Record<string, Tensor> = {};
  // Zero times anything finite is 0; times NaN or infinity it is NaN, and NaN survives a sum.
  calls.forEach(({ output }, i) => (outputs[`call_${i}`] = sum(mul(output, 0))));
  const leaves = [...state.slots, ...masks].map(({ leaf }) => leaf);
  const program = await Program.compile({ inputs: [images, ...leaves], outputs }, runtime);
  try {
    const results: Record<string, TensorData> = await program.run({
      images: viewOf(batch.images),
      ...state.feeds(),
      ...drawMasks(masks),
    });
    const bad = calls.findIndex((_, i) => !Number.isFinite(Number(results[`call_${i}`]![0])));
    return bad < 0 ? undefined : calls[bad]!.path || model.typeName;
  } finally {
    await program.release();
  }
}
