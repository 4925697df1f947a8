import { describe, expect, it } from 'vitest';
import { testImage } from '../../test/inference/tiny-model.js';
import { resizePlanes, type Planes } from '../images/resize.js';
import { decideClasses, decideMask } from './decide.js';
import { isBeyondGraph, maskFromScores } from './mask-from-scores.js';

function scoresOf(width: number, height: number, channels: number): Planes {
  const image = testImage(width, height, 1);
  const data = Float32Array.from(
    { length: width * height * channels },
    (_, i) => ((image.data[i % image.data.length]! * (1 + (i % 7))) % 256) / 256,
  );
  return { width, height, channels, data };
}

describe('maskFromScores', () => {
  it.each([
    [75, 41, 3],
    [75, 41, 1],
    [5, 90, 4],
    [90, 1, 3],
    [1, 90, 3],
    [1, 1, 2],
    [16, 12, 3],
    // Long spans between two scores, and rows and columns exchanged.
    [400, 30, 5],
    [400, 30, 1],
    [3, 400, 4],
    [1, 400, 1],
  ])('decides %i×%i pixels by %i planes as resizing all of them does', async (width, height, channels) => {
    const scores = scoresOf(16, 12, channels);
    const threshold = channels === 1 ? 0.4 : undefined;
    const mask = await maskFromScores(scores, { width, height }, { threshold });
    const resized = resizePlanes(scores, width, height);
    const expected = decideClasses(resized.data, threshold, new Uint8Array(width * height));
    const differing = mask.filter((value, i) => value !== expected[i]).length;
    // Rounding differs where two probabilities are equal to seven digits.
    expect(differing).toBeLessThanOrEqual(mask.length / 1000);
    expect(new Set(mask).size).toBe(new Set(expected).size);
  });

  it.each([75, 400])('decides overlapping classes each for itself, %i pixels wide', async (width) => {
    const [scores, size] = [scoresOf(16, 12, 3), { width, height: 41 }];
    const decision = { threshold: 0.4, multiLabel: true };
    const mask = await maskFromScores(scores, size, decision);
    const resized = resizePlanes(scores, size.width, size.height);
    const expected = decideMask(resized.data, decision, new Uint8Array(size.width * size.height));
    expect(mask.filter((value, i) => value !== expected[i]).length).toBeLessThanOrEqual(mask.length / 1000);
    expect(new Set(mask)).toEqual(new Set(expected));
    expect(Math.max(...mask)).toBe(7);
  });

  it('handles a single row or column of model scores', async () => {
    const scores: Planes = { width: 1, height: 2, channels: 2, data: Float32Array.of(0.9, 0.2, 0.1, 0.8) };
    expect([...(await maskFromScores(scores, { width: 3, height: 4 }, { threshold: undefined }))]).toEqual([
      ...[0, 0, 0, 0, 0, 0],
      ...[1, 1, 1, 1, 1, 1],
    ]);
  });

  it('takes the first of equal scores, as the graph does', async () => {
    const scores: Planes = {
      width: 2,
      height: 1,
      channels: 3,
      data: Float32Array.of(0.5, 0.2, 0.5, 0.6, 0.5, 0.6),
    };
    const mask = await maskFromScores(scores, { width: 100, height: 1 }, { threshold: undefined });
    expect([...new Set(mask)]).toEqual([0, 1]);
  });

  it('lets other work run, and stops when aborted', async () => {
    const stopped = new AbortController();
    setTimeout(() => stopped.abort(new Error('enough')));
    const work = maskFromScores(
      // No two neighbours have the same class, so that every pixel is decided for itself.
      {
        width: 8,
        height: 1,
        channels: 8,
        data: Float32Array.from({ length: 64 }, (_, i) => Number(i % 9 === 0)),
      },
      { width: 2 ** 19, height: 1 },
      { threshold: undefined },
      stopped.signal,
    );
    await expect(work).rejects.toThrow('enough');
  });
});

it('photos are left to the graph, and extreme sizes are not', () => {
  expect(isBeyondGraph(4000, 3000, 21)).toBe(false);
  expect(isBeyondGraph(4_000_000, 1, 2)).toBe(true);
  expect(isBeyondGraph(1, 4_000_000, 2)).toBe(true);
  expect(isBeyondGraph(8192, 8192, 21)).toBe(true);
});
