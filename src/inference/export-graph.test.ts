import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import {
  Brightness,
  brightnessCard,
  testImage,
  tinyCard,
  tinyUNet,
} from '../../test/inference/tiny-model.js';
import { standardize, stretchToRange } from '../data/normalization.js';
import type { Raster } from '../images/raster.js';
import { resizeImage, resizePlanes } from '../images/resize.js';
import { PORTABLE, WEBGPU } from '../graph/index.js';
import { createModel, UNet } from '../models/index.js';
import { ModelState } from '../nn/index.js';
import type { OnnxModel } from '../onnx/index.js';
import { decodeModel, encodeModel } from '../onnx/index.js';
import { LOGITS } from '../models/prediction-graph.js';
import { exportGraph, MASK, withOutputs } from './export-graph.js';
import type { ModelCard } from './model-card.js';
import { parseCard } from './model-card.js';

const open = (model: OnnxModel) => ort.InferenceSession.create(encodeModel(model), { intraOpNumThreads: 1 });

function imageTensor({ data, height, width, channels }: Raster): ort.Tensor {
  const dims = [1, height, width, channels];
  return data instanceof Uint16Array
    ? new ort.Tensor('uint16', data, dims)
    : new ort.Tensor('uint8', data, dims);
}

/** The model's input as prepared in training. */
function trainingInput(image: Raster, card: ModelCard): Float32Array {
  const { data } = resizeImage(image, card.width, card.height, 1 / card.maxValue);
  if (card.normalization.kind === 'per-image') {
    stretchToRange(data);
    return data;
  }
  const out = new Float32Array(data.length);
  standardize(data, card.normalization, out, 0);
  return out;
}

/** Probabilities of all classes at the size of the image, by the bare model and the code used in training. */
async function expectedProbabilities(image: Raster, card: ModelCard, bare: ort.InferenceSession) {
  const { channels, height, width } = card;
  const feed = new ort.Tensor('float32', trainingInput(image, card), [1, channels, height, width]);
  const logits = (await bare.run({ input: feed })).logits!;
  const values = logits.data as Float32Array;
  const plane = height * width;
  const classes = card.classes.length;
  const data = new Float32Array(classes * plane);
  for (let i = 0; i < plane; i++) {
    if (logits.dims[1] === 1) {
      data[plane + i] = 1 / (1 + Math.exp(-values[i]!));
      data[i] = 1 - data[plane + i]!;
      continue;
    }
    const powers = Array.from({ length: classes }, (_, k) => Math.exp(values[k * plane + i]!));
    const sum = powers.reduce((a, b) => a + b);
    powers.forEach((power, k) => (data[k * plane + i] = power / sum));
  }
  return resizePlanes({ channels: classes, height, width, data }, image.width, image.height).data;
}

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

const CASES: readonly (readonly [string, ModelCard])[] = [
  ['two classes, one logit', tinyCard(2, { threshold: 0.4 })],
  ['four classes', tinyCard(4)],
  ['per-image range', tinyCard(3, { normalization: { kind: 'per-image', name: 'per-image' } })],
  [
    'one channel of 16 bits, not square',
    tinyCard(2, { channels: 1, maxValue: 65535, height: 24, width: 40 }),
  ],
];

