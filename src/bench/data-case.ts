/** Measures data loading: decoding, resizing, `light` augmentation, normalisation. */
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

/** Batches prepared ahead: the loader's default. */
const PREFETCH = 2;
/**
 * Batches per timed step. Several batches are assembled at once and arrive together, so single ones cannot be
 * timed.
 */
const BATCHES_A_TIME = PREFETCH + 1;

export async function measureData(
  { batch, size }: BenchCase,
  { repeats, data }: CaseSettings,
): Promise<Steps> {
  if (data === undefined) throw new UsageError('a data case needs a data set: set data');
  const dataset = await openDataset({ root: data });
  // One long epoch that samples with replacement, so that even a small data set lasts for all timed steps.
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
    // Counts the prefetched batches too, which are nearly finished.
    processorSeconds: (user + system) / 1e6 / batches,
  };
}
