/** Losses of classes that overlap: the mean over classes of the loss of each one alone, which has golden values. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Shape } from '../../graph/index.js';
import { gradients, input, reshape } from '../../graph/index.js';
import { Program, type Runtime } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import { membersOfSets } from '../../training/step.js';
import { binaryCrossEntropy, crossEntropy, dice, focal, jaccard, lovaszHinge, type Loss } from './index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

const [CLASSES, PIXELS] = [3, 8];
const logits = Float32Array.from({ length: CLASSES * PIXELS }, (_, i) => Math.sin(3 * i) * 2);
/** Sets of three classes; two pixels are ignored. */
const sets = Uint8Array.of(0, 1, 3, 7, 255, 4, 6, 255);

async function evaluate(loss: Loss, x: Float32Array, masks: Uint8Array, multiLabel: boolean) {
  const shape: Shape = [1, x.length / PIXELS, 2, PIXELS / 2];
  const leaf = input('logits', shape);
  const target = input('target', [1, 2, PIXELS / 2], 'uint8');
  const value = loss(leaf, multiLabel ? membersOfSets(target, CLASSES) : target);
  const outputs = { value: reshape(value, []), gradient: gradients(value, [leaf])[0]! };
  const program = await Program.compile({ inputs: [leaf, target], outputs }, runtime);
  const results = await program.evaluate({ logits: x.slice(), target: masks.slice() });
  await program.release();
  return { value: Number(results.value![0]), gradient: [...(results.gradient as Float32Array)] };
}

describe('classes that overlap', () => {
  it.each([
    ['bce', binaryCrossEntropy()],
    ['bce, smoothed and weighted', binaryCrossEntropy({ positiveWeight: 3, labelSmoothing: 0.1 })],
    ['dice', dice()],
    ['jaccard', jaccard()],
    ['focal', focal()],
    ['lovasz-hinge', lovaszHinge()],
  ] satisfies [string, Loss][])('%s is the mean over the classes', async (_, loss) => {
    const all = await evaluate(loss, logits, sets, true);
    const each = await Promise.all(
      Array.from({ length: CLASSES }, (_, k) => {
        const mask = sets.map((set) => (set === 255 ? 255 : (set >> k) & 1));
        return evaluate(loss, logits.slice(k * PIXELS, (k + 1) * PIXELS), mask, false);
      }),
    );
    const mean = each.reduce((sum, { value }) => sum + value, 0) / CLASSES;
    expect(all.value).toBeCloseTo(mean, 5);
    each
      .flatMap(({ gradient }) => gradient)
      .forEach((g, i) => expect(all.gradient[i]).toBeCloseTo(g / CLASSES, 5));
    expect(all.gradient[4]).toBe(0);
  });

  it('are not for a loss of one class for each pixel', async () => {
    await expect(evaluate(crossEntropy(), logits, sets, true)).rejects.toThrow(/overlap: use bce/);
  });
});
