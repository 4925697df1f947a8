import { describe, expect, it } from 'vitest';
import { Random } from '../../random/index.js';
import { Program } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import { gradients } from '../gradients.js';
import { CPU, PORTABLE, WEBGPU } from '../target.js';
import { input } from '../tensor.js';
import { mul } from './arithmetic.js';
import { conv2d, convTranspose2d } from './convolution.js';
import { sum } from './reduction.js';

/** ∂Σ dy·conv(x, w) ÷ ∂w by its definition. */
function filterGradient(
  x: Float32Array,
  dy: Float32Array,
  [n, c, o, h, w]: readonly number[],
  [kh, kw]: readonly number[],
  padding: readonly number[],
  dilation: readonly number[],
): Float64Array {
  const result = new Float64Array(o! * c! * kh! * kw!);
  for (let s = 0; s < n!; s++)
    for (let b = 0; b < o!; b++)
      for (let a = 0; a < c!; a++)
        for (let i = 0; i < kh!; i++)
          for (let j = 0; j < kw!; j++)
            for (let row = 0; row < h!; row++) {
              const from = row + i * dilation[0]! - padding[0]!;
              if (from < 0 || from >= h!) continue;
              for (let column = 0; column < w!; column++) {
                const at = column + j * dilation[1]! - padding[1]!;
                if (at < 0 || at >= w!) continue;
                result[((b * c! + a) * kh! + i) * kw! + j]! +=
                  dy[((s * o! + b) * h! + row) * w! + column]! * x[((s * c! + a) * h! + from) * w! + at]!;
              }
            }
  return result;
}

describe('the gradient of a filter that keeps the size', () => {
  const kernels = [
    { kernel: [3, 3], dilation: [1, 1], channels: [16, 4] },
    { kernel: [3, 3], dilation: [2, 3], channels: [16, 20] },
    { kernel: [3, 3], dilation: [2, 1], channels: [16, 2] },
    { kernel: [5, 3], dilation: [1, 2], channels: [17, 17] },
    { kernel: [1, 5], dilation: [1, 1], channels: [18, 3] },
    { kernel: [3, 1], dilation: [2, 1], channels: [16, 17] },
  ] as const;
  for (const { kernel, dilation, channels } of kernels) {
    for (const batch of [1, 2]) {
      const [c, o] = channels;
      const name = `${kernel.join('×')}, dilation ${dilation.join('×')}, ${c} to ${o} channels, batch ${batch}`;
      it(name, async () => {
        const [h, w] = [9, 8];
        const padding = kernel.map((k, i) => (dilation[i]! * (k - 1)) / 2) as [number, number];
        const random = new Random(0, name);
        const draw = (size: number) => Float32Array.from({ length: size }, () => random.uniform(-1, 1));
        const x = input('x', [batch, c, h, w]);
        const dy = input('dy', [batch, o, h, w]);
        const weight = input('weight', [o, c, ...kernel]);
        const y = conv2d(x, weight, undefined, { padding, dilation });
        const [gradient] = gradients(sum(mul(y, dy)), [weight]);
        const feeds = { x: draw(x.size), dy: draw(dy.size) };
        const expected = filterGradient(feeds.x, feeds.dy, [batch, c, o, h, w], kernel, padding, dilation);
        for (const target of [CPU, PORTABLE, WEBGPU]) {
          const runtime = await createNodeRuntime({ threads: 1, target });
          const program = await Program.compile(
            { inputs: [x, dy], outputs: { gradient: gradient! } },
            runtime,
          );
          const result = (await program.evaluate(feeds)).gradient as Float32Array;
          let worst = 0;
          result.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - expected[i]!))));
          expect(worst).toBeLessThan(1e-4);
          await runtime.close();
        }
      });
    }
  }
});

it('the gradient of the filter of a transposed convolution that doubles the size is that of standard operators', async () => {
  for (const batch of [1, 2]) {
    const [x, dy] = [input('x', [batch, 5, 25, 26]), input('dy', [batch, 32, 50, 52])];
    const weight = input('weight', [5, 32, 2, 2]);
    const [gradient] = gradients(sum(mul(convTranspose2d(x, weight, undefined, { stride: 2 }), dy)), [
      weight,
    ]);
    const definition = { inputs: [x, dy], outputs: { gradient: gradient! } };
    const random = new Random(0, 'doubling', batch);
    const draw = (size: number) => Float32Array.from({ length: size }, () => random.uniform(-1, 1));
    const feeds = { x: draw(x.size), dy: draw(dy.size) };
    const results = [];
    // The first in blocks, where the processor has them.
    for (const options of [{}, { target: PORTABLE }]) {
      const runtime = await createNodeRuntime({ threads: 1, worker: false, ...options });
      const program = await Program.compile(definition, runtime);
      results.push((await program.evaluate(feeds)).gradient as Float32Array);
      await runtime.close();
    }
    const [blocked, plain] = results as [Float32Array, Float32Array];
    expect(Math.max(...blocked.map((value, i) => Math.abs(value - plain[i]!)))).toBeLessThan(1e-4);
  }
});
