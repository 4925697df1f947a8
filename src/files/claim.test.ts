import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Claim } from './claim.js';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pixelwise-claim-'));
  folder = join(root, 'a', 'b');
});
afterEach(() => rm(root, { recursive: true }));

const purpose = 'train';

it('gives a folder to one of many that come at once, and to the next after it', async () => {
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => Claim.take(folder, { purpose })));
  const claims = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(claims).toHaveLength(1);
  await expect(Claim.take(folder, { purpose: 'other' })).rejects.toMatchObject({
    code: 'folder-in-use',
    message: expect.stringContaining(
      `${folder} is being written by another process (train, process ${process.pid} on`,
    ),
  });
  // A file in the folder is another matter.
  await (await Claim.take(folder, { purpose, part: 'w.pth' })).release();
  const waiting = Claim.take(folder, { purpose, wait: true });
  await claims[0]!.release();
  await (await waiting).release();
});

it('leaves nothing behind: not the claim, nor folders that were created and stayed empty', async () => {
  const claim = await Claim.take(folder, { purpose });
  await claim.release();
  expect(await readdir(root)).toEqual([]);
  const used = await Claim.take(folder, { purpose });
  await writeFile(join(folder, 'kept'), '');
  await used.release();
  expect(await readdir(folder)).toEqual(['kept']);
  await (await Claim.take(folder, { purpose })).release();
  expect(await readdir(folder)).toEqual(['kept']);
});

it('takes a new folder only', async () => {
  const claim = await Claim.takeNew(folder, { purpose });
  expect(await Claim.takeNew(folder, { purpose })).toBeUndefined();
  await claim!.release();
  expect(await readdir(root)).toEqual([]);
});

it('passes over claims of dead processes, and of machines that are silent', async () => {
  await mkdir(folder, { recursive: true });
  const own = await Claim.take(folder, { purpose });
  const [name] = await readdir(folder);
  await own.release();
  const named = (pid: number, place?: string) => {
    const parts = name!.split('-');
    const at = parts.indexOf(String(process.pid));
    parts[at] = String(pid);
    if (place !== undefined) parts[at + 2] = place;
    return join(folder, parts.join('-'));
  };
  const { pid: dead } = spawnSync(process.execPath, ['-e', '']);
  await writeFile(named(dead), '{}');
  // The process id is in use again: that process started at another time.
  if (process.platform === 'linux') await writeFile(named(process.ppid), '{}');
  await (await Claim.take(folder, { purpose })).release();
  expect(await readdir(folder)).toEqual([]);

  const elsewhere = named(1, 'elsewhere');
  await writeFile(elsewhere, '{}');
  await expect(Claim.take(folder, { purpose })).rejects.toThrow('is being written');
  const past = new Date(Date.now() - 600_000);
  await utimes(elsewhere, past, past);
  await (await Claim.take(folder, { purpose })).release();
});

it('names the folder that cannot be written', async () => {
  await writeFile(join(root, 'a'), '');
  await expect(Claim.take(folder, { purpose })).rejects.toThrow(
    `${folder} could not be written: a file is where a folder is needed (ENOTDIR)`,
  );
});
