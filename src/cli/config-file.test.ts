import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../errors/index.js';
import { readConfigFile } from './config-file.js';
import { optionsOf } from './options.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(name: string, content: string) {
  const path = join(folder, name);
  await writeFile(path, content);
  return readConfigFile(path, 'train', optionsOf('train'));
}

describe('readConfigFile', () => {
  it('reads YAML by the names of flags or of the library', async () => {
    const yaml = [
      '# my cells',
      'data: ./cells',
      'batch-norm: true',
      'dropLast: false',
      'classes: [background, cell]',
      'lr: 1e-3',
      'size: 192x256',
      'val: 0.1',
      'patience:',
    ].join('\n');
    expect(await read('a.yaml', yaml)).toEqual({
      data: './cells',
      batchNorm: true,
      dropLast: false,
      classes: ['background', 'cell'],
      lr: 0.001,
      size: { height: 192, width: 256 },
      val: 0.1,
    });
  });

  it('reads JSON', async () => {
    expect(await read('a.json', '{"epochs": 3, "optimizer": "sgd"}')).toEqual({
      epochs: 3,
      optimizer: 'sgd',
    });
    expect(await read('empty.yaml', '')).toEqual({});
  });

  it.each([
    ['epoch: 3', /there is no option "epoch"\. Did you mean epochs\?/],
    ['epochs: 0', /epochs must be a whole number from 1 to 1000000; got 0/],
    ['optimizer: adm', /Did you mean "adam"\?/],
    ['score-at: model', /train does not take score-at; it is an option of evaluate/],
    ['json: true', /on the command line only/],
    ['{batch-norm: true, batchNorm: true}', /given twice/],
  ])('refuses %j', async (content, message) => {
    const reading = read('bad.yaml', content);
    await expect(reading).rejects.toThrow(UsageError);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toThrow(/bad\.yaml/);
  });

  it.each([
    ['a: [', /neither YAML nor JSON/],
    ['- epochs', /holds lines such as/],
  ])('names a file that is damaged: %j', async (content, message) => {
    await expect(read('worse.yaml', content)).rejects.toThrow(message);
  });

  it('names a file that is not there', async () => {
    await expect(readConfigFile(join(folder, 'none.yaml'), 'train', optionsOf('train'))).rejects.toThrow(
      /none\.yaml.*ENOENT/,
    );
  });
});
