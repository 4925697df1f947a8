import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Batch } from '../data/dataset.js';
import type { EpochOptions } from '../data/loader.js';
import { createModel } from '../models/index.js';
import { crossEntropy } from '../nn/index.js';
import { Adam } from '../optim/index.js';
import { Random } from '../random/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { VisitedSource } from './index.js';
import { bytesOfFeatures, FeatureMemory, fit, KeptFeatures, Learner } from './index.js';

const SIDE = 32;
const IMAGE = { channels: 3, height: SIDE, width: SIDE };
const PIXELS = SIDE * SIDE;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

/** Six images whose pixels depend on sample and draws, in batches of two. */
class Noise implements VisitedSource {
  readonly length = 3;
  prepared = 0;

  async *epoch(epoch: number, { from = 0, kept }: EpochOptions = {}): AsyncGenerator<Batch> {
    const order = new Random(1, 'order', epoch).shuffle(Uint32Array.from({ length: 6 }, (_, i) => i));
    for (let b = from; b < this.length; b++) {
      const visits = [...order.subarray(2 * b, 2 * b + 2)].map((position) => {
        const draws = kept ? kept.drawsOf(position, epoch) : epoch;
        return { position, id: `${position}`, draws, held: kept?.has(position, draws) ?? false };
      });
      const read = visits.filter(({ held }) => !held);
      this.prepared += read.length;
      const images = new Float32Array(read.length * 3 * PIXELS);
      const masks = new Uint8Array(read.length * PIXELS);
      read.forEach(({ position, draws }, n) => {
        const random = new Random(2, 'noise', position, draws);
        for (let i = 0; i < 3 * PIXELS; i++) images[n * 3 * PIXELS + i] = random.normal();
        for (let i = 0; i < PIXELS; i++) masks[n * PIXELS + i] = random.integer(3);
      });
      yield { ids: read.map(({ id }) => id), size: read.length, ...IMAGE, images, masks, visits };
    }
  }
}

function learnerOf(name: string, options: Record<string, number | string | boolean>): Learner {
  return new Learner({
    model: createModel(name, { classes: 3, ...options }),
    loss: crossEntropy(),
    optimizer: (parameters) => new Adam(parameters, { lr: 1e-2 }),
    runtime,
    seed: 5,
  });
}

const published = () => learnerOf('mobilenet-unet', { freezeEncoder: true, decoderWidth: 2 });
const normed = () =>
  learnerOf('fpn', {
    encoder: 'mobilenet_v2',
    freezeEncoder: true,
    decoderWidth: 8,
    decoderNorm: 'batch',
  });

function keptOf(learner: Learner, { epochs = 2, maxBytes = 2 ** 30 } = {}) {
  const source = new Noise();
  const memory = new FeatureMemory(maxBytes);
  const kept = new KeptFeatures({
    source,
    learner,
    mode: 'train',
    image: IMAGE,
    epochs,
    samples: 6,
    memory,
  });
  return { source, memory, kept };
}

const weightsOf = (learner: Learner) => learner.state.stateDict().map(({ name, data }) => ({ name, data }));

/** Trains for some epochs. @param kept whether features are kept. */
async function trained(make: () => Learner, epochs: number, changes?: Parameters<typeof keptOf>[1]) {
  const learner = make();
  const { kept, source } = keptOf(learner, changes);
  try {
    await fit({ learner, train: kept, classNames: ['a', 'b', 'c'], epochs });
    return {
      weights: weightsOf(learner).map(({ data }) => Buffer.from(data.buffer)),
      prepared: source.prepared,
    };
  } finally {
    await learner.close();
  }
}

