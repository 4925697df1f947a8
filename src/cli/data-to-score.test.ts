import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinyCard } from '../../test/inference/tiny-model.js';
import { writeTinyRun } from '../../test/inference/tiny-run.js';
import { makeFolder, makeSample, put, temporaryFolder } from '../../test/support/made-data.js';
import { encodeImage } from '../images/encode.js';
import { RunFolder } from '../training/index.js';
import { dataToScore } from './data-to-score.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

/** A run whose config.json has these under data.options. */
async function run(options: Record<string, unknown>): Promise<string> {
  const path = join(root, 'run');
  await writeTinyRun(path, tinyCard(2), []);
  const folder = new RunFolder(path);
  const config = (await folder.readConfig()) as { data: object };
  await folder.writeConfig({ ...config, data: { ...config.data, options } } as never);
  return path;
}

describe('dataToScore', () => {
  it('reads data as the run read its own', async () => {
    const data = join(root, 'data');
    await makeFolder(data, { count: 4, values: [0, 255], id: (i) => `p${i >> 1}_${i}` });
    const source = await run({ format: 'folder', group: '^([^_]+)_', maskValues: 'indices' });
    const dataset = await dataToScore(source, { data }, ['background', 'foreground']);
    expect(dataset.groups).toEqual(['p0', 'p0', 'p1', 'p1']);
    // The run's masks held 0 and 1; here nothing but 0 and 255 occurs, so 255 is the foreground.
    expect(new Set((await dataset.get(0)).mask.data)).toEqual(new Set([0, 1]));
    const told = await dataToScore(source, { data, group: '.*' }, ['background', 'foreground']);
    expect(told.groups).toEqual(told.ids);
  });

  it('recognises data laid out unlike that of the run, and guesses for a model file', async () => {
    const data = join(root, 'data');
    await makeFolder(data, { count: 2, values: [0, 255] });
    const other = await dataToScore(await run({ format: 'oxford-pets', target: 'binary' }), { data }, [
      'a',
      'b',
    ]);
    expect([other.format, other.classes]).toEqual(['folder', ['a', 'b']]);
    const file = await dataToScore(join(root, 'model.onnx'), { data }, ['a', 'b']);
    expect(file.maskValues).toBe('zero-or-full');
  });

  it('reads masks in colour by the colours that the run was given', async () => {
    const data = join(root, 'data');
    await makeFolder(data, { count: 2 });
    for (const id of [0, 1]) {
      const { width, height, data: plane } = makeSample(id).mask;
      const rgb = Uint8Array.from([...plane].flatMap((value) => (value === 1 ? [255, 136, 0] : [0, 0, 9])));
      const image = { width, height, channels: 3, data: rgb };
      await put(join(data, 'masks', `sample-${id}.png`), await encodeImage(image));
    }
    const source = await run({ format: 'folder', classes: ['car=#ff8800', 'road=#000009'] });
    const dataset = await dataToScore(source, { data }, ['car', 'road']);
    expect(dataset.classes).toEqual(['car', 'road']);
    const { mask } = await dataset.get(1);
    expect(mask.data).toEqual(makeSample(1).mask.data.map((value) => 1 - value));
  });

  it('names the entry of a configuration that cannot be used', async () => {
    const data = join(root, 'data');
    await makeFolder(data, { count: 2 });
    await expect(dataToScore(await run({ maskValues: 'odd' }), { data }, ['a', 'b'])).rejects.toThrow(
      'maskValues',
    );
  });
});
