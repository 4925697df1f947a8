import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic } from './atomic-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-atomic-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('writeFileAtomic', () => {
  it('creates and replaces a file, leaving nothing else', async () => {
    const path = join(folder, 'a.bin');
    await writeFileAtomic(path, Uint8Array.of(1, 2));
    await writeFileAtomic(path, 'text');
    expect(await readFile(path, 'utf8')).toBe('text');
    expect(await readdir(folder)).toEqual(['a.bin']);
  });

  it('shows whole contents only, also while several write at once', async () => {
    const path = join(folder, 'a.txt');
    const contents = ['a', 'b', 'c'].map((letter) => letter.repeat(200_000));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(folder)).toEqual(['a.txt']);
  });

  it('leaves nothing behind when it fails, and names the path', async () => {
    await expect(writeFileAtomic(join(folder, 'missing', 'a'), 'x')).rejects.toMatchObject({
      name: 'PixelwiseError',
      message: expect.stringContaining(`${join(folder, 'missing', 'a')} could not be written (ENOENT`),
    });
    const occupied = join(folder, 'folder');
    await mkdir(occupied);
    await writeFile(join(occupied, 'kept'), 'x');
    await expect(writeFileAtomic(occupied, 'x')).rejects.toThrow('could not be written');
    expect(await readdir(folder)).toEqual(['folder']);
    expect(await readdir(occupied)).toEqual(['kept']);
  });
});
