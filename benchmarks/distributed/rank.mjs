/**
 * One rank of a measurement (or a single process): measures training steps on generated images, and all-reduces of
 * several sizes. Rank 0 prints a line of JSON. `speed.mjs` starts it.
 *
 *   [mpirun -np N] node benchmarks/distributed/rank.mjs --batch B --threads T [--width 64] [--depth 5] [--size 128] [--steps 5] [--all-reduce float32]
 */
import { parseArgs } from 'node:util';
import { launchOf } from '../../dist/distributed/index.js';
import { MpiCommunicator } from '../../dist/distributed/node.js';
import { createModel } from '../../dist/models/index.js';
import { binaryCrossEntropy } from '../../dist/nn/index.js';
import { Adam } from '../../dist/optim/index.js';
import { Random } from '../../dist/random/index.js';
import { createNodeRuntime } from '../../dist/runtime/node.js';
import { Learner, median, Replicas } from '../../dist/training/index.js';

const { values: given } = parseArgs({
  options: {
    batch: { type: 'string', default: '8' },
    threads: { type: 'string', default: '1' },
    width: { type: 'string', default: '64' },
    depth: { type: 'string', default: '5' },
    size: { type: 'string', default: '128' },
    steps: { type: 'string', default: '5' },
    'all-reduce': { type: 'string', default: 'float32' },
  },
});
const [batch, threads, width, depth, size, steps] = [
  'batch',
  'threads',
  'width',
  'depth',
  'size',
  'steps',
].map((key) => Number(given[key]));

const launch = launchOf(process.env);
const communicator = launch && (await MpiCommunicator.connect(launch, process.env.PIXELWISE_MPI_LIBRARY));
const replicas = communicator && new Replicas(communicator, { allReduce: given['all-reduce'] });
const runtime = await createNodeRuntime({ threads });
const learner = new Learner({
  model: createModel('unet', { channels: 3, classes: 2, width, depth }),
  loss: binaryCrossEntropy(),
  optimizer: (parameters) => new Adam(parameters, { lr: 1e-4 }),
  runtime,
  seed: 0,
  replicas,
});

const random = new Random(1, 'images', communicator?.rank ?? 0);
const images = Float32Array.from({ length: batch * 3 * size * size }, () => random.normal());
const masks = Uint8Array.from({ length: batch * size * size }, () => (random.chance(0.3) ? 1 : 0));
const ids = Array.from({ length: batch }, (_, i) => String(i));
const sample = { ids, size: batch, channels: 3, height: size, width: size, images, masks };

const times = [];
const reductions = [];
for (let step = 0; step <= steps; step++) {
  await communicator?.barrier();
  if (replicas) replicas.seconds = 0;
  const began = performance.now();
  await learner.backward(sample);
  // Wait here for slower ranks, so that the wait is not counted as all-reduce.
  await communicator?.barrier();
  await learner.reduceGradients();
  await learner.step();
  // The first one also allocates memory, which the others reuse.
  if (step === 0) continue;
  times.push((performance.now() - began) / 1000);
  if (replicas) reductions.push(replicas.seconds);
}

/**
 * Measures the network by all-reduces of several sizes, up to that of a bucket of gradients. As in a training step,
 * other memory is touched before each one, so that neither the values nor their page tables are in a cache.
 */
const probes = [];
const room = new Float32Array(communicator ? 2 ** 25 : 0).fill(1);
const elsewhere = new Float32Array(communicator ? 2 ** 26 : 0);
let from = 0;
const bytes = learner.gradients.byteLength;
for (const size of communicator ? [2 ** 16, 2 ** 20, 2 ** 22, 2 ** 24] : []) {
  const seconds = [];
  for (let i = 0; i < 8; i++) {
    from = (from + 2 ** 22) % room.length;
    const values = room.subarray(from, from + size / 4);
    elsewhere.fill(i);
    await communicator.barrier();
    const began = performance.now();
    await communicator.allReduce(values);
    if (i > 0) seconds.push((performance.now() - began) / 1000);
  }
  probes.push({ bytes: size, seconds: median(seconds) });
}

if ((communicator?.rank ?? 0) === 0) {
  const result = {
    ranks: communicator?.size ?? 1,
    batch,
    threads,
    bytes,
    seconds: median(times),
    allReduceSeconds: reductions.length > 0 ? median(reductions) : 0,
    probes,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
await learner.close();
await runtime.close();
await communicator?.close();