describe('an exported file', () => {
  it.each(CASES)('%s: agrees with training, at the size of the image', async (_, card) => {
    // With these seeds, the untrained weights predict more than one class.
    const { model, state } = tinyUNet(card, card.threshold === undefined ? 9 : 7);
    const session = await open(exportGraph(model, state, card));
    const bare = await open(exportGraph(model, state, card, { bare: true }));
    for (const [width, height] of [
      [77, 45],
      [32, 32],
      [19, 90],
    ] as const) {
      const image = testImage(width, height, card.channels, card.maxValue);
      const { mask, probabilities } = await session.run({ image: imageTensor(image) });
      expect([mask!.type, ...mask!.dims]).toEqual(['uint8', 1, height, width]);
      expect(probabilities!.dims).toEqual([1, card.classes.length, height, width]);
      const given = probabilities!.data as Float32Array;
      expect(furthest(given, await expectedProbabilities(image, card, bare))).toBeLessThan(2e-5);
      const plane = height * width;
      const chosen = Uint8Array.from({ length: plane }, (_, i) => {
        const all = card.classes.map((_, k) => given[k * plane + i]!);
        return all.length === 2 ? Number(all[1]! >= (card.threshold ?? 0.5)) : all.indexOf(Math.max(...all));
      });
      expect(Buffer.from(mask!.data as Uint8Array).equals(chosen)).toBe(true);
      // A mask with a single class would be a weak test.
      expect(new Set(chosen).size).toBeGreaterThan(1);
    }
    await Promise.all([session.release(), bare.release()]);
  });

  it('of a SegNet uses no pooling indices if the target has none, with equal results', async () => {
    const model = createModel('segnet', { classes: 3, width: 4, stages: 2 });
    const card = tinyCard(3, { model: { name: 'segnet', options: {} } });
    const state = ModelState.initialize(model, 5);
    const image = imageTensor(testImage(40, 33, 3, card.maxValue));
    const [wanted, got] = await Promise.all(
      [PORTABLE, WEBGPU].map(async (target) => {
        const graph = exportGraph(model, state, card, { target });
        const indexed = graph.graph.nodes.filter(
          ({ opType, outputs }) => opType === 'MaxPool' && outputs.length > 1,
        );
        expect(indexed.length > 0).toBe(target.indexedPooling);
        const session = await open(graph);
        const { probabilities } = await session.run({ image });
        await session.release();
        return probabilities!.data as Float32Array;
      }),
    );
    expect(furthest(got!, wanted!)).toBeLessThan(1e-6);
  });

  it('gives finite values for a constant image with a per-image range', async () => {
    const card = CASES[2]![1];
    const { model, state } = tinyUNet(card);
    const session = await open(exportGraph(model, state, card));
    const image = { width: 9, height: 9, channels: 3, data: new Uint8Array(243).fill(80) };
    const { probabilities } = await session.run({ image: imageTensor(image) });
    expect((probabilities!.data as Float32Array).every((p) => p >= 0 && p <= 1)).toBe(true);
    await session.release();
  });

  it.each([
    [45, 77],
    [32, 32],
  ])('of a fixed size %i×%i gives the same', async (height, width) => {
    const card = tinyCard(3);
    const { model, state } = tinyUNet(card);
    const free = await open(exportGraph(model, state, card));
    const fixed = await open(exportGraph(model, state, card, { size: { height, width } }));
    const feeds = { image: imageTensor(testImage(width, height)) };
    const a = (await free.run(feeds)).probabilities!.data as Float32Array;
    const b = (await fixed.run(feeds)).probabilities!.data as Float32Array;
    expect(furthest(a, b)).toBeLessThan(1e-6);
    await expect(fixed.run({ image: imageTensor(testImage(width + 1, height)) })).rejects.toThrow();
    await Promise.all([free.release(), fixed.release()]);
  });

  it('contains its card, and uses opset 17, IR 8 and standard operators', () => {
    const card = tinyCard(2, { threshold: 0.3, license: 'own', scores: { meanIoU: 0.9 } });
    const { model, state } = tinyUNet(card);
    for (const bare of [false, true]) {
      const file = decodeModel(encodeModel(exportGraph(model, state, card, { bare })));
      expect(parseCard(file.metadata.pixelwise, 'm.onnx')).toEqual(card);
      expect([file.irVersion, file.opsets]).toEqual([8, { '': 17 }]);
      expect(file.graph.nodes.every((node) => node.domain === '')).toBe(true);
    }
  });

  it("does not change the model's mode", () => {
    const card = tinyCard(2);
    const { model, state } = tinyUNet(card);
    model.down[0]!.freeze();
    const modes = () => [...model.namedModules()].map(([, module]) => module.training);
    const before = modes();
    exportGraph(model, state, card);
    expect(modes()).toEqual(before);
  });

  it('is rejected if model and card, or weights and model, do not match', () => {
    const card = tinyCard(3);
    const { model, state } = tinyUNet(card);
    expect(() => exportGraph(model, state, tinyCard(4))).toThrow(/1×3×32×32; for 4 classes/);
    const other = ModelState.initialize(new UNet({ classes: 3, width: 8, depth: 2, batchNorm: true }), 1);
    expect(() => exportGraph(model, other.stateDict(), card)).toThrow(/does not fit the model/);
    expect(() => exportGraph(model, state, card, { size: { height: 0, width: 5 } })).toThrow(
      /whole numbers, 1 or more/,
    );
  });

  it('accepts no image size if it is bare', () => {
    const card = tinyCard(3);
    const { model, state } = tinyUNet(card);
    const size = { height: 30, width: 40 };
    expect(() => exportGraph(model, state, card, { bare: true, size })).toThrow(/32×32; omit the size/);
    exportGraph(model, state, card, { bare: true, size: 'free' });
  });

  it('can output internal values', async () => {
    const card = tinyCard(3);
    const { model, state } = tinyUNet(card);
    const whole = exportGraph(model, state, card);
    const dims = [1, 3, 32, 32];
    const cut = withOutputs(whole, [{ name: LOGITS, dataType: 'float32', dims }]);
    expect(cut.graph.nodes.length).toBeLessThan(whole.graph.nodes.length);
    const session = await open(cut);
    expect(session.outputNames).toEqual([LOGITS]);
    const { logits } = await session.run({ image: imageTensor(testImage(50, 40)) });
    expect(logits!.dims).toEqual(dims);
    await session.release();
  });
});

describe('an edge in the image', () => {
  // Source sizes from 0.3 to 3 times the model's.
  const sizes = [0.3, 0.5, 0.7, 0.9, 1, 1.1, 1.5, 2, 2.3, 2.7, 3].map((factor) => Math.round(40 * factor));

  it.each(sizes)('is found in its place, in an image of %i pixels for a model of 40', async (size) => {
    const card = brightnessCard(40, 40);
    const model = new Brightness();
    const session = await open(exportGraph(model, new ModelState(model), card));
    const shifts: number[] = [];
    for (let edge = 2; edge <= size - 2; edge++) {
      const data = new Uint8Array(size * size);
      for (let i = 0; i < data.length; i++) data[i] = i % size >= edge ? 255 : 0;
      const upright = { width: size, height: size, channels: 1, data };
      const turned = {
        ...upright,
        data: data.map((_, i) => data[(i % size) * size + Math.floor(i / size)]!),
      };
      for (const [image, along] of [
        [upright, 1],
        [turned, size],
      ] as const) {
        const mask = (await session.run({ image: imageTensor(image) }, [MASK])).mask!.data as Uint8Array;
        // All rows (or columns) are equal: first pixels of class 0, then only class 1.
        const line = Array.from({ length: size }, (_, i) => mask[i * along]!);
        const found = line.indexOf(1);
        expect(line.every((value, i) => value === Number(i >= found))).toBe(true);
        shifts.push(found - edge);
      }
    }
    // An image no larger than the model's size keeps every edge; a larger one loses up to half a model pixel.
    const scale = size / 40;
    expect(Math.max(...shifts.map(Math.abs))).toBeLessThanOrEqual(scale <= 1 ? 0 : Math.ceil(scale / 2));
    const mean = shifts.reduce((a, b) => a + b) / shifts.length;
    expect(Math.abs(mean)).toBeLessThan(0.25);
    await session.release();
  });
});
