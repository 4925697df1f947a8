/**
 * How wide ONNX Runtime's blocked layout of convolutions is on this machine. It tells nobody, and the layout is
 * its own affair, so it is tried: a small convolution and its input's gradient must come out the same.
 */
import type { Target, TensorData } from '../graph/index.js';
import { conv2d, gradients, input, mul, relu, sum } from '../graph/index.js';
import { Program } from './program.js';
import type { Runtime } from './runtime.js';

/** Floats in a vector: AVX-512, AVX2, NEON. */
const BLOCKS = [16, 8, 4];

/** The channels of a block, or 0 where convolutions are better left as they are. */
export async function convolutionBlock(runtime: Runtime): Promise<number> {
  const plain = await tryOut(runtime, { ...runtime.target, convolutionBlock: 0 });
  for (const block of BLOCKS) {
    // A block that the machine does not have is refused, or gives other values.
    const blocked = await tryOut(runtime, { ...runtime.target, convolutionBlock: block }).catch(
      () => undefined,
    );
    if (blocked && Object.keys(plain).every((name) => near(plain[name]!, blocked[name]!))) return block;
  }
  return 0;
}

function tryOut(runtime: Runtime, target: Target): Promise<Record<string, TensorData>> {
  const x = input('x', [1, 32, 32, 32]);
  const w = input('w', [16, 32, 3, 3]);
  const bias = input('bias', [16]);
  const y = relu(conv2d(x, w, bias, { padding: 1 }));
  const outputs = { y, slope: gradients(sum(mul(y, y)), [x])[0]! };
  const values = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * i) / 8);
  return evaluate(
    { inputs: [x, w, bias], outputs },
    { ...runtime, target },
    {
      x: values(x.size),
      w: values(w.size),
      bias: values(bias.size),
    },
  );
}

async function evaluate(
  definition: Parameters<typeof Program.compile>[0],
  runtime: Runtime,
  feeds: Readonly<Record<string, TensorData>>,
): Promise<Record<string, TensorData>> {
  const program = await Program.compile(definition, runtime);
  try {
    return await program.evaluate(feeds);
  } finally {
    await program.release();
  }
}

function near(a: TensorData, b: TensorData): boolean {
  return (a as Float32Array).every(
    (value, i) => Math.abs(value - Number(b[i])) <= 1e-4 * (1 + Math.abs(value)),
  );
}
