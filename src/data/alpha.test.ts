import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/made-data.js';
import { tiff } from '../../test/support/tiff.js';
import { judgeAlpha } from './alpha.js';
import { findLayout } from './file-dataset.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => ({ path: root, remove } = await temporaryFolder()));
afterAll(() => remove());

const side = 32;

/** RGBA whose alpha at pixel i is `alpha(i)`. */
async function write(name: string, alpha: (i: number) => number, extra = 2, big = false): Promise<string> {
  const data = Uint8Array.from({ length: side * side * 4 }, (_, i) =>
    i % 4 === 3 ? alpha(i >> 2) : (i * 13) % 256,
  );
  const path = join(root, name);
  const bytes = name.endsWith('.png')
    ? await sharp(data, { raw: { width: side, height: side, channels: 4 } })
        .png()
        .toBuffer()
    : tiff([{ width: side, height: side, samples: 4, data, extraSamples: [extra] }], { big });
  await writeFile(path, bytes);
  return path;
}

describe('a fourth channel marked as alpha', () => {
  it.each(['tif', 'png'])('of a near infrared band is kept (%s)', async (ending) => {
    const files = await Promise.all([0, 1].map((n) => write(`nir${n}.${ending}`, (i) => (i * 7 + n) % 256)));
    expect(await judgeAlpha(files)).toBe('band');
    const { layout, notes } = await findLayout(files);
    expect(layout.channels).toBe(4);
    expect(notes.join()).toContain('kept as a channel');
  });

  it.each([
    ['opaque', (): number => 255],
    ['all clear', (): number => 0],
    ['half clear everywhere', (): number => 128],
    ['a cut-out with a soft edge', (i: number): number => Math.min(255, Math.max(0, (i - 500) * 2))],
  ])('that is %s is left out', async (name, alpha) => {
    const files = [await write(`${name}.tif`, alpha), await write(`${name} big.tif`, alpha, 2, true)];
    expect(await judgeAlpha(files)).toBe('transparency');
    const { layout, notes } = await findLayout(files);
    expect(layout.channels).toBe(3);
    expect(notes.join()).toContain('left out');
  });
});
