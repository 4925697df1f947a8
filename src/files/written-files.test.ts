import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { refuseOtherFile, WrittenFiles } from './written-files.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-written-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('notices that its folder is gone or is another one', async () => {
  const place = join(folder, 'disk');
  const files = new WrittenFiles(place);
  await files.requireSameFolder();
  await mkdir(place);
  await files.requireSameFolder();
  await rename(place, join(folder, 'elsewhere'));
  await expect(files.requireSameFolder()).rejects.toThrow('does not exist (any more)');
  await mkdir(place);
  await expect(files.requireSameFolder()).rejects.toThrow('does not exist (any more)');
});

it('lets its own files be replaced, and no file of other origin or that was changed since', async () => {
  const [a, b] = [join(folder, 'a.png'), join(folder, 'deep', 'b.png')];
  await mkdir(join(folder, 'deep'));
  const files = new WrittenFiles(folder);
  await files.refuseOthers([a, b]);
  for (const path of [a, b]) await writeFile(path, 'mask');
  await expect(files.refuseOthers([a, b])).rejects.toThrow(
    `${a} exists, and Pixelwise did not write it, or it was changed since. So do 1 more.`,
  );
  await files.record([a, b]);
  await files.refuseOthers([a, b]);
  await new WrittenFiles(folder).refuseOthers([b]);
  await writeFile(b, 'corrected by hand');
  await expect(files.refuseOthers([a, b])).rejects.toMatchObject({ code: 'file-in-use' });
  await files.record([b]);
  // The same size at another time.
  await utimes(b, 1, 1);
  await expect(files.refuseOthers([b])).rejects.toThrow(b);
});

it('waits for another process that is about to record what it wrote', async () => {
  const path = join(folder, 'a.png');
  await writeFile(path, 'mask');
  const files = new WrittenFiles(folder);
  const checked = files.refuseOthers([path]);
  await files.record([path]);
  await checked;
});

it('knows a file by the mark of its maker', async () => {
  const path = join(folder, 'model.onnx');
  await refuseOtherFile(path, 'pixelwise');
  await writeFile(path, '\b\b\u0012\tpixelwise and the rest');
  await refuseOtherFile(path, 'pixelwise');
  await writeFile(path, 'an essay');
  await expect(refuseOtherFile(path, 'pixelwise')).rejects.toThrow(
    `${path} exists, and Pixelwise did not write it`,
  );
});
