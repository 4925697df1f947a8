import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testImage, tinyCard } from '../../test/inference/tiny-model.js';
import { node, tinyEncoder, tinyTransformer, withNodes } from '../../test/models/tiny-encoder.js';
import type { Tensor } from '../graph/index.js';
import { conv2d, gradients, input, resize, sum } from '../graph/index.js';
import { exportGraph } from '../inference/export-graph.js';
import { Segmenter } from '../inference/segmenter.js';
import { crossEntropy, ModelState } from '../nn/index.js';
import type { OnnxModel } from '../onnx/index.js';
import { decodeModel, encodeModel } from '../onnx/index.js';
import { Adam } from '../optim/index.js';
import { Random } from '../random/index.js';
import type { Runtime } from '../runtime/index.js';
import { Program } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { Learner } from '../training/index.js';
import { formatSummary, OnnxEncoder, OnnxEncoderUNet, summarize } from './index.js';

const taps = ['act1', 'act2', 'act3'];
const size = { height: 32, width: 48 };
const noise = (length: number, seed = 1) => {
  const random = new Random(seed, 'pixels');
  return Float32Array.from({ length }, () => random.normal());
};

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

const measure = (model: OnnxModel, changes: object = {}) =>
  OnnxEncoder.measure(model, { taps, size, source: 'tiny.onnx', ...changes }, runtime);

/** The file's tensors, computed by ONNX Runtime alone, one image at a time. */
async function tapped(model: OnnxModel, images: Float32Array, shape: readonly number[]) {
  const outputs = taps.map((name) => ({ name, dataType: 'float32' as const, dims: undefined }));
  const inputs = [{ name: 'image', dataType: 'float32' as const, dims: undefined }];
  const graph = { ...model.graph, inputs, outputs };
  const session = await ort.InferenceSession.create(encodeModel({ ...model, graph }));
  const [n, ...rest] = shape as [number, ...number[]];
  const each = images.length / n;
  const maps: Record<string, number[]> = {};
  for (let i = 0; i < n; i++) {
    const image = new ort.Tensor('float32', images.slice(i * each, (i + 1) * each), [1, ...rest]);
    const results = await session.run({ image });
    for (const name of taps) (maps[name] ??= []).push(...(results[name]!.data as Float32Array));
  }
  await session.release();
  return maps;
}

