import { describe, expect, it } from 'vitest';
import type { Tensor } from '../graph/index.js';
import { add, globalAvgPool2d, gradients, input, mul, relu, sliceAll, sqrt, sum } from '../graph/index.js';
import { constantInit, Conv2d, Dropout, ModelState, Module, Parameter, Sequential } from '../nn/index.js';
import { Program, viewOf } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { formatModules, formatSizes, formatSummary, summarize, UNet, unet } from './index.js';

describe('the published U-Nets', () => {
  it.each([
    ['brain MRI', { dropout: 0.6, dropoutAt: 'every' as const }],
    ['Carvana', { dropout: 0.5, dropoutAt: 'bottom' as const }],
  ])('%s: 31,031,745 parameters', (_, options) => {
    const summary = summarize(unet({ inputShape: [128, 128, 3], ...options }), { height: 128, width: 128 });
    expect(summary.parameters).toEqual({ total: 31_031_745, trainable: 31_031_745, frozen: 0 });
    expect(summary.input).toEqual([null, 3, 128, 128]);
    expect(summary.output).toEqual([null, 1, 128, 128]);
    expect(summary.sizes).toEqual([
      { size: [128, 128], down: 64, up: 64 },
      { size: [64, 64], down: 128, up: 128 },
      { size: [32, 32], down: 256, up: 256 },
      { size: [16, 16], down: 512, up: 512 },
      { size: [8, 8], down: 1024 },
    ]);
  });

  it('lists dropout in its place', () => {
    const dropouts = (options: object) =>
      summarize(new UNet({ width: 1, dropout: 0.5, ...options }), { height: 16, width: 16 })
        .layers.filter(({ type }) => type === 'Dropout')
        .map(({ inputs }) => inputs[0]);
    expect(dropouts({})).toEqual(['maxPool2d_3']);
    expect(dropouts({ dropoutAt: 'every', depth: 2 })).toEqual(['down.0.relu', 'down.1.relu', 'fuse.0.relu']);
  });
});

const SMALL = new UNet({ depth: 2, width: 2, channels: 1, classes: 3 });

describe('summarize', () => {
  it('lists the inputs of layers and of functions between them', () => {
    const { layers } = summarize(SMALL, { height: 4, width: 6, channels: 1 });
    expect(layers.find(({ type }) => type === 'Concat')).toEqual({
      name: 'concat',
      type: 'Concat',
      output: [null, 4, 4, 6],
      parameters: 0,
      inputs: ['up.0', 'down.0.relu_1'],
      multiplyAdds: 0,
    });
    expect(layers.find(({ name }) => name === 'down.1.conv2')).toEqual({
      name: 'down.1.conv2',
      type: 'Conv2d',
      output: [null, 4, 2, 3],
      parameters: 4 * 4 * 9 + 4,
      inputs: ['down.1.relu'],
      multiplyAdds: 4 * 2 * 3 * 4 * 9,
    });
    expect(layers.reduce((n, layer) => n + layer.parameters, 0)).toBe(
      summarize(SMALL, { height: 4, width: 6, channels: 1 }).parameters.total,
    );
  });

  it('reports padded input sizes', () => {
    const { layers, output } = summarize(SMALL, { height: 5, width: 6, channels: 1 });
    expect(layers.slice(0, 2).map(({ name, output }) => [name, ...output])).toEqual([
      ['input', null, 1, 5, 6],
      ['pad', null, 1, 6, 6],
    ]);
    expect(layers.at(-1)!.type).toBe('Slice');
    expect(output).toEqual([null, 3, 5, 6]);
  });

  it('does not change modes and names', () => {
    const model = new Sequential(new Conv2d(3, 2, 3), new Dropout(0.3)).eval();
    model.layers[0]!.freeze();
    const names = () => model.namedParameters().map(([, { name }]) => name);
    const before = names();
    const { parameters, layers } = summarize(model, { height: 8, width: 8 });
    expect(parameters).toEqual({ total: 56, trainable: 0, frozen: 56 });
    expect(layers.map(({ type }) => type)).toEqual(['Input', 'Conv2d', 'Dropout']);
    expect([...model.namedModules()].every(([, { training }]) => !training)).toBe(true);
    expect(names()).toEqual(before);
  });

  it('counts shared weights once, and omits nodes that depend only on weights', () => {
    class Twice extends Module {
      readonly conv = new Conv2d(2, 2, 3, { padding: 1, bias: false });
      readonly gain = new Parameter([2, 1, 1], constantInit(1));
      forward(x: Tensor): Tensor {
        const y = this.conv.forward(relu(this.conv.forward(x)));
        return add(mul(y, sqrt(this.gain)), x);
      }
    }
    const { layers, parameters } = summarize(new Twice(), { height: 4, width: 4, channels: 2 });
    expect(parameters.total).toBe(38);
    expect(layers.map(({ name, parameters, inputs }) => [name, parameters, ...inputs])).toEqual([
      ['input', 0],
      ['conv', 36, 'input'],
      ['relu', 0, 'conv'],
      ['conv_1', 0, 'relu'],
      ['mul', 2, 'conv_1'],
      ['add', 0, 'mul', 'input'],
    ]);
  });
});

