/** The output folder of a job, claimed for it while it runs. */
import { join } from 'node:path';
import { Claim } from '../files/index.js';

/**
 * Claims `out`, or else `runs/<name>-<n>` with the smallest n from 1 that does not exist: two jobs that start at once
 * get two folders.
 *
 * @throws PixelwiseError `folder-in-use` if another job writes `out`; `write-failed` if it cannot be written.
 */
export async function claimOutput(out: string | undefined, name: string, purpose: string): Promise<Claim> {
  if (out !== undefined) return Claim.take(out, { purpose });
  // A name that turns out to be wrong must not lead elsewhere.
  const stem = name.replace(/[^\w.-]/g, '-');
  for (let number = 1; ; number++) {
    const claim = await Claim.takeNew(join('runs', `${stem}-${number}`), { purpose });
    if (claim) return claim;
  }
}
