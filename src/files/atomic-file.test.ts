import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PARTIAL_FILE, renameOver, writeFileAtomic } from './atomic-file.js';

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
      message: expect.stringContaining(
        `${join(folder, 'missing', 'a')} could not be written: its folder does not exist (any more) (ENOENT)`,
      ),
    });
    const occupied = join(folder, 'folder');
    await mkdir(occupied);
    await writeFile(join(occupied, 'kept'), 'x');
    await expect(writeFileAtomic(occupied, 'x')).rejects.toThrow('could not be written');
    expect(await readdir(folder)).toEqual(['folder']);
    expect(await readdir(occupied)).toEqual(['kept']);
  });

  it('writes names as long as the file system allows, and says when one is longer', async () => {
    const long = join(folder, 'n'.repeat(255));
    await writeFileAtomic(long, 'x');
    expect(await readFile(long, 'utf8')).toBe('x');
    await expect(writeFileAtomic(`${long}n`, 'x')).rejects.toThrow(
      'the name is too long for this file system',
    );
    let beside: string[] = [];
    await writeFileAtomic(long, async () => void (beside = await readdir(folder)));
    expect(beside.filter((name) => PARTIAL_FILE.test(name))).toHaveLength(1);
  });
});

describe('renameOver', () => {
  const failing = (times: number, code: string) => {
    let calls = 0;
    return {
      move: async () => {
        if (calls++ < times) throw Object.assign(new Error(code), { code });
      },
      calls: () => calls,
    };
  };
  const pauses = [0, 0, 0];

  it('tries again on Windows while another program has the file open, and nowhere else', async () => {
    const open = failing(3, 'EBUSY');
    await renameOver('a', 'b', { platform: 'win32', move: open.move, pauses });
    expect(open.calls()).toBe(4);
    for (const [platform, code] of [
      ['linux', 'EPERM'],
      ['win32', 'ENOSPC'],
    ] as const) {
      const { move, calls } = failing(1, code);
      await expect(renameOver('a', 'b', { platform, move, pauses })).rejects.toThrow(code);
      expect(calls()).toBe(1);
    }
  });
});
