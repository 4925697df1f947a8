/**
 * Measures the efficiency of several ranks. Alternates between the cases and prints medians:
 *
 * - by default, on this host: N ranks of T ÷ N threads and B ÷ N images beside one process of T threads and B
 *   images (ratio of images per second), and the time in all-reduce beside that of the cost model;
 * - with `--mbit M`, on two hosts (network namespaces, a link of M Mbit/s, TCP; as root): two ranks beside two
 *   that do not communicate, and the measured efficiency beside that of the cost model.
 *
 *   npm run build
 *   node benchmarks/distributed/speed.mjs [--ranks 2] [--threads 2] [--batch 8] [--rounds 3] [--mbit 1000] [options of rank.mjs] [--json]
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { efficiency, fitNetwork, ringSeconds } from '../../dist/distributed/index.js';
import { median } from '../../dist/training/index.js';
import { makeHosts } from './namespaces.mjs';

const { values: options } = parseArgs({
  options: {
    ranks: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    batch: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    mbit: { type: 'string' },
    width: { type: 'string' },
    depth: { type: 'string' },
    size: { type: 'string' },
    steps: { type: 'string' },
    'all-reduce': { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const [threads, batch, rounds] = ['threads', 'batch', 'rounds'].map((key) => Number(options[key]));
const ranks = options.mbit === undefined ? Number(options.ranks) : 2;
if (threads % ranks !== 0 || batch % ranks !== 0) {
  throw new Error(`--threads ${threads} and --batch ${batch} must be multiples of the ${ranks} ranks`);
}

const program = fileURLToPath(new URL('rank.mjs', import.meta.url));
const passed = ['width', 'depth', 'size', 'steps', 'all-reduce'].flatMap((key) =>
  options[key] === undefined ? [] : [`--${key}`, options[key]],
);
const call = (parts) => [
  process.execPath,
  program,
  ...passed,
  ...['--threads', String(threads / parts), '--batch', String(batch / parts)],
];
const run = promisify(execFile);
const measure = async ([file, ...words]) => {
  const { stdout } = await run(file, words);
  return JSON.parse(stdout.trim().split('\n').at(-1));
};
const here = (words) => ['mpirun', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'none', ...words];

const medianOf = (results, key) => median(results.map((result) => result[key]));

const hosts = options.mbit === undefined ? undefined : makeHosts(Number(options.mbit));
const alone = [];
const together = [];
try {
  const start = hosts?.command ?? here;
  for (let round = 0; round < rounds; round++) {
    // On one host, the ranks are compared with one process with all threads. On two hosts, they are compared with
    // ranks that do not exchange gradients. Both of those run at once, because the hosts are one machine and share
    // memory and cache, which must not be attributed to the network.
    const peers = hosts ? Array.from({ length: ranks }, () => call(ranks)) : [call(1)];
    alone.push(...(await Promise.all(peers.map(measure))));
    together.push(await measure(start(['-np', String(ranks), ...call(ranks)])));
  }
} finally {
  hosts?.remove();
}

const { bytes } = together[0];
const probes = together[0].probes.map(({ bytes: size }, i) => ({
  bytes: size,
  seconds: median(together.map((result) => result.probes[i].seconds)),
}));
const network = fitNetwork(ranks, probes);
const seconds = medianOf(together, 'seconds');
const allReduce = medianOf(together, 'allReduceSeconds');
const modelAllReduce = ringSeconds(ranks, bytes, network);
const one = medianOf(alone, 'seconds');
const result = {
  ranks,
  batch,
  gradientMiB: bytes / 2 ** 20,
  alone: { seconds: one, imagesPerSecond: alone[0].batch / one },
  together: { seconds, imagesPerSecond: batch / seconds, allReduceSeconds: allReduce },
  network,
  model: { allReduceSeconds: modelAllReduce, measuredOverModel: allReduce / modelAllReduce },
};
if (hosts) {
  // The bandwidth of the link without the Ethernet, IP and TCP headers of packets of 1,500 bytes.
  const nominal = { latency: network.latency, bandwidth: ((Number(options.mbit) * 1e6) / 8) * (1448 / 1538) };
  const cost = { compute: one, bytes };
  result.efficiency = {
    measured: one / seconds,
    model: efficiency(cost, ranks, network),
    modelOfNominalLink: efficiency(cost, ranks, nominal),
  };
} else {
  result.speedRatio = result.together.imagesPerSecond / result.alone.imagesPerSecond;
}
if (options.json) console.log(JSON.stringify(result, null, 2));
else console.dir(result, { depth: 4 });
