import { expect, it } from 'vitest';
import type { Batch } from '../data/dataset.js';
import type { StepOutput } from './index.js';
import { Tally } from './index.js';

const batch = (...masks: number[]): Batch => ({
  ids: masks.map(String),
  size: masks.length,
  channels: 1,
  height: 1,
  width: 1,
  images: new Float32Array(masks.length),
  masks: Uint8Array.from(masks),
});

const output = (loss: number, ...prediction: number[]): StepOutput => ({
  loss,
  samples: prediction.length,
  losses: { bce: loss / 2 },
  prediction: Uint8Array.from(prediction),
});

it('weighs losses by samples, and pools pixels', () => {
  const tally = new Tally(['a', 'b']);
  tally.add(batch(0, 1, 1), output(1, 0, 1, 0));
  tally.add(batch(255), output(5, 0));
  expect(tally.scores()).toMatchObject({
    samples: 4,
    loss: 2,
    losses: { bce: 1 },
    pixelAccuracy: 2 / 3,
    classes: [
      { name: 'a', pixels: 1 },
      { name: 'b', pixels: 2, iou: 0.5 },
    ],
  });
});

it('goes on from its state, through JSON, as if never stopped', () => {
  const [whole, first, second] = [new Tally(['a', 'b']), new Tally(['a', 'b']), new Tally(['a', 'b'])];
  const batches = [0.1, 0.7, 1 / 3].map((loss, i) => [batch(i % 2, 1), output(loss, 1, i % 2)] as const);
  for (const [b, o] of batches) whole.add(b, o);
  first.add(...batches[0]!);
  first.seconds = 2;
  first.waitSeconds = 0.5;
  second.loadState(JSON.parse(JSON.stringify(first.state())) as ReturnType<Tally['state']>);
  for (const [b, o] of batches.slice(1)) second.add(b, o);
  expect(second.scores()).toEqual(whole.scores());
  expect(second.imagesPerSecond).toBe(3);
  expect(second.waitSeconds).toBe(0.5);
});

it('of nothing has no loss', () => {
  const scores = new Tally(['a', 'b']).scores();
  expect(scores).toMatchObject({ samples: 0, pixelAccuracy: null, meanIoU: null });
  expect(scores).not.toHaveProperty('loss');
});
