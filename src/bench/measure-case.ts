/** Measures one case in the current process. `case-process.ts` runs it in a separate one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { median } from '../training/index.js';
import type { BenchCase, CaseSettings } from './case.js';
import type { OperatorProfile } from './profile.js';
import { readProfile } from './profile.js';
import type { Steps } from './timing.js';

export interface CaseMeasurement extends Omit<Steps, 'times'> {
  /** Median time of one step. */
  readonly seconds: number;
  readonly fastestSeconds: number;
  readonly slowestSeconds: number;
  /** Peak resident memory of this process so far. */
  readonly peakMiB: number;
  readonly profile?: OperatorProfile;
}

/** Measures a case. The peak memory is that of the whole process, so run it in a fresh one. */
export async function measureCase(which: BenchCase, settings: CaseSettings): Promise<CaseMeasurement> {
  const folder = settings.profile ? await mkdtemp(join(tmpdir(), 'pixelwise-profile-')) : undefined;
  try {
    const { times, ...rest } = await measureSteps(which, settings, folder);
    return {
      seconds: median(times),
      fastestSeconds: Math.min(...times),
      slowestSeconds: Math.max(...times),
      ...rest,
      // maxRSS is in KiB on every system.
      peakMiB: process.resourceUsage().maxRSS / 1024,
      ...(folder !== undefined && which.mode !== 'data' && { profile: await readProfile(folder) }),
    };
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function measureSteps(
  which: BenchCase,
  settings: CaseSettings,
  folder: string | undefined,
): Promise<Steps> {
  // Imports only what the mode needs: other code would count as memory of this case.
  if (which.mode === 'data') return (await import('./data-case.js')).measureData(which, settings);
  const plain = await createNodeRuntime({
    device: settings.device,
    threads: which.threads,
    training: which.mode !== 'predict',
  });
  const runtime: Runtime =
    folder === undefined
      ? plain
      : {
          ...plain,
          load: (model, options) => plain.load(model, { ...options, profile: join(folder, 'run') }),
        };
  try {
    return which.mode !== 'predict'
      ? await (await import('./training-case.js')).measureTraining(which, settings, runtime)
      : await (await import('./prediction-case.js')).measurePrediction(which, settings, runtime);
  } finally {
    // The profile is written when the session is released, which `close` does.
    await plain.close();
  }
}
