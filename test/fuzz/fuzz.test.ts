/**
 * Every parser with damaged files: each is read or refused with a PixelwiseError, quickly. `npm run fuzz SECONDS` takes
 * that long for each parser instead of a fixed number of files.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PixelwiseError } from '../../src/errors/index.js';
import { mutated } from './mutate.js';
import { PARSERS } from './parsers.js';

const INPUTS = 1000;
/** Far longer than any of these small files takes, even on a busy machine: longer means that it hangs. */
const MOST_SECONDS = 10;

const seconds = Number(process.env['FUZZ_SECONDS'] ?? 0);
/** Other files in every long run; the suite has the same ones always. */
const first = seconds > 0 ? Date.now() : 0;

test.each(PARSERS.map((parser) => [parser.name, parser] as const))(
  '%s',
  async (name, { seeds, parse, text }) => {
    const place = await mkdtemp(join(tmpdir(), 'pixelwise-fuzz-'));
    try {
      const files = await seeds(place);
      // A target that reads nothing would find nothing.
      for (const [seed, file] of files.entries()) await parse(file, place, seed);
      const begun = performance.now();
      const goesOn = (done: number) =>
        seconds > 0 ? performance.now() - begun < seconds * 1000 : done < INPUTS;
      let done = 0;
      for (; goesOn(done); done++) {
        const seed = done % files.length;
        const before = process.cpuUsage();
        await parse(mutated(files[seed]!, first + done, text), place, seed).catch((error: unknown) => {
          if (error instanceof PixelwiseError) return;
          throw new Error(`File ${first + done} gave no PixelwiseError.`, { cause: error });
        });
        // Of the processor, which does not count what other programs take.
        const { user, system } = process.cpuUsage(before);
        expect((user + system) / 1e6, `file ${first + done}`).toBeLessThan(MOST_SECONDS);
      }
      if (seconds > 0) console.log(`${name}: ${done} files`);
    } finally {
      await rm(place, { recursive: true });
    }
  },
  Math.max(120, 2 * seconds) * 1000,
);
