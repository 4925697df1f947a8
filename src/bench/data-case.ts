/** Image files to batches: decoding, resizing, the default augmentation, normalisation. */
import {
  defaultNormalization,
  Loader,
  openDataset,
  parseAugmentation,
  stretch,
  weighted,
} from '../data/index.js';
import { UsageError } from '../errors/index.js';
import type { BenchCase, CaseSettings } from './case.js';
import type { Steps } from './timing.js';
import { timeRepeats } from './timing.js';

/** Batches ahead of the one in use: the loader's default. */
const PREFETCH = 2;
/** Batches that make one time: they come in bursts, several being assembled at once. */
const BATCHES_A_TIME = PREFETCH + 1;

export async function measureData(
  { batch, size }: BenchCase,
  { repeats, data }: CaseSettings,
): Promise<Steps> {
  if (data === undefined) throw new UsageError('a data case needs a data set');
  const dataset = await openDataset({ root: data });
  // One long epoch with images drawn again and again, however few there are: nothing ends while it is timed.
  const batches = (repeats + 1) * BATCHES_A_TIME + PREFETCH;
  const loader = new Loader({
    dataset,
    batchSize: batch,
    fit: stretch(size),
    sampler: weighted(new Uint8Array(dataset.length).fill(1), 0, batch * batches),
    transforms: parseAugmentation('light'),
    normalization: defaultNormalization(dataset.channels),
    prefetch: PREFETCH,
  });
  const epoch = loader.epoch(0);
  const before = process.cpuUsage();
  const times = await timeRepeats(repeats, async () => {
    for (let i = 0; i < BATCHES_A_TIME; i++) await epoch.next();
  });
  const { user, system } = process.cpuUsage(before);
  await epoch.return();
  return {
    times: times.map((seconds) => seconds / BATCHES_A_TIME),
    // Those ahead are nearly done by now.
    processorSeconds: (user + system) / 1e6 / batches,
  };
}
