import { describe, expect, it } from 'vitest';
import { ConfusionMatrix, sampleScores, ScoreAccumulator } from './index.js';

const mask = (digits: string) => Uint8Array.from(digits, (digit) => (digit === '.' ? 255 : Number(digit)));

describe('ScoreAccumulator', () => {
  it('tells several classes: absent ones null and out of the means, nothing of two classes', () => {
    const accumulator = new ScoreAccumulator({ classNames: ['sky', 'road', 'car'] });
    accumulator.addSample(mask('0011'), mask('0111'));
    accumulator.addSample(mask('00'), mask('0.'));
    expect(accumulator.scores()).toEqual({
      samples: 2,
      pixelAccuracy: 4 / 5,
      meanIoU: (2 / 3 + 2 / 3) / 2,
      meanDice: (4 / 5 + 4 / 5) / 2,
      classes: [
        { name: 'sky', iou: 2 / 3, dice: 4 / 5, precision: 2 / 3, recall: 1, pixels: 2 },
        { name: 'road', iou: 2 / 3, dice: 4 / 5, precision: 1, recall: 2 / 3, pixels: 3 },
        { name: 'car', iou: null, dice: null, precision: null, recall: null, pixels: 0 },
      ],
    });
  });

  it('tells two classes: foreground, soft Dice by batch, groups pooled', () => {
    const accumulator = new ScoreAccumulator({ classNames: ['background', 'lesion'] });
    accumulator.addSample(mask('0110'), mask('0100'), 'patient 1');
    accumulator.addSample(mask('1100'), mask('1110'), 'patient 1');
    accumulator.addSample(mask('0000'), mask('0000'), 'patient 2');
    accumulator.addSample(mask('0000'), mask('0001'), 'patient 3');
    accumulator.addProbabilities(Float32Array.of(0.5, 1), mask('11'));
    accumulator.addProbabilities(Float32Array.of(0.5, 0.5), mask('0.'));
    accumulator.addLoss({ loss: 2, losses: { dice: 1, bce: 4 } }, 3);
    accumulator.addLoss({ loss: 6, losses: { dice: 5, bce: 0 } }, 1);
    expect(accumulator.scores()).toMatchObject({
      samples: 4,
      loss: 3,
      losses: { dice: 2, bce: 3 },
      dice: 6 / 9,
      iou: 3 / 6,
      softDice: (4 / 4.5 + 1 / 1.5) / 2,
      groups: [
        { name: 'patient 1', dice: 6 / 8 },
        { name: 'patient 2', dice: null },
        { name: 'patient 3', dice: 0 },
      ],
      meanGroupDice: 6 / 16,
    });
  });

  it('scores a background other than the first class, soft Dice included', () => {
    const accumulator = new ScoreAccumulator({ classNames: ['pet', 'background'], background: 1 });
    accumulator.addSample(mask('001'), mask('011'));
    accumulator.addProbabilities(Float32Array.of(1, 0.5, 0), mask('011'));
    expect(accumulator.scores()).toMatchObject({ dice: 2 / 3, iou: 1 / 2, softDice: 3 / 3.5 });
  });

  it('is whole JSON even without a sample, or with a loss that is not finite', () => {
    const accumulator = new ScoreAccumulator({ classNames: ['a', 'b'] });
    accumulator.addLoss({ loss: NaN, losses: { dice: Infinity } }, 1);
    const scores = accumulator.scores();
    expect(scores).toMatchObject({
      samples: 0,
      loss: null,
      losses: { dice: null },
      pixelAccuracy: null,
      meanIoU: null,
      dice: null,
    });
    expect(JSON.parse(JSON.stringify(scores))).toEqual(scores);
  });

  it('gives each sample its own scores', () => {
    const accumulator = new ScoreAccumulator({ classNames: ['a', 'b'] });
    const counts = accumulator.addSample(mask('0111'), mask('0011'));
    expect(sampleScores('x.png', counts, { loss: 0.5, losses: { dice: NaN } })).toEqual({
      id: 'x.png',
      loss: 0.5,
      losses: { dice: null },
      meanDice: (2 / 3 + 4 / 5) / 2,
      meanIoU: (1 / 2 + 2 / 3) / 2,
      dice: 4 / 5,
      foreground: 2,
      areas: { true: [2, 2], predicted: [1, 3] },
    });
    const alone = sampleScores('x.png', counts, undefined, 1);
    expect(Object.keys(alone)).toEqual(['id', 'meanDice', 'meanIoU', 'dice', 'foreground', 'areas']);
    expect(alone.foreground).toBe(2);
    expect(sampleScores('x.png', counts, undefined, null).foreground).toBe(4);
    expect(sampleScores('x.png', new ConfusionMatrix(3))).not.toHaveProperty('dice');
  });

  it('pools all classes of a group where none is the background', () => {
    const groupDice = (background: number | null) => {
      const accumulator = new ScoreAccumulator({ classNames: ['sky', 'road', 'car'], background });
      accumulator.addSample(mask('0012'), mask('0011'), 'street');
      return accumulator.scores().meanGroupDice;
    };
    expect(groupDice(null)).toBe(6 / 8);
    expect(groupDice(0)).toBe(2 / 4);
  });

  it('refuses what does not fit', () => {
    expect(() => new ScoreAccumulator({ classNames: ['a'] })).toThrow(/classes must be/);
    expect(() => new ScoreAccumulator({ classNames: ['a', 'b'], background: 2 })).toThrow(/0 to 1, got 2/);
    const accumulator = new ScoreAccumulator({ classNames: ['a', 'b', 'c'] });
    expect(() => accumulator.addProbabilities(new Float32Array(1), new Uint8Array(1))).toThrow(/two classes/);
  });
});
