import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors/index.js';
import { input, lowerGraph, PORTABLE } from '../graph/index.js';
import { crossEntropy, traceModel } from '../nn/index.js';
import { whole } from '../settings/index.js';
import { trainingGraph } from '../training/step.js';
import { createModel, defineModel, modelEntry, modelNames, registerModel, summarize, UNet } from './index.js';

/** Models that are created from options alone. */
const FROM_OPTIONS = modelNames().filter((name) => !modelEntry(name).file);

describe('the registry', () => {
  it('lists all models if the name is unknown', () => {
    const made = () => createModel('u-net');
    expect(made).toThrow(UsageError);
    expect(made).toThrow(`there is no model "u-net"; choose one of ${modelNames().join(', ')}.`);
    expect(made).toThrow('Did you mean');
  });

  it.each([
    [{ heads: 2 }, /^unet has no option "heads"; its options are channels, classes, depth, width/],
    [{ depth: 1 }, /^unet: depth must be a whole number from 2 to 8; got 1\.$/],
    [{ depth: 2.5 }, /whole number/],
    [{ dropout: 1 }, /^unet: dropout must be a number from 0 to 0.99; got 1\.$/],
    [{ dropoutAt: 'top' }, /^unet: dropoutAt must be bottom or every; got "top"\.$/],
    [{ batchNorm: 'yes' }, /^unet: batchNorm must be true or false; got "yes"\.$/],
    [{ classes: 0 }, /classes must be a whole number from 1 to 255; got 0$/],
    [{ channels: 0 }, /channels must be a whole number from 1 to 4096; got 0\.$/],
  ])('refuses %o', (options, message) => {
    const make = () => createModel('unet', options);
    expect(make).toThrow(UsageError);
    expect(make).toThrow(message);
  });

  it.each(FROM_OPTIONS)(
    '%s outputs logits at any size, and the defaults of its table are those of the class',
    (name) => {
      const found = modelEntry(name);
      const defaults = Object.fromEntries(
        Object.entries(found.options).flatMap(([key, row]) =>
          row.default === undefined ? [] : [[key, row.default]],
        ),
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
    },
  );

  it.each(FROM_OPTIONS)('%s agrees with its entry', (name) => {
    const { pretrained } = modelEntry(name);
    const model = createModel(name, { classes: 3 });
    const { divisor = 1 } = model;
    const { layers } = summarize(model, { height: 2 * divisor, width: 3 * divisor });
    expect(layers.filter(({ type }) => type === 'Pad')).toEqual([]);

    const images = input('images', [1, 3, 2 * divisor, 2 * divisor]);
    const { output } = traceModel(model.eval(), images);
    const leaves = [...model.namedParameters(), ...model.namedBuffers()].map(([, leaf]) => leaf);
    const { model: onnx } = lowerGraph({ inputs: [images, ...leaves], outputs: { output } }, PORTABLE);
    expect(Object.keys(onnx.opsets)).toEqual(['']);

    const frozen = model.namedParameters().filter(([, weight]) => !weight.requiresGrad);
    expect(frozen.length > 0).toBe(pretrained !== undefined);
    if (pretrained) expect(frozen.every(([path]) => path.startsWith(`${pretrained.field}.`))).toBe(true);

    // Every trained weight has a gradient.
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

  it('uses a single logit for two classes', () => {
    const channels = (classes: number) =>
      summarize(createModel('unet', { classes, depth: 2, width: 1 }), { height: 8, width: 8 }).output[1];
    expect([1, 2, 3, 4].map(channels)).toEqual([1, 1, 3, 4]);
  });

  it('accepts former names of options', () => {
    const parameters = (options: Record<string, number>) =>
      summarize(createModel('deeplabv3plus', options), { height: 32, width: 32 }).parameters.total;
    expect(parameters({ width: 16 })).toBe(parameters({ decoderWidth: 16 }));
    expect(parameters({ width: 16 })).toBeLessThan(parameters({}));
  });

  it("registers a user's model", () => {
    const entry = defineModel<{ channels?: number; classes?: number; filters?: number }>({
      title: 'small U-Net',
      description: 'a U-Net of two sizes',
      options: { filters: { kind: whole(1, 8), default: 2, help: 'filters at the full size' } },
      create: ({ filters, ...counts }) => new UNet({ ...counts, depth: 2, width: filters! }),
    });
    registerModel('small-unet', entry);
    expect(modelNames().at(-1)).toBe('small-unet');
    const model = createModel('small-unet', { filters: 3, classes: 4 });
    expect(summarize(model, { height: 8, width: 8 }).output).toEqual([null, 4, 8, 8]);
    expect(() => createModel('small-unet', { filters: 9 })).toThrow(
      'small-unet: filters must be a whole number from 1 to 8; got 9.',
    );
    expect(() => createModel('small-unet', { width: 1 })).toThrow('small-unet has no option "width"');
    registerModel('small-unet', entry);
    expect(() => registerModel('unet', entry)).toThrow('a model "unet" already exists');
    expect(() => registerModel('a b', entry)).toThrow(UsageError);
    expect(() => registerModel('plain', {} as typeof entry)).toThrow('make the entry with defineModel()');
  });
});