describe('the receptive field', () => {
  it('is the region with non-zero gradients', async () => {
    const model = new UNet({ depth: 3, width: 1, channels: 1 });
    const { receptiveField } = summarize(model, { height: 64, width: 64, channels: 1 });
    const image = input('image', [1, 1, 64, 64]);
    const output = model.eval().forward(image);
    const state = ModelState.initialize(model, 0);
    // With positive weights and pixels, no ReLU blocks a path.
    for (const slot of state.slots) state.values(slot).fill(0.1);
    const at = (row: number) => sum(sliceAll(output, [0, 0, row, row], [1, 1, row + 1, row + 1]));
    const outputs = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [`row${i}`, gradients(at(28 + i), [image])[0]!]),
    );
    const runtime = await createNodeRuntime({ worker: false, threads: 1 });
    const leaves = state.slots.map(({ leaf }) => leaf);
    const program = await Program.compile({ inputs: [image, ...leaves], outputs }, runtime);
    // The gradient of max pooling reaches only the largest pixel of a window, so try each one.
    const rows = Array.from({ length: 8 }, () => new Set<number>());
    for (let k = 0; k < 64; k++) {
      const pixels = Float32Array.from({ length: 64 * 64 }, (_, i) => {
        const [row, column] = [i >> 6, i & 63];
        return 1 + ((row * 7 + column * 13 + k * 29) % 31);
      });
      const results = await program.run({ image: viewOf(pixels), ...state.feeds() });
      for (let i = 0; i < 8; i++) {
        const gradient = results[`row${i}`] as Float32Array;
        gradient.forEach((g, place) => g !== 0 && rows[i]!.add(place >> 6));
      }
    }
    const spans = rows.map((set) => Math.max(...set) - Math.min(...set) + 1);
    expect(receptiveField).toEqual([Math.max(...spans), Math.max(...spans)]);
    await runtime.close();
  });

  it('is global after global pooling', () => {
    class Global extends Module {
      forward(x: Tensor): Tensor {
        return mul(x, globalAvgPool2d(x));
      }
    }
    expect(summarize(new Global(), { height: 8, width: 8 }).receptiveField).toBe('global');
  });
});

describe('as text', () => {
  const summary = summarize(new UNet({ depth: 2, width: 8 }), { height: 15, width: 16, name: 'unet' });

  it('is a table like the one of Keras', () => {
    expect(formatSummary(summary)).toMatchInlineSnapshot(`
      "Model: unet
      ─────────────────────────────────────────────────────────────────────
      Layer (type)            Output shape     Param #  Connected to
      ═════════════════════════════════════════════════════════════════════
      input (Input)           (N, 3, 15, 16)         0
      pad (Pad)               (N, 3, 16, 16)         0  input
      down.0.conv1 (Conv2d)   (N, 8, 16, 16)       224  pad
      down.0.relu (ReLU)      (N, 8, 16, 16)         0  down.0.conv1
      down.0.conv2 (Conv2d)   (N, 8, 16, 16)       584  down.0.relu
      down.0.relu_1 (ReLU)    (N, 8, 16, 16)         0  down.0.conv2
      maxPool2d (MaxPool2d)   (N, 8, 8, 8)           0  down.0.relu_1
      down.1.conv1 (Conv2d)   (N, 16, 8, 8)      1,168  maxPool2d
      down.1.relu (ReLU)      (N, 16, 8, 8)          0  down.1.conv1
      down.1.conv2 (Conv2d)   (N, 16, 8, 8)      2,320  down.1.relu
      down.1.relu_1 (ReLU)    (N, 16, 8, 8)          0  down.1.conv2
      up.0 (ConvTranspose2d)  (N, 8, 16, 16)       520  down.1.relu_1
      concat (Concat)         (N, 16, 16, 16)        0  up.0, down.0.relu_1
      fuse.0.conv1 (Conv2d)   (N, 8, 16, 16)     1,160  concat
      fuse.0.relu (ReLU)      (N, 8, 16, 16)         0  fuse.0.conv1
      fuse.0.conv2 (Conv2d)   (N, 8, 16, 16)       584  fuse.0.relu
      fuse.0.relu_1 (ReLU)    (N, 8, 16, 16)         0  fuse.0.conv2
      head (Conv2d)           (N, 1, 16, 16)         9  fuse.0.relu_1
      slice (Slice)           (N, 1, 15, 16)         0  head
      ═════════════════════════════════════════════════════════════════════
      Total parameters:        6,569
      Trainable parameters:    6,569
      Frozen parameters:       0
      Multiply-adds an image:  901,120 (at 15×16)
      Receptive field:         18×18 pixels
      Input sizes:             any; padded to multiples of 2 and cropped back (here to 16×16)"
    `);
  });

  it('is a tree of modules', () => {
    expect(formatModules(summary)).toMatchInlineSnapshot(`
      "unet: 6,569 parameters
      • down.0: <DoubleConv> #808 parameters
        • conv1: <Conv2d> #224 parameters
        • conv2: <Conv2d> #584 parameters
      • down.1: <DoubleConv> #3,488 parameters
        • conv1: <Conv2d> #1,168 parameters
        • conv2: <Conv2d> #2,320 parameters
      • up.0: <ConvTranspose2d> #520 parameters
      • fuse.0: <DoubleConv> #1,744 parameters
        • conv1: <Conv2d> #1,160 parameters
        • conv2: <Conv2d> #584 parameters
      • head: <Conv2d> #9 parameters"
    `);
    expect(formatModules(summary, 1).split('\n')).toHaveLength(6);
  });

  it('is a table of sizes', () => {
    expect(formatSizes(summary)).toMatchInlineSnapshot(`
      " Size  Down  Up
      15×16     3
      16×16     8   8
        8×8    16"
    `);
  });
});
