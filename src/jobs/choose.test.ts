import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DataFacts, MachineFacts } from './choose.js';
import { choiceLines, chooseSettings } from './choose.js';
import type { TrainSettings } from './train-options.js';

const laptop: MachineFacts = { threads: 2, memory: 16 * 2 ** 30, pretrained: undefined, slowness: 1 };
const withWeights: MachineFacts = { ...laptop, pretrained: 'imagenet' };

const slices: DataFacts = {
  samples: 1500,
  height: 128,
  width: 128,
  channels: 3,
  classes: ['background', 'lesion'],
  shares: [0.99, 0.01],
  coloured: false,
  oriented: false,
};
const cells: DataFacts = { ...slices, samples: 24, height: 512, width: 512, channels: 1, shares: [0.2, 0.8] };
const photographs: DataFacts = {
  ...slices,
  samples: 240,
  height: 375,
  width: 500,
  classes: ['pet', 'background', 'border'],
  shares: [0.3, 0.6, 0.1],
  coloured: true,
  oriented: true,
};

const chosen = (data: DataFacts, machine = laptop, given: TrainSettings = {}) =>
  chooseSettings(data, machine, given).settings;
const reasonFor = (setting: string, data: DataFacts, machine = laptop) =>
  chooseSettings(data, machine, {}).choices.find((choice) => choice.setting.startsWith(setting))!.reason;

