import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors/index.js';
import { input, lowerGraph, PORTABLE } from '../graph/index.js';
import { crossEntropy, traceModel } from '../nn/index.js';
import { trainingGraph } from '../training/step.js';
import { createModel, MODEL_NAMES, modelEntry, summarize } from './index.js';

describe('the registry', () => {
  it('names the models there are', () => {
    expect(() => createModel('net')).toThrow(
      new UsageError(`there is no model "net"; choose one of ${MODEL_NAMES.join(', ')}`),
    );
  });

  it.each([
    [{ heads: 2 }, /^unet has no option "heads"; its options are channels, classes, depth, width/],
    [{ depth: 1 }, /^unet: depth must be a whole number from 2 to 8; got 1\.$/],
    [{ depth: 2.5 }, /whole number/],
    [{ dropout: 1 }, /^unet: dropout must be a number from 0 to 0.99; got 1\.$/],
    [{ dropoutAt: 'top' }, /^unet: dropoutAt must be bottom or every; got "top"\.$/],
    [{ batchNorm: 'yes' }, /^unet: batchNorm must be true or false; got "yes"\.$/],
    [{ classes: 0 }, /classes must be a whole number from 1 to 255, not 0$/],
    [{ channels: 0 }, /channels must be a whole number from 1 to 4096; got 0\.$/],
  ])('refuses %o', (options, message) => {
    const make = () => createModel('unet', options);
    expect(make).toThrow(UsageError);
    expect(make).toThrow(message);
  });

  it.each(MODEL_NAMES)('%s gives scores at any size, and its options carry their own defaults', (name) => {
    const found = modelEntry(name);
    const defaults = Object.fromEntries(
      Object.entries(found.options).map(([key, row]) => [key, row.default]),
    );
    for (const [classes, channels] of [
      [2, 1],
      [5, 3],
    ] as const) {
      const model = createModel(name, { ...defaults, classes, channels });
      const { output, divisor } = summarize(model, { height: 37, width: 50, channels });
      expect(output).toEqual([null, found.outputChannels(classes, defaults), 37, 50]);
      expect(divisor).toBe(model.divisor);
    }
  });

  it.each(MODEL_NAMES)('%s keeps what its entry promises', (name) => {
    const { exportable, pretrained } = modelEntry(name);
    const model = createModel(name, { classes: 3 });
    const { divisor } = model;
    const { layers } = summarize(model, { height: 2 * divisor, width: 3 * divisor });
    expect(layers.filter(({ type }) => type === 'Pad')).toEqual([]);

    const images = input('images', [1, 3, 2 * divisor, 2 * divisor]);
    const { output } = traceModel(model.eval(), images);
    const leaves = [...model.namedParameters(), ...model.namedBuffers()].map(([, leaf]) => leaf);
    const { model: onnx } = lowerGraph({ inputs: [images, ...leaves], outputs: { output } }, PORTABLE);
    if (exportable) expect(Object.keys(onnx.opsets)).toEqual(['']);

    const frozen = model.namedParameters().filter(([, weight]) => !weight.requiresGrad);
    expect(frozen.length > 0).toBe(pretrained !== undefined);
    if (pretrained) expect(frozen.every(([path]) => path.startsWith(`${pretrained.field}.`))).toBe(true);

    // Every weight that learns gets a gradient from the loss.
    const { definition } = trainingGraph(model, [{ name: 'loss', weight: 1, loss: crossEntropy() }], {
      size: 2,
      channels: 3,
      height: 2 * divisor,
      width: 2 * divisor,
    });
    const constants = Object.entries(definition.outputs).filter(
      ([key, { node }]) => key.startsWith('gradient:') && node.operator.name === 'broadcastTo',
    );
    expect(constants.map(([key]) => key)).toEqual([]);
  });

  it('takes one logit for two classes', () => {
    const channels = (classes: number) =>
      summarize(createModel('unet', { classes, depth: 2, width: 1 }), { height: 8, width: 8 }).output[1];
    expect([1, 2, 3, 4].map(channels)).toEqual([1, 1, 3, 4]);
  });
});
