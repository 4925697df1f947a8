import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testImage, tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import { levelNames } from '../objects/index.js';
import type { OnnxModel } from '../onnx/index.js';
import { encodeModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { calibrate, Histogram } from './calibration.js';
import { calibrationGraph, coreGraph, exportGraph } from './export-graph.js';
import { inHalfPrecision } from './half-precision.js';
import { quantizedTensors, quantizeGraph } from './quantize.js';
import { Segmenter } from './segmenter.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ threads: 1 });
});
afterAll(() => runtime.close());

const images = { length: 3, get: async (i: number) => testImage(40 + i, 50) };

async function probabilities(model: OnnxModel): Promise<Float32Array> {
  const segmenter = await Segmenter.load(encodeModel(model), { runtime });
  const result = await segmenter.segment(testImage(44, 38), { probabilities: true });
  await segmenter.close();
  return result.probabilities!.data;
}

const meanDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;

const bytesOf = (model: OnnxModel): number =>
  model.graph.initializers.reduce((sum, { data }) => sum + data.length, 0);

describe.each([2, 3])('a file of %i classes', (classes) => {
  const card = tinyCard(classes);
  const { model, state } = tinyUNet(card, 7);

  it('in float16 has half the size and nearly the same results', async () => {
    const float32 = exportGraph(model, state, card);
    const float16 = exportGraph(model, state, card, { precision: 'float16' });
    expect(bytesOf(float16)).toBeLessThan(0.6 * bytesOf(float32));
    const difference = meanDifference(await probabilities(float16), await probabilities(float32));
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(2e-3);
  });

  it('in int8, calibrated on images, has nearly the same results', async () => {
    const floats = calibrationGraph(coreGraph(model, state, card), card);
    expect(
      meanDifference(await probabilities(floats.model), await probabilities(exportGraph(model, state, card))),
    ).toBeLessThan(1e-6);
    const progress: number[] = [];
    const ranges = await calibrate(floats.model, floats.tensors, runtime, images, {
      rule: 'min-max',
      onProgress: (done, total) => progress.push(done / total),
    });
    expect(progress.at(-1)).toBe(1);
    expect([...ranges.keys()]).toEqual(floats.tensors);
    const int8 = exportGraph(model, state, card, { precision: 'int8', ranges });
    const difference = meanDifference(await probabilities(int8), await probabilities(floats.model));
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(0.03);
    expect(() => exportGraph(model, state, card, { precision: 'int8' })).toThrow(/needs a range for/);
  });
});

it('keeps what separates objects in float16 and int8', async () => {
  const plain = tinyCard(2);
  const options = { ...plain.model.options, classes: levelNames(plain.classes).length };
  const card = { ...plain, model: { ...plain.model, options }, objects: true as const };
  const { model, state } = tinyUNet(card, 7);
  const separationOf = async (file: OnnxModel): Promise<Float32Array> => {
    const segmenter = await Segmenter.load(encodeModel(file), { runtime });
    const { separation } = await segmenter.run(testImage(44, 38), ['separation']);
    await segmenter.close();
    return separation!;
  };
  const float32 = await separationOf(exportGraph(model, state, card));
  const float16 = await separationOf(exportGraph(model, state, card, { precision: 'float16' }));
  const floats = calibrationGraph(coreGraph(model, state, card), card);
  const ranges = await calibrate(floats.model, floats.tensors, runtime, images, { rule: 'min-max' });
  const int8 = await separationOf(exportGraph(model, state, card, { precision: 'int8', ranges }));
  expect(Math.max(...float32) - Math.min(...float32)).toBeGreaterThan(0.2);
  expect(meanDifference(float16, float32)).toBeGreaterThan(0);
  expect(meanDifference(float16, float32)).toBeLessThan(2e-3);
  expect(meanDifference(int8, float32)).toBeGreaterThan(0);
  expect(meanDifference(int8, float32)).toBeLessThan(0.03);
});

describe('quantisation', () => {
  const card = tinyCard(2);
  const { model, state } = tinyUNet(card, 7);
  const { graph } = exportGraph(model, state, card, { bare: true });

  it('rounds weights to 7 bits per filter, and biases to the product of the scales', () => {
    const { graph: core } = exportGraph(model, state, card, { bare: true });
    const ranges = new Map(quantizedTensors(core).map((name) => [name, { least: -1, most: 3 }]));
    const quantized = quantizeGraph(core, ranges);
    const constants = new Map(quantized.initializers.map((tensor) => [tensor.name, tensor]));
    const read = (name: string, Type: typeof Float32Array | typeof Int8Array | typeof Int32Array) =>
      new Type(constants.get(name)!.data.slice().buffer);
    const convolution = core.nodes.find((node) => node.opType === 'Conv')!;
    const [input, weight, bias] = convolution.inputs as [string, string, string | undefined];
    expect(read(`${input}/scale`, Float32Array)[0]).toBeCloseTo(4 / 255, 6);
    expect(constants.get(`${input}/zero_point`)!.data[0]).toBe(64);
    const before = core.initializers.find(({ name }) => name === weight)!;
    const values = new Float32Array(before.data.slice().buffer);
    const [scales, whole] = [read(`${weight}/scale`, Float32Array), read(`${weight}/int8`, Int8Array)];
    const inner = values.length / scales.length;
    whole.forEach((value, i) => {
      const scale = scales[Math.floor(i / inner)]!;
      expect(Math.abs(value)).toBeLessThanOrEqual(63);
      expect(Math.abs(value * scale - values[i]!)).toBeLessThanOrEqual(scale / 2 + 1e-6);
    });
    if (bias !== undefined) {
      const own = new Float32Array(core.initializers.find(({ name }) => name === bias)!.data.slice().buffer);
      const rounded = read(`${convolution.name}/bias`, Int32Array);
      rounded.forEach((value, c) => expect(value * scales[c]! * (4 / 255)).toBeCloseTo(own[c]!, 4));
    }
  });

  it("does not round the graph's outputs", () => {
    expect(quantizedTensors(graph)).not.toContain('logits');
    expect(quantizedTensors(graph)).toContain('input');
  });

  it('clips rare outliers', () => {
    const histogram = new Histogram();
    histogram.add(Float32Array.from({ length: 100_000 }, (_, i) => Math.sin(i) + 1));
    histogram.add(Float32Array.of(40));
    expect(histogram.range('min-max').most).toBe(40);
    const { least, most } = histogram.range('mse');
    expect(least).toBe(0);
    expect(most).toBeGreaterThan(1.9);
    expect(most).toBeLessThan(39);
    const even = new Histogram();
    even.add(Float32Array.from({ length: 10_000 }, (_, i) => i / 5000 - 1));
    expect(even.range('mse').most).toBeGreaterThan(0.95);
  });

  it('in float16 rejects weights out of range', () => {
    const huge = { ...graph.initializers[0]!, data: new Uint8Array(Float32Array.of(1e6).buffer), dims: [1] };
    expect(() => inHalfPrecision({ ...graph, initializers: [huge] })).toThrow(
      /1000000, which is outside the range of float16/,
    );
  });
});
