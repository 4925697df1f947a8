import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { testImage } from '../../test/inference/tiny-model.js';
import type { Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { resizeImage, resizePlanes } from '../images/resize.js';
import { encodeModel, GraphBuilder, int, modelOf } from '../onnx/index.js';
import { resizePixelsTo, resizePlanesTo } from './resize-graph.js';

/** A session of a graph with one input, `values` (float32), and one output. */
function sessionOf(writer: GraphBuilder, dims: readonly (number | string)[], output: string) {
  const graph = {
    name: 'resize',
    nodes: writer.nodes,
    initializers: writer.initializers,
    inputs: [{ name: 'values', dataType: 'float32', dims }],
    outputs: [{ name: output, dataType: 'float32', dims: undefined }],
  } as const;
  return ort.InferenceSession.create(encodeModel(modelOf(graph)), { intraOpNumThreads: 1 });
}

/** Resizes 0 … 1 pixels of any size to a fixed one. */
async function resizedPixels(image: Raster, width: number, height: number): Promise<ort.Tensor> {
  const writer = new GraphBuilder('test');
  const shape = writer.emit('Shape', ['values']);
  const side = (axis: number) => writer.emit('Gather', [shape, writer.int64(axis)], { axis: int(0) });
  const from = { height: side(1), width: side(2) };
  const convert = (pixels: string) => writer.emit('Div', [pixels, writer.scalar(255)]);
  const output = resizePixelsTo(writer, 'values', image.channels, from, { height, width }, convert);
  const session = await sessionOf(writer, [1, 'h', 'w', image.channels], output);
  const dims = [1, image.height, image.width, image.channels];
  const results = await session.run({
    values: new ort.Tensor('float32', Float32Array.from(image.data), dims),
  });
  await session.release();
  return results[output]!;
}

/** Resizes planes of a fixed size to any size, given as the rows and columns of `values`. */
async function resizedPlanes(planes: Planes, width: number, height: number): Promise<ort.Tensor> {
  const writer = new GraphBuilder('test');
  const shape = writer.emit('Shape', ['values']);
  const side = (axis: number) => writer.emit('Gather', [shape, writer.int64(axis)], { axis: int(0) });
  const dims = [1, planes.channels, planes.height, planes.width];
  const data = writer.constant(planes.data, dims, 'float32');
  const to = { height: side(0), width: side(1) };
  const strips = resizePlanesTo(writer, data, planes.channels, planes, to);
  const output = writer.emit('Concat', strips, { axis: int(2) });
  const session = await sessionOf(writer, ['H', 'W'], output);
  const values = new ort.Tensor('float32', new Float32Array(height * width), [height, width]);
  const results = await session.run({ values });
  await session.release();
  return results[output]!;
}

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

describe('resizing inside a graph', () => {
  async function difference(h: number, w: number, H: number, W: number): Promise<number> {
    const image = testImage(w, h);
    const { dims, data } = await resizedPixels(image, W, H);
    expect(dims).toEqual([1, 3, H, W]);
    return furthest(data as Float32Array, resizeImage(image, W, H, 1 / 255).data);
  }

  async function planesDifference(h: number, w: number, H: number, W: number): Promise<number> {
    const image = testImage(w, h, 2);
    const data = Float32Array.from({ length: 2 * h * w }, (_, i) => image.data[i]! / 255);
    const planes = { width: w, height: h, channels: 2, data };
    const result = await resizedPlanes(planes, W, H);
    expect(result.dims).toEqual([1, 2, H, W]);
    return furthest(result.data as Float32Array, resizePlanes(planes, W, H).data);
  }

  it.each([
    [1, 1, 1, 1],
    [1, 1, 7, 5],
    [7, 5, 1, 1],
    [32, 32, 32, 32],
    [33, 31, 32, 32],
    [31, 33, 32, 32],
    [97, 13, 32, 64],
    [13, 97, 64, 32],
    [301, 1023, 32, 37],
    [5, 3, 129, 255],
    [1, 2000, 32, 32],
    [2000, 1, 32, 32],
    [6, 9, 7, 8],
  ])('%i×%i to %i×%i is the resize of training', async (h, w, H, W) => {
    expect(await difference(h, w, H, W)).toBeLessThan(1e-5);
  });

  it('equals the resizing in training, for any sizes', async () => {
    const side = fc.integer({ min: 1, max: 90 });
    await fc.assert(
      fc.asyncProperty(side, side, side, side, async (h, w, H, W) => {
        expect(await difference(h, w, H, W)).toBeLessThan(1e-5);
        expect(await planesDifference(h, w, H, W)).toBeLessThan(1e-5);
      }),
      { numRuns: 20, seed: 1 },
    );
  });

  it('stays exact for long sides, however large the model', async () => {
    expect(await difference(40_001, 2, 255, 2)).toBeLessThan(1e-5);
    expect(await difference(2, 39_999, 2, 256)).toBeLessThan(1e-5);
    // The product of the two sizes is beyond 2³¹.
    expect(await difference(2, 600_000, 2, 4096)).toBeLessThan(1e-5);
    expect(await planesDifference(2, 256, 2, 39_999)).toBeLessThan(1e-5);
  });

  it.each([
    [16, 16, 16, 16],
    [16, 16, 75, 41],
    [9, 24, 5, 100],
    [24, 9, 100, 5],
    [32, 32, 1, 3000],
    [32, 32, 3000, 1],
  ])('planes of %i×%i to %i×%i likewise', async (height, width, H, W) => {
    expect(await planesDifference(height, width, H, W)).toBeLessThan(1e-5);
  });
});
