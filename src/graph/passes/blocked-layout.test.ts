import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../random/index.js';
import type { Runtime } from '../../runtime/index.js';
import { Program } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import { gradients } from '../gradients.js';
import type { Target } from '../target.js';
import { lowerGraph } from '../lowering.js';
import { CPU } from '../target.js';
import type { Leaf, Tensor } from '../tensor.js';
import { constant, input } from '../tensor.js';
import { mul } from '../operators/arithmetic.js';
import type { ConvOptions } from '../operators/convolution.js';
import { conv2d, convTranspose2d } from '../operators/convolution.js';
import { relu } from '../operators/activations.js';
import { stopGradient } from '../operators/elementwise.js';
import { concat, slice } from '../operators/layout.js';
import { sum } from '../operators/reduction.js';

let runtime: Runtime;
beforeAll(async () => (runtime = await createNodeRuntime({ threads: 2 })));
afterAll(() => runtime.close());

interface Case extends ConvOptions {
  /** Channels of each part of the image; parts are joined before the convolution. */
  readonly parts: readonly number[];
  readonly out: number;
  readonly size: readonly [number, number];
  readonly kernel?: readonly [number, number];
  readonly batch?: number;
  readonly activation?: (x: Tensor) => Tensor;
  readonly bias?: boolean;
}

/** Forward and all gradients of a convolution. */
function graphOf({
  parts,
  out,
  size,
  kernel = [3, 3],
  batch = 1,
  activation,
  bias = true,
  ...options
}: Case) {
  const images = parts.map((channels, i) => input(`x${i}`, [batch, channels, ...size]));
  const weight = input('weight', [out, parts.reduce((a, b) => a + b), ...kernel]);
  const offset = input('bias', [out]);
  const linear = conv2d(concat(images, 1), weight, bias ? offset : undefined, options);
  const y = activation ? activation(linear) : linear;
  const inputs = [...images, weight, ...(bias ? [offset] : [])];
  const results = gradients(sum(mul(y, y)), inputs);
  const outputs = {
    y,
    ...Object.fromEntries(inputs.map(({ name }, i) => [`gradient of ${name}`, results[i]!])),
  };
  return { inputs, outputs };
}

async function evaluate(each: Case, target: Target) {
  const graph = graphOf(each);
  const random = new Random(0, 'blocked');
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, size }) => [
      name,
      Float32Array.from({ length: size }, () => random.uniform(-1, 1)),
    ]),
  );
  const program = await Program.compile(graph, { ...runtime, target });
  try {
    return (await program.evaluate(feeds)) as Record<string, Float32Array>;
  } finally {
    await program.release();
  }
}

const operators = (each: Case, target: Target) =>
  lowerGraph(graphOf(each), target).model.graph.nodes.map(({ opType, domain }) => `${domain}${opType}`);

const CASES: Record<string, Case> = {
  'a padded 3×3': { parts: [16], out: 32, size: [32, 32], padding: 1 },
  'no bias': { parts: [16], out: 16, size: [33, 32], padding: 1, bias: false },
  'a ReLU': { parts: [32], out: 16, size: [32, 35], padding: 1, activation: relu },
  'two readers of what a ReLU reads': {
    parts: [16],
    out: 16,
    size: [32, 32],
    padding: 1,
    activation: (x) => mul(relu(x), x),
  },
  'a batch of odd planes': { parts: [32], out: 48, size: [19, 23], batch: 3, padding: 1 },
  'no padding': { parts: [16], out: 16, size: [40, 40] },
  'more padding than the kernel needs': { parts: [16], out: 16, size: [32, 32], padding: 3 },
  strides: { parts: [16], out: 32, size: [66, 64], stride: 2, padding: 1 },
  dilation: { parts: [16], out: 16, size: [36, 36], dilation: [2, 3], padding: [2, 3] },
  'a 5×3 kernel': { parts: [16], out: 16, size: [34, 33], kernel: [5, 3], padding: [2, 1] },
  'joined channels': { parts: [16, 32], out: 16, size: [32, 32], padding: 1, activation: relu },
  'joins of three, with one channel range that fills no block': {
    parts: [16, 8, 8],
    out: 16,
    size: [32, 32],
    padding: 1,
  },
};

describe('convolutions in the blocked layout give what plain ones give', () => {
  for (const [name, each] of Object.entries(CASES)) {
    it(name, async () => {
      // Of a machine without the layout there is nothing to compare.
      const block = runtime.target.convolutionBlock;
      const blocked = await evaluate(each, runtime.target);
      const plain = await evaluate(each, CPU);
      for (const [result, values] of Object.entries(plain)) {
        const largest = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        let worst = 0;
        values.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - blocked[result]![i]!))));
        expect(worst / largest, result).toBeLessThan(1e-5);
      }
      const used = operators(each, { ...CPU, convolutionBlock: block });
      expect(used.includes('com.microsoft.nchwcConv')).toBe(block > 0);
    });
  }
});

