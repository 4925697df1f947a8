/**
 * Expected efficiency of the three models by the number of nodes, as a Markdown table. It is computed from the time of a
 * training step on one node, the size of the gradients, and the α–β model of the ring all-reduce
 * (src/distributed/cost-model.ts). Step times are measured by `pixelwise bench`, or given.
 *
 *   npm run build
 *   node benchmarks/distributed/model.mjs [--seconds unet=1.94,segnet=1.63,mobilenet-unet=1.26] [--threads N] [--half]
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { benchCases, benchModel } from '../../dist/bench/case.js';
import { runBench } from '../../dist/bench/index.js';
import { efficiency } from '../../dist/distributed/index.js';
import { ModelState } from '../../dist/nn/index.js';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    half: { type: 'boolean', default: false },
  },
});

const MODELS = ['unet', 'segnet', 'mobilenet-unet'];
const NODES = [2, 4, 8, 16, 32, 64, 128, 256];
/** Latencies of TCP over Ethernet in a rack, and of RDMA; bandwidths without the headers of packets of 1,500 bytes. */
const NETWORKS = [
  { name: '1 Gbit/s', latency: 5e-5, bandwidth: (1e9 / 8) * (1448 / 1538) },
  { name: '10 Gbit/s', latency: 2.5e-5, bandwidth: (1e10 / 8) * (1448 / 1538) },
  { name: '100 Gbit/s', latency: 3e-6, bandwidth: (1e11 / 8) * (1448 / 1538) },
];

/** Seconds of a step, by model. */
async function stepTimes() {
  if (options.seconds !== undefined) {
    return new Map(
      options.seconds.split(',').map((part) => [part.split('=')[0], Number(part.split('=')[1])]),
    );
  }
  const times = new Map();
  for (const model of MODELS) {
    const { cases } = await runBench({ model, mode: 'train', threads: Number(options.threads) });
    times.set(model, cases[0].seconds);
  }
  return times;
}

const times = await stepTimes();
console.log(`| model | step | gradients | network | ${NODES.map((n) => `${n}`).join(' | ')} |`);
console.log(`| --- | --- | --- | --- | ${NODES.map(() => '---').join(' | ')} |`);
for (const model of MODELS) {
  const compute = times.get(model);
  if (!(compute > 0)) throw new Error(`--seconds lacks ${model}`);
  const [{ batch, size }] = benchCases({ model, mode: 'train' });
  const bytes = new ModelState(benchModel(model)).weights.byteLength / (options.half ? 2 : 1);
  for (const { name, ...network } of NETWORKS) {
    const row = NODES.map((nodes) => `${Math.round(100 * efficiency({ compute, bytes }, nodes, network))}%`);
    const about = [model, `${compute} s (${batch} × ${size}²)`, `${(bytes / 1e6).toFixed(1)} MB`, name];
    console.log(`| ${[...about, ...row].join(' | ')} |`);
  }
}
