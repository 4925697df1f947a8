/**
 * Measures the fastest convolution rate (GFLOP/s) of this machine, as a reference for the rates of whole steps.
 *
 * The shapes are a fixed list, most of them from the U-Net. Each one is measured as a chain of equal convolutions
 * with constant weights, for which ONNX Runtime uses its fastest (blocked) layout. The conversion of the image to
 * that layout and back happens once per chain, so it costs little.
 */
import type { Tensor } from '../graph/index.js';
import { conv2d, input, lowerGraph, PORTABLE } from '../graph/index.js';
import type { OnnxTensor } from '../onnx/index.js';
import { encodeModel } from '../onnx/index.js';
import { Random } from '../random/index.js';
import type { Runtime } from '../runtime/index.js';
import { transferredView } from '../runtime/index.js';
import { median } from '../training/index.js';
import { timeRepeats } from './timing.js';

export interface ConvolutionShape {
  readonly batch: number;
  /** Channels in and out. */
  readonly channels: number;
  /** Height and width of the planes. */
  readonly size: number;
  /** Height and width of the kernel. */
  readonly kernel: number;
}

/** Measured in this order. Same padding, stride 1. */
export const CONVOLUTION_SHAPES: readonly ConvolutionShape[] = [
  { batch: 4, channels: 64, size: 128, kernel: 3 },
  { batch: 4, channels: 128, size: 64, kernel: 3 },
  { batch: 4, channels: 256, size: 32, kernel: 3 },
  { batch: 4, channels: 512, size: 16, kernel: 3 },
  { batch: 4, channels: 256, size: 64, kernel: 1 },
  { batch: 1, channels: 64, size: 256, kernel: 3 },
];

export interface ConvolutionRate extends ConvolutionShape {
  readonly gflops: number;
}

/** Number of convolutions in a chain. */
const CHAIN = 4;

/** Floating-point operations of one convolution: two per multiply-add. */
export const convolutionOperations = ({ batch, channels, size, kernel }: ConvolutionShape) =>
  2 * batch * channels ** 2 * kernel ** 2 * size ** 2;

/** The rate of each shape, from the median time of `repeats` runs. */
export async function convolutionRates(
  runtime: Runtime,
  repeats: number,
  shapes: readonly ConvolutionShape[] = CONVOLUTION_SHAPES,
): Promise<ConvolutionRate[]> {
  const rates: ConvolutionRate[] = [];
  for (const shape of shapes) {
    const seconds = await secondsOfChain(runtime, repeats, shape);
    rates.push({ ...shape, gflops: (CHAIN * convolutionOperations(shape)) / seconds / 1e9 });
  }
  return rates;
}

async function secondsOfChain(runtime: Runtime, repeats: number, shape: ConvolutionShape): Promise<number> {
  const { batch, channels, size, kernel } = shape;
  const noise = noiseSource();
  // With this standard deviation the variance of the values stays the same along the chain.
  const deviation = Math.sqrt(1 / (channels * kernel ** 2));
  const image = input('image', [batch, channels, size, size]);
  const filters = Array.from({ length: CHAIN }, (_, i) =>
    input(`filter_${i}`, [channels, channels, kernel, kernel]),
  );
  const padding = (kernel - 1) / 2;
  const result = filters.reduce<Tensor>((x, w) => conv2d(x, w, undefined, { padding }), image);
  const { model } = lowerGraph({ inputs: [image, ...filters], outputs: { result } }, PORTABLE);
  const initializers = filters.map((filter): OnnxTensor => {
    const values = noise(filter.size, deviation);
    return {
      name: filter.name,
      dataType: 'float32',
      dims: filter.shape,
      data: new Uint8Array(values.buffer),
    };
  });
  const { graph } = model;
  const baked = {
    ...model,
    graph: {
      ...graph,
      initializers: [...graph.initializers, ...initializers],
      inputs: graph.inputs.filter(({ name }) => name === 'image'),
    },
  };
  const session = await runtime.load(encodeModel(baked));
  try {
    const pixels = noise(image.size, 1);
    const from = {
      name: 'image',
      dtype: 'float32',
      shape: image.shape,
      view: transferredView(pixels),
    } as const;
    const to = { ...from, name: 'result', view: transferredView(new Float32Array(image.size)) };
    return median(await timeRepeats(repeats, async () => void (await session.run([from], [to], []))));
  } finally {
    await session.release();
  }
}

/**
 * Returns a function that fills arrays by repeating a short sequence of noise: drawing millions of random numbers
 * would take longer than the measurement.
 */
function noiseSource(): (size: number, deviation: number) => Float32Array {
  const random = new Random(0, 'convolution-rate');
  const samples = Float32Array.from({ length: 65_537 }, () => random.normal());
  return (size, deviation) =>
    Float32Array.from({ length: size }, (_, i) => deviation * samples[i % samples.length]!);
}