const BLOCK: Target = { ...CPU, convolutionBlock: 16 };

it('a ReLU that alone reads a convolution is no node of its own', () => {
  expect(operators(CASES['a ReLU']!, BLOCK)).not.toContain('Relu');
  expect(operators(CASES['two readers of what a ReLU reads']!, BLOCK)).toContain('Relu');
});

it('joined channels are neither joined nor cut again where all parts fill blocks', () => {
  const joins = (each: Case) => {
    const { nodes } = lowerGraph(graphOf(each), BLOCK).model.graph;
    const weights = ['weight', ...nodes.flatMap((node) => (node.inputs[0] === 'weight' ? node.outputs : []))];
    const cut = nodes.filter(({ opType, inputs }) => opType === 'Slice' && !weights.includes(inputs[0]!));
    return { concat: nodes.filter(({ opType }) => opType === 'Concat').length, cut: cut.length };
  };
  // Of the filter's gradient: the taps of each part (of the one with more channels, rows and columns), and the parts.
  expect(joins(CASES['joined channels']!)).toEqual({ concat: 4, cut: 0 });
  expect(joins(CASES['joins of three, with one channel range that fills no block']!).cut).toBeGreaterThan(0);
});

/** Compares the results of a graph on both targets. */
async function expectEqual(inputs: readonly Leaf[], outputs: Record<string, Tensor>): Promise<void> {
  const results: Record<string, Float32Array>[] = [];
  for (const target of [CPU, runtime.target]) {
    const program = await Program.compile({ inputs, outputs }, { ...runtime, target });
    const values = ({ size }: Leaf) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * i));
    const feeds = Object.fromEntries(inputs.map((leaf) => [leaf.name, values(leaf)]));
    results.push((await program.evaluate(feeds)) as Record<string, Float32Array>);
    await program.release();
  }
  const [plain, blocked] = results as [Record<string, Float32Array>, Record<string, Float32Array>];
  for (const name of Object.keys(outputs)) {
    expect(blocked[name]!.length).toBe(plain[name]!.length);
    expect(
      plain[name]!.every((v, i) => Math.abs(v - blocked[name]![i]!) < 1e-3),
      name,
    ).toBe(true);
  }
}

it('other slices of a transposed convolution are slices of the whole', async () => {
  const x = input('x', [1, 16, 32, 32]);
  const w = input('w', [16, 32, 3, 3]);
  const y = convTranspose2d(x, w, undefined, { padding: 1 });
  await expectEqual([x, w], {
    rows: slice(y, 2, 4, 20),
    'every other row': slice(y, 2, 0, Infinity, 2),
    'every other channel': slice(y, 1, 0, Infinity, 2),
    channels: slice(y, 1, 16),
    'a few channels': slice(y, 1, 3, 9),
    'of a part of the batch': slice(slice(concat([y, y], 0), 0, 1), 1, 0, 16),
  });
});

it('a ReLU stays a node where the convolution is read under another name, too', async () => {
  const x = input('x', [1, 16, 32, 32]);
  const w = input('w', [16, 16, 3, 3]);
  const y = conv2d(x, w, undefined, { padding: 1 });
  await expectEqual([x, w], { rectified: relu(stopGradient(y)), y });
});

it('a constant weight is left to ONNX Runtime', () => {
  const x = input('x', [1, 16, 32, 32]);
  const y = conv2d(x, constant(new Float32Array(16 * 16 * 9), [16, 16, 3, 3]), undefined, { padding: 1 });
  const gradient = gradients(sum(mul(y, y)), [x])[0]!;
  const { nodes } = lowerGraph({ inputs: [x], outputs: { y, gradient } }, BLOCK).model.graph;
  expect(nodes.filter(({ domain }) => domain === 'com.microsoft.nchwc')).toEqual([]);
});

it('small images and channels that fill no block stay plain', () => {
  const plain = (each: Partial<Case>) =>
    operators({ parts: [16], out: 16, size: [32, 32], padding: 1, ...each }, BLOCK);
  for (const each of [{ size: [16, 16] }, { out: 20 }, { parts: [24] }, { kernel: [1, 1] }] as const) {
    expect(plain({ ...each, padding: 0 }).filter((op) => op.startsWith('com.microsoft.nchwc'))).toEqual([]);
  }
});
