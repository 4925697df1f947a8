/**
 * How wide ONNX Runtime's blocked layout of convolutions is on this machine. It tells nobody, and the layout is
 * its own affair, so it is tried: a small convolution and its input's gradient must come out the same.
 */
import type { Tensor, TensorData } from '../graph/index.js';
import { concat, conv2d, gradients, input, mul, relu, sum } from '../graph/index.js';
import { Program } from './program.js';
import type { Runtime } from './runtime.js';

/** With AVX-512 or NEON, and with older x64. */
const BLOCKS = [16, 8];

/** The channels of a block, or 0 where convolutions are better left as they are. */
export async function convolutionBlock(runtime: Runtime): Promise<number> {
  const plain = await tryOut(runtime, 0);
  for (const block of BLOCKS) {
    // A block that the machine does not have is refused, or gives other values.
    const blocked = await tryOut(runtime, block).catch(() => undefined);
    if (blocked && Object.keys(plain).every((name) => near(plain[name]!, blocked[name]!))) return block;
  }
  return 0;
}

/** A convolution of two images joined, and the gradient of each: all that is written in this layout. */
async function tryOut(runtime: Runtime, convolutionBlock: number): Promise<Record<string, TensorData>> {
  const images = [input('a', [1, 16, 32, 32]), input('b', [1, 16, 32, 32])];
  const w = input('w', [16, 32, 3, 3]);
  const bias = input('bias', [16]);
  const y = relu(conv2d(concat(images, 1), w, bias, { padding: 1 }));
  const [a, b] = gradients(sum(mul(y, y)), images) as [Tensor, Tensor];
  const inputs = [...images, w, bias];
  const values = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * i) / 8);
  const program = await Program.compile(
    { inputs, outputs: { y, slopeOfA: a, slopeOfB: b } },
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
