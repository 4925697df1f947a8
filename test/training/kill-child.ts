/**
 * A small run with checkpoints, on its own process, so that it can be killed. Says `step N` on stdout after
 * every step and `done` at the end. Arguments: the run's folder; `resume` goes on from the last checkpoint.
 */
import { createNodeRuntime } from '../../src/runtime/node.js';
import { ReduceOnPlateau } from '../../src/optim/index.js';
import type { Callback, Monitor } from '../../src/training/index.js';
import {
  checkpoints,
  earlyStopping,
  fit,
  loadCheckpoint,
  metricsLog,
  RunFolder,
  scheduleCallback,
} from '../../src/training/index.js';
import { Discs, tinyFit, tinyLearner } from './tiny.js';

const [path, mode] = process.argv.slice(2) as [string, string];
const folder = new RunFolder(path);
await folder.create();
const runtime = await createNodeRuntime({ worker: false, threads: 1 });
const learner = tinyLearner(runtime);
const monitor: Monitor = { metric: 'loss', part: 'valid' };
const callbacks: Callback[] = [
  scheduleCallback(new ReduceOnPlateau({ patience: 0, threshold: 0.1 }), monitor),
  earlyStopping({ monitor, patience: 20 }),
  metricsLog(folder),
  checkpoints({ folder, monitor, every: 4 }),
  {
    name: 'tell',
    batchEnd: ({ step }) => void process.stdout.write(`step ${step}\n`),
  },
];
const resume =
  mode === 'resume' && (await folder.pointed('last')) !== undefined
    ? await loadCheckpoint(await folder.checkpointFolder('last'), learner, callbacks)
    : undefined;
const train = new Discs({ count: 14, batchSize: 4 });
await fit(tinyFit(learner, { train, epochs: 20, callbacks, resume }));
await learner.close();
await runtime.close();
process.stdout.write('done\n');
