import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/made-data.js';
import { createModel, summarize } from '../models/index.js';
import { withModelFiles } from './model-files.js';

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let file: string;
beforeAll(async () => {
  temporary = await temporaryFolder();
  await mkdir(join(temporary.path, 'models'));
  file = join(temporary.path, 'models', 'two-sizes.mjs');
  const source = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
  await writeFile(
    file,
    `import { defineModel, UNet } from ${source('../models/index.ts')};
    export default defineModel({
      title: 'small U-Net',
      description: 'a U-Net of two sizes',
      options: {},
      create: (options) => new UNet({ ...options, depth: 2, width: 2 }),
    });`,
  );
});
afterAll(() => temporary.remove());

it('registers the model in a file under the name of the file', async () => {
  const words = ['train', '--data', 'a.js', '--model', file, '--json'];
  expect(await withModelFiles(words)).toEqual(['train', '--data', 'a.js', '--model', 'two-sizes', '--json']);
  expect(await withModelFiles(['bench', `--model=${file}`])).toEqual(['bench', '--model=two-sizes']);
  expect(await withModelFiles(['summary', file])).toEqual(['summary', 'two-sizes']);
  const model = createModel('two-sizes', { classes: 3 });
  expect(summarize(model, { height: 8, width: 8 }).output).toEqual([null, 3, 8, 8]);
});

it('leaves other words, and says what is wrong with a file', async () => {
  expect(await withModelFiles(['train', '--model', 'unet'])).toEqual(['train', '--model', 'unet']);
  await expect(withModelFiles(['train', '--model', './none.js'])).rejects.toThrow('cannot be loaded');
  const other = join(temporary.path, 'other.js');
  await writeFile(other, 'export const model = 1;');
  await expect(withModelFiles(['train', '--model', other])).rejects.toThrow('export default defineModel');
});
