/**
 * The block size of ONNX Runtime's layout for convolutions on this machine (see `graph/passes/blocked-layout.ts`). ONNX
 * Runtime does not report it, and the layout is private, so each size is tested: a small convolution and the gradient
 * of its input must give the same values as without the layout.
 */
import type { Tensor, TensorData } from '../graph/index.js';
import { concat, conv2d, gradients, input, mul, relu, sum } from '../graph/index.js';
import { Program } from './program.js';
import type { Runtime } from './runtime.js';

/** The block on processors with AVX-512 or NEON, and on older x64. */
const BLOCKS = [16, 8];

/** Channels in a block; 0 where the layout cannot be used. */
export async function convolutionBlock(runtime: Runtime): Promise<number> {
  const plain = await outputsWith(runtime, 0);
  for (const block of BLOCKS) {
    // With the wrong block ONNX Runtime refuses the graph or computes other values.
    const blocked = await outputsWith(runtime, block).catch(() => undefined);
    if (blocked && Object.keys(plain).every((name) => near(plain[name]!, blocked[name]!))) return block;
  }
  return 0;
}

/** Runs everything that is written in this layout: a convolution of two joined images, and the gradient of each. */
async function outputsWith(runtime: Runtime, convolutionBlock: number): Promise<Record<string, TensorData>> {
  const images = [input('a', [1, 16, 32, 32]), input('b', [1, 16, 32, 32])];
  const w = input('w', [16, 32, 3, 3]);
  const bias = input('bias', [16]);
  const y = relu(conv2d(concat(images, 1), w, bias, { padding: 1 }));
  const [a, b] = gradients(sum(mul(y, y)), images) as [Tensor, Tensor];
  const inputs = [...images, w, bias];
  const values = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * i) / 8);
  const program = await Program.compile(
    { inputs, outputs: { y, gradientA: a, gradientB: b } },
    { ...runtime, target: { ...runtime.target, convolutionBlock } },
  );
  try {
    return await program.evaluate(Object.fromEntries(inputs.map(({ name, size }) => [name, values(size)])));
  } finally {
    await program.release();
  }
}

function near(a: TensorData, b: TensorData): boolean {
  return (a as Float32Array).every(
    (value, i) => Math.abs(value - Number(b[i])) <= 1e-4 * (1 + Math.abs(value)),
  );
}