describe('an encoder from an ONNX file', () => {
  it.each([
    ['the measured size, another batch', [3, 3, 32, 48]],
    ['another size', [1, 3, 24, 16]],
  ] as const)("outputs the file's tensors: %s", async (_, shape) => {
    const file = decodeModel(encodeModel(tinyEncoder()));
    const encoder = await measure(file);
    expect(encoder.widths).toEqual([3, 6, 8, 10]);
    const again = new OnnxEncoder(file, encoder.taps);
    expect(again.widths).toEqual(encoder.widths);

    const image = input('image', shape);
    // Two encoders in one graph have no names in common.
    const outputs = Object.fromEntries(
      [encoder, again].flatMap((one, k) => one.maps(image).map((map, i) => [`${k} ${i}`, map!])),
    );
    const program = await Program.compile({ inputs: [image], outputs }, runtime);
    const pixels = noise(image.size);
    const results = await program.evaluate({ image: pixels });
    const expected = await tapped(file, pixels, shape);
    for (const k of [0, 1]) {
      expect(results[`${k} 0`]).toEqual(pixels);
      for (const [i, name] of taps.entries()) {
        const map = results[`${k} ${i + 1}`] as Float32Array;
        expect(map.length).toBe(expected[name]!.length);
        const furthest = map.reduce((most, v, j) => Math.max(most, Math.abs(v - expected[name]![j]!)), 0);
        expect(furthest).toBeLessThan(1e-5);
      }
    }
    await program.release();
  });

  it.each([
    [14, 'tokens', [3, 0, 0, 0, 5]],
    [16, 'patches', [3, 0, 0, 0, 5]],
    [8, 'tokens', [3, 0, 0, 5]],
  ] as const)('has one map of a transformer with patches of %i pixels: %s', async (patch, tap, widths) => {
    const file = tinyTransformer(patch);
    const measured = await measure(file, { taps: [tap], size: { height: 30, width: 48 } });
    const encoder = new OnnxEncoder(file, measured.taps, { patches: measured.patches! });
    expect(encoder.widths).toEqual(widths);
    expect(encoder.patches).toEqual({ size: patch, prefix: tap === 'tokens' ? 2 : -1 });

    const image = input('image', [2, 3, 32, 48]);
    const scale = 2 ** (widths.length - 1);
    const resized = resize(image, [(32 / scale) * patch, (48 / scale) * patch], { mode: 'bilinear' });
    const weight = input('weight', [5, 3, patch, patch]);
    const expected = conv2d(resized, weight, undefined, { stride: patch });
    const map = encoder.maps(image).at(-1)!;
    expect(map.shape).toEqual(expected.shape);
    const program = await Program.compile({ inputs: [image, weight], outputs: { map, expected } }, runtime);
    const data = file.graph.initializers[0]!.data.slice().buffer;
    const results = await program.evaluate({ image: noise(image.size), weight: new Float32Array(data) });
    const wanted = results.expected as Float32Array;
    const furthest = (results.map as Float32Array).reduce(
      (most, v, i) => Math.max(most, Math.abs(v - wanted[i]!)),
      0,
    );
    expect(furthest).toBeLessThan(1e-5);
    await program.release();

    const { output } = summarize(new OnnxEncoderUNet(encoder, { classes: 4 }), { height: 33, width: 50 });
    expect(output).toEqual([null, 4, 33, 50]);
  });

  it('says what the tokens of a transformer must be', async () => {
    const wrong = tinyTransformer(16);
    await expect(measure(wrong, { taps: ['mean'] })).rejects.toThrow(
      'tap "mean" has the shape 2×1×5 for images of 2×3×32×48, cut into 2×3 patches; it must be 2×tokens×channels with at least 6 tokens, or 2×channels×2×3',
    );
  });

  it('copies only the nodes that the taps depend on', async () => {
    const file = tinyEncoder();
    const broken = withNodes(file, node('Reshape', 'pooled nowhere', 'classes'));
    expect((await measure(broken, { taps: ['act1', 'act2'] })).widths).toEqual([3, 6, 8]);
  });

  it('accepts another opset if its operators have not changed', async () => {
    const widths = [3, 6, 8, 10];
    for (const opset of [11, 12, 14, 17, 18, 22]) {
      expect((await measure(tinyEncoder({ opsets: { '': opset } }))).widths).toEqual(widths);
    }
    const old = tinyEncoder({ opsets: { '': 9 } });
    await expect(measure(old)).rejects.toThrow(
      'tiny.onnx: Clip ("act1") of opset 9 may differ from opset 17; supported are files of opset 13 to 17',
    );
    await expect(measure(tinyEncoder({ opsets: { '': 25 } }))).rejects.toThrow(/opset 25/);
    const softmax = (opset: number) =>
      withNodes(tinyEncoder({ opsets: { '': opset } }), node('Softmax', 'conv3', 'act3'));
    await expect(measure(softmax(12))).rejects.toThrow(/Softmax \("act3"\) of opset 12/);
    expect((await measure(softmax(13))).widths).toEqual(widths);
  });

  it.each<[string, () => OnnxModel, object, RegExp]>([
    [
      'a tap that does not exist',
      tinyEncoder,
      { taps: ['act1', 'act2', 'act4'] },
      /^tiny\.onnx: there is no tensor "act4"; its 10 tensors include "act1", "act2", "act3", "/,
    ],
    ['no taps', tinyEncoder, { taps: [] }, /needs 1 to 5 different taps; got 0: none/],
    ['a repeated tap', tinyEncoder, { taps: ['act1', 'act1'] }, /1 to 5 different taps; got 2/],
    [
      'sizes that do not halve',
      tinyEncoder,
      { taps: ['act1', 'full2', 'act3'] },
      /tap "full2" has the shape 2×8×16×24 for images of 2×3×32×48; tap 2 of 3 must have the shape 2×channels×8×12/,
    ],
    [
      'taps in the wrong order',
      tinyEncoder,
      { taps: ['act2', 'act1'] },
      /tap "act2" has the shape 2×8×8×12 .* tap 1 of 2 must have the shape 2×channels×16×24, .* the largest first/,
    ],
    [
      'a tap that is not a feature map',
      tinyEncoder,
      { taps: ['pooled'] },
      /tap "pooled" has the shape 2×10×1×1/,
    ],
    [
      'a tap that depends on more than the image',
      () => withNodes(tinyEncoder(), node('Reshape', 'conv3 fixed', 'act3')),
      {},
      /^tiny\.onnx: the taps must depend on the image "image" only; they also depend on "fixed"/,
    ],
    ['another input', tinyEncoder, { input: 'data' }, /there is no input "data"; its inputs are "image"/],
    ['other channels', tinyEncoder, { channels: 1 }, /takes float32 1×3×224×224; images are .*×1×height/],
    [
      'a non-standard operator',
      () => withNodes(tinyEncoder(), { ...node('Gelu', 'conv3', 'act3'), domain: 'com.microsoft' }),
      {},
      /Gelu \("act3"\) belongs to the operator set "com\.microsoft"/,
    ],
    [
      'batch norm in training mode',
      () =>
        withNodes(
          tinyEncoder({ opsets: { '': 15 } }),
          node('BatchNormalization', 'conv1 gamma beta mean var', 'norm1', {
            training_mode: { type: 'int', value: 1 },
          }),
        ),
      {},
      /BatchNormalization \("norm1"\) is in training mode; export the encoder in evaluation mode/,
    ],
    [
      'a subgraph',
      () =>
        withNodes(
          tinyEncoder(),
          node('If', 'conv3', 'act3', { then_branch: { type: 'graph', value: tinyEncoder().graph } }),
        ),
      {},
      /If \("act3"\) contains a subgraph/,
    ],
    [
      'an operator that does not run',
      () => withNodes(tinyEncoder(), node('Reluu', 'conv3', 'act3')),
      {},
      /^tiny\.onnx does not run on images of 2×3×32×48, a batch of 2 \(.*Reluu.*it must take any batch size/s,
    ],
  ])('refuses %s', async (_, file, changes, message) => {
    await expect(measure(file(), changes)).rejects.toThrow(message);
    await expect(measure(file(), changes)).rejects.toMatchObject({
      code: expect.stringMatching(/^(usage|shape|onnx)$/) as string,
    });
  });

  it('rejects a file with a fixed batch size', async () => {
    const fixed = tinyEncoder();
    const dims = new Uint8Array(BigInt64Array.of(1n, 10n, -1n, 6n).buffer);
    const graph = {
      ...fixed.graph,
      initializers: [
        ...fixed.graph.initializers,
        { name: 'fixed', dataType: 'int64' as const, dims: [4], data: dims },
      ],
    };
    const file = withNodes({ ...fixed, graph }, node('Reshape', 'conv3 fixed', 'act3'));
    await expect(measure(file)).rejects.toThrow(
      /tap "act3" has the shape 1×10×8×6 for images of 2×3×32×48: its graph has a fixed batch size; export it with a dynamic batch axis/,
    );
  });
});

describe('a U-Net with an ONNX encoder', () => {
  const model = async () => new OnnxEncoderUNet(await measure(tinyEncoder()), { classes: 3 });

  it('trains only the decoder', async () => {
    const unet = await model();
    const summary = summarize(unet, { height: 37, width: 50 });
    const { parameters, output } = summary;
    // The multiply-adds of the file's nodes are unknown, and the summary marks the layer.
    expect(summary.layers.filter(({ uncounted }) => uncounted).map(({ name }) => name)).toHaveLength(1);
    expect(formatSummary(summary)).toMatch(/Multiply-adds an image.*at 37×50; not counted: foreign/);
    expect(output).toEqual([null, 3, 37, 50]);
    expect(parameters.frozen).toBe(0);
    const image = input('image', [1, 3, 32, 48]);
    const [gradient] = gradients(sum(unet.encoder.maps(image)[3] as Tensor), [image]);
    expect(gradient!.node.operator.name).toBe('broadcastTo');

    const adam = (p: ConstructorParameters<typeof Adam>[0]) => new Adam(p, { lr: 3e-3 });
    const learner = new Learner({ model: unet, loss: crossEntropy(), optimizer: adam, runtime, seed: 1 });
    const images = noise(2 * 3 * 32 * 48);
    const masks = Uint8Array.from({ length: 2 * 32 * 48 }, (_, i) => (i % 48 < 20 ? 0 : i % 48 < 40 ? 1 : 2));
    const batch = { ids: ['a', 'b'], size: 2, channels: 3, height: 32, width: 48, images, masks };
    const losses: number[] = [];
    for (let step = 0; step < 12; step++) {
      losses.push((await learner.backward(batch)).loss);
      await learner.step();
    }
    expect(losses.at(-1)!).toBeLessThan(0.8 * losses[0]!);
    await learner.close();
  });

  it("is exported with the encoder inside, and the file outputs the model's masks", async () => {
    const unet = await model();
    const state = ModelState.initialize(unet, 4);
    const card = tinyCard(3, { ...size, model: { name: 'onnx-unet', options: {} } });
    const file = exportGraph(unet, state, card);
    expect(file.opsets).toEqual({ '': 17 });
    const bytes = encodeModel(file);
    const image = testImage(61, 45);
    const session = await ort.InferenceSession.create(bytes.slice());
    const feed = new ort.Tensor('uint8', image.data as Uint8Array, [1, 45, 61, 3]);
    const { mask } = await session.run({ image: feed });
    await session.release();
    const segmenter = await Segmenter.load(bytes, { runtime });
    const result = await segmenter.segment(image);
    await segmenter.close();
    expect(Buffer.from(mask!.data as Uint8Array).equals(result.mask.data)).toBe(true);
    expect(new Set(result.mask.data).size).toBeGreaterThan(1);

    // The file outputs the same values as the training graph.
    const images = input('input', [1, 3, 32, 48]);
    const logits = unet.eval().forward(images);
    const inputs = [images, ...state.slots.map(({ leaf }) => leaf)];
    const program = await Program.compile({ inputs, outputs: { logits } }, runtime);
    const pixels = noise(images.size);
    const values = Object.fromEntries(state.slots.map((slot) => [slot.name, state.values(slot)]));
    const ours = (await program.evaluate({ input: pixels, ...values })).logits as Float32Array;
    await program.release();
    const bare = await ort.InferenceSession.create(
      encodeModel(exportGraph(unet, state, card, { bare: true })),
    );
    const theirs = (await bare.run({ input: new ort.Tensor('float32', pixels, [1, 3, 32, 48]) })).logits!;
    await bare.release();
    const deviation = ours.map((v, i) => Math.abs(v - (theirs.data as Float32Array)[i]!));
    expect(Math.max(...deviation)).toBeLessThan(1e-5);
  });
});
