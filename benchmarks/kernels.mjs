/**
 * Counts the kernels that a training step dispatches on WebGPU, without a graphics processor: a runtime that records the
 * graphs of one step stands in for it.
 *
 *   npm run build && node benchmarks/kernels.mjs [MODEL…]        default: the three models of `pixelwise bench`
 *
 * An operator is a kernel. Not counted are operators that pass their memory on (Reshape, Identity) and those of constants,
 * which ONNX Runtime computes once. What ONNX Runtime adds (changes of layout, a second pass of a reduction) or joins is
 * not known here, so the figure is for comparisons.
 */
import { benchCases, benchClasses, benchModel } from '../dist/bench/case.js';
import { WEBGPU } from '../dist/graph/index.js';
import { binaryCrossEntropy, crossEntropy } from '../dist/nn/index.js';
import { decodeModel } from '../dist/onnx/index.js';
import { Adam } from '../dist/optim/index.js';
import { drawBatch, Learner } from '../dist/training/index.js';

const FREE = new Set(['Reshape', 'Identity', 'Squeeze', 'Unsqueeze', 'Flatten']);

/** The operators of a graph that run as kernels. */
function kernelsOf({ nodes, initializers }) {
  const constants = new Set(initializers.map(({ name }) => name));
  return nodes.flatMap(({ opType, inputs, outputs }) => {
    const known = inputs.every((name) => name === '' || constants.has(name));
    if (known) outputs.forEach((name) => constants.add(name));
    return known || FREE.has(opType) ? [] : [opType];
  });
}

/** A runtime that computes nothing, and calls `onRun` with the kernels and the name of the graph of each run. */
const recorder = (onRun) => ({
  device: 'webgpu',
  target: WEBGPU,
  threads: 1,
  keepsTensors: true,
  async load(bytes) {
    const { graph } = decodeModel(bytes);
    const kernels = kernelsOf(graph);
    const sizes = new Map(graph.outputs.map(({ name, dims }) => [name, dims.reduce((a, b) => a * b, 1)]));
    return {
      async run(_feeds, _into, fresh) {
        onRun(graph.name, kernels);
        return Object.fromEntries(fresh.map((name) => [name, new Float32Array(sizes.get(name))]));
      },
      release: async () => undefined,
    };
  },
  drop: async () => undefined,
  close: async () => undefined,
});

const chosen = process.argv.slice(2);
for (const { model: name, batch: size, size: side } of benchCases({ mode: 'train' })) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const parts = new Map();
  const classes = benchClasses(name);
  const learner = new Learner({
    model: benchModel(name),
    loss: classes === 2 ? binaryCrossEntropy() : crossEntropy(),
    optimizer: (parameters) => new Adam(parameters, { lr: 1e-4 }),
    runtime: recorder((graph, kernels) => {
      const part = /^update/.test(graph) ? 'optimizer' : /^train/.test(graph) ? 'gradients' : 'copies';
      parts.set(part, [...(parts.get(part) ?? []), ...kernels]);
    }),
    seed: 0,
  });
  const batch = drawBatch({ size, channels: 3, height: side, width: side }, classes);
  for (let step = 0; step < 2; step++) {
    parts.clear();
    await learner.backward(batch);
    await learner.step();
  }
  const all = [...parts.values()].flat();
  console.log(`\n${name}, ${size} × ${side}²: ${all.length} kernels`);
  for (const [part, kernels] of parts) {
    const counts = new Map();
    for (const kernel of kernels) counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
    const list = [...counts].sort(([, a], [, b]) => b - a).map(([kernel, count]) => `${kernel} ${count}`);
    console.log(`  ${part} ${kernels.length}: ${list.join(', ')}`);
  }
}
