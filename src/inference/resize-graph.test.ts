import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testImage } from '../../test/inference/tiny-model.js';
import { resizeImage, resizePlanes } from '../images/resize.js';
import { encodeModel, GraphBuilder, IR_VERSION, OPSET } from '../onnx/index.js';
import { resizePixelsTo, resizePlanesTo } from './resize-graph.js';

/** A graph of two resizes, with all four sizes as inputs. */
async function resizeSession(): Promise<ort.InferenceSession> {
  const writer = new GraphBuilder('test');
  const from = { height: 'h', width: 'w' };
  const to = { height: 'H', width: 'W' };
  resizePixelsTo(writer, 'pixels', 3, from, to);
  const planes = writer.nodes.at(-1)!.outputs[0]!;
  const sizes = ['h', 'w', 'H', 'W'].map((name) => ({ name, dataType: 'int32', dims: [] }) as const);
  return ort.InferenceSession.create(
    encodeModel({
      irVersion: IR_VERSION,
      producerName: '',
      producerVersion: '',
      opsets: { '': OPSET },
      metadata: {},
      graph: {
        name: 'resize',
        nodes: writer.nodes,
        initializers: writer.initializers,
        inputs: [...sizes, { name: 'pixels', dataType: 'float32', dims: [1, 'h', 'w', 3] }],
        outputs: [{ name: planes, dataType: 'float32', dims: [1, 3, 'H', 'W'] }],
      },
    }),
    { intraOpNumThreads: 1 },
  );
}

/** A graph that resizes planes of a fixed size to any size. */
async function planesSession(height: number, width: number): Promise<ort.InferenceSession> {
  const writer = new GraphBuilder('test');
  resizePlanesTo(writer, 'planes', { height, width }, { height: 'H', width: 'W' }, 'resized');
  const sizes = ['H', 'W'].map((name) => ({ name, dataType: 'int32', dims: [] }) as const);
  return ort.InferenceSession.create(
    encodeModel({
      irVersion: IR_VERSION,
      producerName: '',
      producerVersion: '',
      opsets: { '': OPSET },
      metadata: {},
      graph: {
        name: 'resize',
        nodes: writer.nodes,
        initializers: writer.initializers,
        inputs: [...sizes, { name: 'planes', dataType: 'float32', dims: [1, 2, height, width] }],
        outputs: [{ name: 'resized', dataType: 'float32', dims: [1, 2, 'H', 'W'] }],
      },
    }),
    { intraOpNumThreads: 1 },
  );
}

const int32 = (value: number) => new ort.Tensor('int32', Int32Array.of(value), []);

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

describe('resizing inside a graph', () => {
  let session: ort.InferenceSession;
  beforeAll(async () => {
    session = await resizeSession();
  });
  afterAll(() => session.release());

  /** For an image with values 0 … 1. */
  async function difference(h: number, w: number, H: number, W: number): Promise<number> {
    const image = testImage(w, h);
    const pixels = Float32Array.from(image.data, (value) => value / 255);
    const sizes = { h: int32(h), w: int32(w), H: int32(H), W: int32(W) };
    const results = await session.run({ ...sizes, pixels: new ort.Tensor('float32', pixels, [1, h, w, 3]) });
    const [result] = Object.values(results);
    expect(result!.dims).toEqual([1, 3, H, W]);
    return furthest(result!.data as Float32Array, resizeImage(image, W, H, 1 / 255).data);
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
  ])('%i×%i to %i×%i is the resize of training', async (h, w, H, W) => {
    expect(await difference(h, w, H, W)).toBeLessThan(1e-5);
  });

  it('equals the resizing in training, for any sizes', async () => {
    const side = fc.integer({ min: 1, max: 90 });
    await fc.assert(
      fc.asyncProperty(side, side, side, side, async (h, w, H, W) => {
        expect(await difference(h, w, H, W)).toBeLessThan(1e-5);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('stays exact for sides of tens of thousands of pixels', async () => {
    expect(await difference(40_001, 2, 255, 2)).toBeLessThan(1e-5);
    expect(await difference(2, 39_999, 2, 256)).toBeLessThan(1e-5);
    expect(await difference(2, 256, 2, 39_999)).toBeLessThan(1e-5);
  });

  it.each([
    [16, 16, 16, 16],
    [16, 16, 75, 41],
    [9, 24, 5, 100],
    [24, 9, 100, 5],
  ])('planes of %i×%i to %i×%i likewise', async (height, width, H, W) => {
    const planes = await planesSession(height, width);
    const image = testImage(width, height, 2);
    const data = Float32Array.from({ length: 2 * height * width }, (_, i) => image.data[i]! / 255);
    const feeds = {
      H: int32(H),
      W: int32(W),
      planes: new ort.Tensor('float32', data, [1, 2, height, width]),
    };
    const { resized } = await planes.run(feeds);
    const expected = resizePlanes({ width, height, channels: 2, data }, W, H);
    expect(furthest(resized!.data as Float32Array, expected.data)).toBeLessThan(1e-5);
    await planes.release();
  });
});
