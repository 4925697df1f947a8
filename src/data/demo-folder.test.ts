import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeMask } from '../images/decode-mask.js';
import { decodeImage } from '../images/decode.js';
import { drawCells } from './demo-cells.js';
import { writeCells } from './demo-folder.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-cells-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const options = { seed: 3, count: 3, width: 48, height: 40 };

describe('writeCells', () => {
  it('writes pictures and masks that read back as drawn, and does so again', async () => {
    await writeCells(folder, options);
    await writeCells(folder, options);
    expect(await readdir(join(folder, 'images'))).toEqual(['0000.png', '0001.png', '0002.png']);
    expect(await readFile(join(folder, 'classes.txt'), 'utf8')).toBe('background\nsmooth cell\nspiky cell\n');
    const drawn = [...drawCells(options)];
    for (let i = 0; i < 3; i++) {
      const image = await decodeImage(join(folder, 'images', `000${i}.png`));
      const mask = await decodeMask(join(folder, 'masks', `000${i}.png`));
      expect(Array.from(image.data)).toEqual(Array.from(drawn[i]!.image.data));
      expect(Array.from(mask.data)).toEqual(Array.from(drawn[i]!.mask.data));
    }
  });

  it('does not mix its pictures with others', async () => {
    await writeCells(folder, options);
    await writeFile(join(folder, 'images', 'holiday.png'), '');
    await expect(writeCells(folder, options)).rejects.toThrow(/holiday\.png/);
  });

  it('ends where the signal says so', async () => {
    const reason = new Error('enough');
    await expect(writeCells(folder, { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
