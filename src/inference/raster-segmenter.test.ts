import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { testImage, tinyCard, tinyUNet } from '../../test/inference/tiny-model.js';
import { createWebRuntime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { exportGraph } from './export-graph.js';
import { RasterSegmenter } from './raster-segmenter.js';

describe('the core of inference', () => {
  it('imports no modules of Node', async () => {
    const entry = fileURLToPath(new URL('./raster-segmenter.ts', import.meta.url));
    // A browser build fails on the first import that a browser does not have.
    const result = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'esm',
      logLevel: 'silent',
      metafile: true,
    });
    const files = Object.keys(result.metafile.inputs);
    expect(files.filter((file) => /sharp|onnxruntime/.test(file))).toEqual([]);
  });

  it('predicts the same masks on WebAssembly', async () => {
    ort.env.wasm.numThreads = 1;
    const card = tinyCard(4);
    const { model, state } = tinyUNet(card);
    const file = exportGraph(model, state, card);
    const [native, web] = [await createNodeRuntime({ threads: 1 }), createWebRuntime(ort)];
    const [a, b] = [native, web].map((runtime) => new RasterSegmenter(file, runtime, 'tiny.onnx'));
    for (const [width, height] of [
      [70, 41],
      [20, 33],
    ] as const) {
      const image = testImage(width, height);
      const x = await a!.segment(image, { probabilities: true });
      const y = await b!.segment(image, { probabilities: true });
      const [p, q] = [x.probabilities!.data, y.probabilities!.data];
      expect(p.reduce((most, value, i) => Math.max(most, Math.abs(value - q[i]!)), 0)).toBeLessThan(1e-5);
      const differing = x.mask.data.filter((value, i) => value !== y.mask.data[i]).length;
      expect(differing).toBe(0);
    }
    await Promise.all([a!.close(), b!.close()]);
    await Promise.all([native.close(), web.close()]);
  });

  it('makes the mask of a very long image row by row, as the graph would', async () => {
    const card = tinyCard(2);
    const { model, state } = tinyUNet(card);
    const runtime = await createNodeRuntime({ threads: 1 });
    const segmenter = new RasterSegmenter(exportGraph(model, state, card), runtime, 'tiny.onnx');
    for (const [width, height] of [
      [33_000, 3],
      [2, 33_000],
    ] as const) {
      const image = testImage(width, height);
      const { probabilities } = await segmenter.run(image, ['probabilities']);
      // A threshold that some pixels are above and some below.
      const threshold = probabilities!.subarray(width * height).toSorted()[(width * height) >> 1]!;
      const { mask } = await segmenter.segment(image, { threshold });
      const whole = (await segmenter.run(image, ['mask'], { threshold })).mask!;
      const differing = whole.filter((value, i) => value !== mask.data[i]).length;
      expect(differing).toBeLessThanOrEqual(whole.length / 100);
      const share = whole.reduce((sum, value) => sum + value, 0) / whole.length;
      expect(Math.abs(share - 0.5)).toBeLessThan(0.1);
    }
    await segmenter.close();
    await runtime.close();
  });

  it('refuses to make a mask of numbers that are not finite, naming image and weight', async () => {
    const card = tinyCard(2);
    const { model, state } = tinyUNet(card);
    const { graph, ...rest } = exportGraph(model, state, card);
    const runtimes = [await createNodeRuntime({ threads: 1 }), createWebRuntime(ort)];
    const weights = graph.initializers.filter(
      ({ name, dataType }) => dataType === 'float32' && /bias/.test(name),
    );
    const { name } = weights.at(-1)!;
    for (const [value, runtime] of [NaN, Infinity].flatMap((v) => runtimes.map((r) => [v, r] as const))) {
      const initializers = graph.initializers.map((each) => {
        if (each.name !== name) return each;
        const data = each.data.slice();
        new DataView(data.buffer).setFloat32(0, value, true);
        return { ...each, data };
      });
      const segmenter = new RasterSegmenter(
        { ...rest, graph: { ...graph, initializers } },
        runtime,
        'bad.onnx',
      );
      for (const tile of [undefined, 16]) {
        await expect(segmenter.segment(testImage(20, 33), { tile }, 'a.png')).rejects.toMatchObject({
          code: 'non-finite',
          message: expect.stringContaining(
            `bad.onnx computes NaN or infinity instead of scores (its weight ${name} is not`,
          ),
        });
      }
      await segmenter.close();
    }
    await Promise.all(runtimes.map((runtime) => runtime.close()));
  });
});
