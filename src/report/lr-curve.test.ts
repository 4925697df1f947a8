import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { LrPoint } from '../training/index.js';
import { suggestLr } from '../training/index.js';
import { lrCurvePng, lrCurveSvg } from './lr-curve.js';

/** A test that ends in a loss of a million. */
const points: LrPoint[] = Array.from({ length: 80 }, (_, i) => {
  const decade = -6 + (6 * i) / 79;
  const smoothed = 1 - 0.6 / (1 + Math.exp(-6 * (decade + 3))) + (i > 70 ? 10 ** (i - 73) : 0);
  return { lr: 10 ** decade, loss: smoothed + 0.05 * Math.sin(9 * i), smoothed };
});
const suggestions = suggestLr(points);
const curve = { points, suggestions, suggestion: suggestions.threeQuarters };

describe('lrCurveSvg', () => {
  it('draws every batch, the average and a mark for each reading', () => {
    const svg = lrCurveSvg(curve);
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    for (const text of [
      'learning rate',
      'training loss',
      'three quarters',
      'steepest',
      'valley',
      'minimum ÷ 10',
    ]) {
      expect(svg).toContain(text);
    }
    expect(svg.match(/<circle/g)!.length).toBe(80);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('keeps the label of a high rate within the picture', () => {
    const anchorAt = (suggestion: number) =>
      /text-anchor="(\w+)"[^>]*>\s*(?:<text[^>]*>)?three quarters/.exec(
        lrCurveSvg({ points, suggestions: { ...suggestions, threeQuarters: suggestion }, suggestion }),
      )?.[1];
    expect([1e-3, 0.2].map(anchorAt)).toEqual(['start', 'end']);
  });

  it('keeps to the losses that matter where the end ran away', () => {
    const ticks = [...lrCurveSvg(curve).matchAll(/<text[^>]*>([\d.,]+)<\/text>/g)].map((match) =>
      Number(match[1]),
    );
    expect(Math.max(...ticks)).toBeLessThan(2);
  });
});

describe('lrCurvePng', () => {
  it('is an opaque picture', async () => {
    const { width, height, channels } = await sharp(await lrCurvePng(curve)).metadata();
    expect(width! / height!).toBeCloseTo(760 / 420, 1);
    expect(channels).toBe(3);
  });
});