describe('chooseSettings', () => {
  it('takes pretrained weights for every kind of image, where they are at hand', () => {
    for (const data of [photographs, slices, cells]) {
      expect(chosen(data, withWeights)).toMatchObject({
        model: 'mobilenet-unet',
        encoderWeights: 'imagenet',
      });
      expect(chosen(data, withWeights)).not.toHaveProperty('width');
      expect(chosen(data)).toMatchObject({ model: 'unet' });
    }
    expect(chosen(cells, withWeights, { model: 'resnet18-unet' })).toMatchObject({
      encoderWeights: 'imagenet',
    });
    expect(chosen(cells, withWeights, { encoderWeights: 'none' })).toMatchObject({ model: 'unet' });
  });

  it('mirrors upside down only what has no up and down', () => {
    expect(chosen(photographs, withWeights).augment).not.toContain('vertical');
    expect(chosen({ ...photographs, coloured: false }).augment).not.toContain('vertical');
    expect(chosen(slices).augment).toContain('vertical-flip');
  });

  it('follows the model that flags imply', () => {
    expect(chosen(photographs, withWeights, { width: 8 })).toMatchObject({ model: 'unet' });
    expect(chosen(photographs, withWeights, { encoderWeights: 'none' })).toMatchObject({ model: 'unet' });
    expect(chosen(slices, laptop, { encoderWeights: 'weights.pth' })).toMatchObject({
      model: 'mobilenet-unet',
    });
    expect(chosen(photographs, withWeights, { model: 'segnet' })).not.toHaveProperty('encoderWeights');
    const own = chosen(photographs, withWeights, { encoder: 'resnet50', encoderWeights: 'weights.pth' });
    expect(own).toMatchObject({ model: 'encoder-unet', lr: 5e-3 });
  });

  it('gives every model with a frozen ImageNet encoder the same size and rate', () => {
    const pets = { ...photographs, height: 256, width: 256 };
    const models = ['mobilenet-unet', 'resnet18-unet', 'deeplabv3plus'];
    for (const data of [pets, photographs, { ...photographs, samples: 40, classes: ['background', 'pet'] }]) {
      const given = { encoderWeights: 'imagenet' };
      const [first, ...others] = models.map((model) => chosen(data, laptop, { ...given, model }));
      expect(first).toMatchObject({ lr: 5e-3 });
      for (const other of others) expect(other).toMatchObject({ size: first!.size, lr: 5e-3 });
    }
    const [frozen] = models.map((model) => chosen(pets, laptop, { model, encoderWeights: 'imagenet' }));
    expect(frozen!.size).toEqual({ height: 256, width: 256 });
    // An encoder that learns costs more, and its rate is not known.
    const learning = { model: 'resnet18-unet', encoderWeights: 'imagenet', freezeEncoder: false };
    expect(chosen(pets, laptop, learning).lr).not.toBe(5e-3);
    const fromFile = { model: 'onnx-unet', encoder: 'encoder.onnx', taps: 'a,b' };
    expect(chosen(pets, laptop, fromFile)).toMatchObject({ size: { height: 256, width: 256 }, lr: 5e-3 });
  });

  it('looks at few images large, and at many in a size that leaves time to see them', () => {
    expect(chosen(cells).size).toEqual({ height: 512, width: 512 });
    expect(chosen(slices).size).toEqual({ height: 128, width: 128 });
    const many = { ...cells, samples: 2000 };
    const few = chosen(many).size as { width: number };
    expect(few.width).toBeLessThan(512);
    const hours = chosen(many, laptop, { minutes: 300 }).size as { width: number };
    expect(hours.width).toBe(512);
  });

  it('keeps the shape of the images and never enlarges them', () => {
    const wide = { ...slices, height: 1280, width: 1920 };
    const { height, width } = chosen(wide).size as { height: number; width: number };
    expect(width / height).toBeCloseTo(1.5, 0);
    const small = { ...slices, height: 64, width: 64, samples: 10 };
    expect(chosen(small).size).toEqual({ height: 64, width: 64 });
  });

  it('tells how often images are seen only where time decides it', () => {
    const reason = (given: TrainSettings) =>
      chooseSettings(slices, laptop, given).choices.find(({ setting }) => setting === 'size')!.reason;
    expect(reason({})).toMatch(/each is seen about \d+ times/);
    expect(reason({ epochs: 3 })).not.toContain('times');
  });

  it('widens the network only with time to spare', () => {
    expect(chosen(slices)).toMatchObject({ width: 16, batchNorm: true });
    expect(chosen(slices, { ...laptop, threads: 32 }).width).toBeGreaterThan(16);
  });

  it('speaks only of what was left open', () => {
    const valueOf = (given: TrainSettings) =>
      chooseSettings(slices, laptop, given).choices.find(({ setting }) => /width|norm/.test(setting));
    expect(valueOf({})).toMatchObject({ setting: 'width, batch-norm', value: '16 filters with batch norm' });
    expect(valueOf({ width: 7 })).toMatchObject({ setting: 'batch-norm', value: 'on' });
    expect(valueOf({ batchNorm: false })).toMatchObject({ setting: 'width', value: '16 filters' });
    expect(valueOf({ width: 7, batchNorm: false })).toBeUndefined();
  });

  it('makes batches of what memory takes and of what there is', () => {
    expect(chosen(cells).batch).toBe(4);
    expect(chosen(slices).batch).toBe(16);
    const small = { ...laptop, memory: 2 ** 30 };
    expect(chosen(cells, small).batch).toBeLessThan(4);
    expect(reasonFor('batch', cells, small)).toContain('memory');
  });

  it('names the rare class that Dice is there for', () => {
    expect(reasonFor('loss', slices)).toContain('lesion has 1 % of the pixels');
    expect(chosen(photographs).loss).toBe('cross-entropy+dice');
    // A class that no mask shows is not rare but unseen.
    expect(reasonFor('loss', { ...photographs, shares: [0.4, 0.6, 0] })).not.toContain('%');
  });

  it('weights several classes where one is rare', () => {
    const streets = { ...photographs, classes: ['road', 'sky', 'pole'], shares: [0.6, 0.39, 0.01] };
    expect(chosen(streets).classWeights).toEqual([1, 1, 2.2]);
    expect(reasonFor('class-weights', streets)).toContain('as rare as pole');
    expect(chosen({ ...streets, shares: [0.99, 0, 0.01] }).classWeights).toEqual([1, 1, 2.2]);
    expect(chosen(slices)).not.toHaveProperty('classWeights');
    expect(chosen({ ...streets, shares: [0.6, 0.37, 0.03] })).not.toHaveProperty('classWeights');
    expect(chosen({ ...streets, multiLabel: true })).not.toHaveProperty('classWeights');
    // Not every loss takes weights.
    expect(chosen(streets, laptop, { loss: 'dice' })).not.toHaveProperty('classWeights');
  });

  it('augments photographs upright, and few images most', () => {
    expect(chosen(photographs).augment).toBe('light');
    expect(chosen(cells).augment).toBe('medical');
    expect(chosen(slices).augment).toBe('flip,vertical-flip,rotate:15');
  });

  it('enlarges images for a pretrained encoder only if each is still seen often', () => {
    const few = { ...slices, samples: 200 };
    expect(chosen(few, withWeights, { minutes: 5 }).size).toEqual({ height: 256, width: 256 });
    const { size } = chosen(slices, { ...withWeights, slowness: 1.5 }, { minutes: 5 });
    expect((size as { height: number }).height).toBeLessThan(192);
    // Enough time for a shrunk image is enough for one at its own size.
    const large = { ...slices, height: 256, width: 256 };
    expect(chosen(large, { ...withWeights, slowness: 1.5 }, { minutes: 5 }).size).toEqual({
      height: 256,
      width: 256,
    });
  });

  it('looks for the rate where the run is long enough to be worth it', () => {
    expect(chosen(slices).lr).toBe('auto');
    expect(chosen(photographs, withWeights).lr).toBe(5e-3);
    expect(chosen(cells, laptop, { epochs: 5 }).lr).toBe(3e-3);
    expect(chosen(cells, laptop, { epochs: 5, batchNorm: false }).lr).toBe(1e-3);
    expect(chosen(cells, laptop, { epochs: 5 })).not.toHaveProperty('minutes');
  });

  it('leaves alone what was given, and gives the rest within range', () => {
    const facts = fc.record({
      samples: fc.integer({ min: 1, max: 100_000 }),
      height: fc.integer({ min: 8, max: 8000 }),
      width: fc.integer({ min: 8, max: 8000 }),
      channels: fc.constantFrom(1, 3, 4),
      shares: fc.constant([0.5, 0.5]),
      classes: fc.constant(['background', 'object']),
      coloured: fc.boolean(),
      oriented: fc.boolean(),
    });
    const given = fc.record(
      {
        size: fc.integer({ min: 16, max: 512 }),
        batch: fc.integer({ min: 1, max: 64 }),
        loss: fc.constant('dice'),
        lr: fc.constant(0.01),
        width: fc.integer({ min: 1, max: 64 }),
        epochs: fc.integer({ min: 1, max: 100 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(facts, given, fc.integer({ min: 1, max: 128 }), (data, flags, threads) => {
        const { settings, choices } = chooseSettings(data, { ...withWeights, threads }, flags);
        for (const name of Object.keys(flags)) expect(settings).not.toHaveProperty(name);
        const { size, batch } = { ...settings, ...flags } as {
          size: number | { height: number; width: number };
          batch: number;
        };
        const sides = typeof size === 'number' ? [size] : [size.height, size.width];
        for (const side of sides) expect(side).toBeGreaterThanOrEqual(16);
        // About the area of 512×512, but no side below one step.
        const area = sides.reduce((product, side) => product * side, sides.length === 1 ? sides[0]! : 1);
        if (Math.min(...sides) > 32) expect(area).toBeLessThanOrEqual(1.3 * 512 ** 2);
        expect(Number.isInteger(batch) && batch >= 1).toBe(true);
        expect(choices.every(({ reason }) => reason !== '')).toBe(true);
      }),
    );
  });

  it('says what it chose in aligned lines', () => {
    const lines = choiceLines(chooseSettings(cells, laptop, {}).choices);
    expect(lines[0]).toBe('Settings chosen automatically (a flag overrides each):');
    expect(lines.join('\n')).toContain('512×512');
    expect(choiceLines([])).toEqual([]);
  });
});
