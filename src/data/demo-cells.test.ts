import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors/index.js';
import { CELL_CLASSES, drawCells, type CellPicture } from './demo-cells.js';

const CLASSES = CELL_CLASSES.length;
const pictures = [...drawCells({ seed: 1, count: 150, width: 96, height: 96 })];

describe('drawCells', () => {
  it('draws what the seed, the number and the size say', () => {
    const [first, second] = [...drawCells({ seed: 1, count: 2, width: 96, height: 96 })];
    expect(first).toEqual(pictures[0]);
    expect(second).toEqual(pictures[1]);
    const [other] = [...drawCells({ seed: 2, count: 1, width: 96, height: 96 })];
    expect(other).not.toEqual(first);
  });

  it('fills any shape of picture', () => {
    const [picture] = [...drawCells({ count: 1, width: 65, height: 130 })];
    expect(picture!.image).toMatchObject({ width: 65, height: 130, channels: 3 });
    expect(picture!.image.data).toHaveLength(65 * 130 * 3);
    expect(picture!.mask.data).toHaveLength(65 * 130);
  });

  it('holds every class, the two kinds of cell alike in share', () => {
    const shares = new Array<number>(CLASSES).fill(0);
    for (const { mask } of pictures) for (const value of mask.data) shares[value]! += 1 / mask.data.length;
    const [background, smooth, spiky] = shares.map((share) => share / pictures.length) as [
      number,
      number,
      number,
    ];
    expect(background).toBeGreaterThan(0.6);
    expect(background).toBeLessThan(0.85);
    expect(Math.abs(smooth - spiky)).toBeLessThan(0.3 * (smooth + spiky));
  });

  it('is quick', () => {
    const start = performance.now();
    for (const picture of drawCells({ count: 20 })) expect(picture.mask.width).toBe(128);
    expect(performance.now() - start).toBeLessThan(4000);
  });

  it('refuses sizes and counts out of range', () => {
    expect(() => [...drawCells({ count: 0 })]).toThrow(UsageError);
    expect(() => [...drawCells({ count: 1, width: 31 })]).toThrow(/32 to 4096/);
  });
});

describe('a rule that sees one pixel at a time fails on them', () => {
  it('by brightness', () => {
    const rule = bestPixelRule(pictures, 256, (r, g, b) => Math.round(0.299 * r + 0.587 * g + 0.114 * b));
    expect(rule).toBeGreaterThan(0.25);
    expect(rule).toBeLessThan(0.5);
  });

  it('by colour', () => {
    const rule = bestPixelRule(pictures, 4096, (r, g, b) => ((r >> 4) << 8) | ((g >> 4) << 4) | (b >> 4));
    expect(rule).toBeLessThan(0.5);
  });

  it('by brightness, even fitted to each picture by itself', () => {
    const confusion = new Float64Array(CLASSES * CLASSES);
    for (const picture of pictures) {
      // A threshold per picture, as Otsu's method picks one, and chosen with the truth at hand.
      const code = (r: number, g: number, b: number) => Math.round(0.299 * r + 0.587 * g + 0.114 * b) >> 3;
      addConfusion(confusion, countCodes([picture], 32, code), [0.7, 1, 1]);
    }
    expect(meanIoU(confusion)).toBeLessThan(0.5);
  });
});

/**
 * The mean IoU of the best rule from a pixel's code to a class, fitted on the very pictures it is judged
 * on. The rule that maximises the weighted likelihood maximises mean IoU for some weights of the classes
 * (IoU is quasi-linear in the confusion matrix), so the weights are searched over a grid.
 */
function bestPixelRule(
  samples: readonly CellPicture[],
  codes: number,
  code: (r: number, g: number, b: number) => number,
): number {
  const counts = countCodes(samples, codes, code);
  let best = 0;
  for (const background of [0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1]) {
    for (const smooth of [0.7, 0.85, 0.95, 1, 1.05, 1.15, 1.4]) {
      const confusion = new Float64Array(CLASSES * CLASSES);
      addConfusion(confusion, counts, [background, smooth, 1]);
      best = Math.max(best, meanIoU(confusion));
    }
  }
  return best;
}

/** How many pixels of each class have each code: codes × classes. */
function countCodes(
  samples: readonly CellPicture[],
  codes: number,
  code: (r: number, g: number, b: number) => number,
): Float64Array {
  const counts = new Float64Array(codes * CLASSES);
  for (const { image, mask } of samples) {
    for (let i = 0; i < mask.data.length; i++) {
      const at = code(image.data[3 * i]!, image.data[3 * i + 1]!, image.data[3 * i + 2]!);
      counts[at * CLASSES + mask.data[i]!]!++;
    }
  }
  return counts;
}

/** Adds truth × prediction counts of the rule "the class with the largest weighted count". */
function addConfusion(confusion: Float64Array, counts: Float64Array, weights: readonly number[]): void {
  for (let at = 0; at < counts.length; at += CLASSES) {
    let chosen = 0;
    for (let c = 1; c < CLASSES; c++) {
      if (counts[at + c]! * weights[c]! > counts[at + chosen]! * weights[chosen]!) chosen = c;
    }
    for (let c = 0; c < CLASSES; c++) confusion[c * CLASSES + chosen]! += counts[at + c]!;
  }
}

function meanIoU(confusion: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < CLASSES; c++) {
    let union = -confusion[c * CLASSES + c]!;
    for (let k = 0; k < CLASSES; k++) union += confusion[c * CLASSES + k]! + confusion[k * CLASSES + c]!;
    sum += confusion[c * CLASSES + c]! / union;
  }
  return sum / CLASSES;
}