describe('kept features', () => {
  for (const [what, make] of [
    ['a U-Net', published],
    ['a feature pyramid with batch norms', normed],
  ] as const) {
    it(`give the step of the whole graph: ${what}`, async () => {
      const [whole, behind] = [make(), make()];
      try {
        const { source, kept } = keptOf(behind, { epochs: 1 });
        const batches = source.epoch(0);
        for await (const batch of kept.epoch(0)) {
          const same = (await batches.next()).value as Batch;
          const [a, b] = [await whole.backward(same), await behind.backward(batch)];
          expect(b.loss).toBeCloseTo(a.loss, 5);
          expect(batch.images).toHaveLength(0);
          await whole.step();
          await behind.step();
        }
        const evaluated = { epochs: 1, samples: 6, memory: new FeatureMemory(2 ** 30) };
        const scored = new KeptFeatures({
          ...evaluated,
          source,
          learner: behind,
          mode: 'evaluate',
          image: IMAGE,
        });
        const first = (await source.epoch(0).next()).value as Batch;
        for await (const batch of scored.epoch(0)) {
          expect((await behind.evaluate(batch)).loss).toBeCloseTo((await behind.evaluate(first)).loss, 5);
          break;
        }
        const others = new Map(weightsOf(whole).map(({ name, data }) => [name, data]));
        for (const { name, data } of weightsOf(behind)) {
          const difference = data.reduce(
            (most, v, i) => Math.max(most, Math.abs(v - others.get(name)![i]!)),
            0,
          );
          expect(difference, name).toBeLessThan(1e-4);
        }
      } finally {
        await whole.close();
        await behind.close();
      }
    });
  }

  it('are computed for all samples at first and then for a part of them, and the bound changes only the work', async () => {
    const all = await trained(published, 4);
    expect(all.prepared).toBe(6 + 3 + 3 + 3);
    const learner = published();
    const bytes = bytesOfFeatures(learner, 'train', IMAGE)!;
    await learner.close();
    const some = await trained(published, 4, { maxBytes: 2.5 * bytes });
    expect(some.prepared).toBeGreaterThan(all.prepared);
    expect(some.weights.every((values, i) => values.equals(all.weights[i]!))).toBe(true);
  });

  it('show a sample the same way for some epochs, not all samples anew in the same epoch', async () => {
    const learner = published();
    const { kept } = keptOf(learner, { epochs: 3 });
    const seen = new Map<string, number[]>();
    for (let epoch = 0; epoch < 6; epoch++) {
      for await (const { ids, features } of kept.epoch(epoch)) {
        ids.forEach((id, i) => seen.set(id, [...(seen.get(id) ?? []), features![i]![0]![0]!]));
      }
    }
    const changes = [...seen].map(([id, values]) => [
      Number(id),
      values.flatMap((value, epoch) => (epoch > 0 && value !== values[epoch - 1] ? [epoch] : [])),
    ]);
    expect(Object.fromEntries(changes)).toEqual({
      0: [3],
      1: [2, 5],
      2: [1, 4],
      3: [3],
      4: [2, 5],
      5: [1, 4],
    });
    await learner.close();
  });

  it('take no more memory than they may', async () => {
    const learner = published();
    const bytes = bytesOfFeatures(learner, 'train', IMAGE)!;
    const { kept, memory } = keptOf(learner, { maxBytes: 3 * bytes });
    for await (const batch of kept.epoch(0)) expect(batch.size).toBe(2);
    expect([kept.size, memory.bytes]).toEqual([3, 3 * bytes]);
    kept.clear();
    expect([kept.size, memory.bytes]).toEqual([0, 0]);
    await learner.close();
  });

  it('are computed anew after frozen weights were loaded', async () => {
    const learner = published();
    const { kept, source } = keptOf(learner);
    for await (const batch of kept.epoch(0)) void batch;
    await learner.recompile();
    for await (const batch of kept.epoch(0)) void batch;
    expect(source.prepared).toBe(12);
    await learner.close();
  });

  it('do not exist without a frozen part', async () => {
    const learner = learnerOf('mobilenet-unet', { freezeEncoder: false, decoderWidth: 2 });
    expect(bytesOfFeatures(learner, 'train', IMAGE)).toBeUndefined();
    await learner.close();
  });
});
