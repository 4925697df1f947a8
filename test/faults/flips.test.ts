/** A damaged run is refused, or gives what it gave before. `PIXELWISE_FAULTS=1000` damages it so many times. */
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/made-data.js';
import { flipFiles } from './flips.js';

const LONG = Number(process.env['PIXELWISE_FAULTS'] ?? 0);

it('no flipped bit in a run folder changes a result without a word', async () => {
  const { path, remove } = await temporaryFolder();
  try {
    const found = await flipFiles(path, LONG || 14, LONG ? 16 : 14, (so) => {
      if (LONG && so.flips % 50 === 0) process.stderr.write(`${JSON.stringify(so)}\n`);
    });
    expect(found).toMatchObject({ silent: [], unforeseen: [] });
    expect(found.told).toBeGreaterThan(0);
    expect(found.unharmed).toBeGreaterThan(0);
  } finally {
    await remove();
  }
}, 3_600_000);
