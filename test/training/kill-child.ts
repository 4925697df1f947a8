/**
 * A small run with checkpoints and a film, on its own process, so that it can be killed. Says `step N` on stdout after
 * every step and `done` at the end. Arguments: the run's folder; `resume` goes on from the last checkpoint.
 */
import { type Dataset, Loader, stretch } from '../../src/data/index.js';
import { film } from '../../src/report/index.js';
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
import { CLASSES, Discs, tinyFit, tinyLearner } from './tiny.js';

/** Discs as a data set: what the film shows. */
function discs(count: number): Dataset {
  const source = new Discs({ count, batchSize: 1, seed: 2 });
  const files = { image: '', mask: '' };
  return {
    format: 'discs',
    length: count,
    ids: Array.from({ length: count }, (_, i) => `disc ${i}`),
    classes: CLASSES,
    channels: 1,
    maxValue: 255,
    files: () => files,
    get: (i) => {
      const { ids, width, height, images, masks } = source.batchOf([i]);
      const data = Uint8Array.from(images, (value) => Math.max(0, Math.min(255, 128 + 64 * value)));
      const size = { width, height };
      return Promise.resolve({
        id: ids[0]!,
        image: { ...size, channels: 1, data },
        mask: { ...size, data: masks },
      });
    },
  };
}

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
  film({
    run: path,
    dataset: discs(3),
    part: 'valid',
    batches: (dataset) => new Loader({ dataset, batchSize: 4, fit: stretch(16) }),
    onError: (error) => console.error(error),
  }),
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
