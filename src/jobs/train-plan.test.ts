import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder, makeSample, put, temporaryFolder } from '../../test/support/made-data.js';
import { encodeImage, encodeMask } from '../images/encode.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { planTraining } from './train-plan.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
  await makeFolder(join(root, 'data'), { count: 6, values: [0, 255], id: (i) => `p${i >> 1}_${i}` });
});
afterEach(() => remove());

describe('planTraining', () => {
  it('reads another data set for a part as it reads the training data', async () => {
    const other = join(root, 'other');
    const { image, mask } = makeSample(9);
    // Grey, with an empty mask, the mask half as large: all of which is told by the training data alone.
    const grey = { ...image, channels: 1, data: image.data.slice(0, mask.data.length) };
    const half = {
      width: mask.width / 2,
      height: mask.height / 2,
      data: new Uint8Array(mask.data.length / 4),
    };
    await put(join(other, 'images/p9_0.png'), await encodeImage(grey));
    await put(join(other, 'masks/p9_0.png'), await encodeMask(half));
    const marked = { ...half, data: half.data.slice().fill(255, 0, 5) };
    await put(join(other, 'images/p9_1.png'), await encodeImage(grey));
    await put(join(other, 'masks/p9_1.png'), await encodeIndexedPng(marked));
    const data = join(root, 'data');
    const { parts, dataOptions } = await planTraining({
      data,
      val: other,
      group: '^([^_]+)_',
      resizeMasks: true,
    });
    expect(parts.valid!.groups).toEqual(['p9', 'p9']);
    expect([parts.valid!.channels, parts.valid!.maskValues]).toEqual([3, 'zero-or-full']);
    const sample = await parts.valid!.get(1);
    expect([sample.image.channels, sample.mask.width]).toEqual([3, mask.width]);
    expect(new Set(sample.mask.data)).toEqual(new Set([0, 1]));
    expect(dataOptions).toMatchObject({ format: 'folder', resizeMasks: true, maskValues: 'zero-or-full' });
  });

  it('takes a list of ids in a file, and keeps paths that hold from any folder', async () => {
    const list = join(root, 'held-out.txt');
    await put(list, '# two of them\np1_2\np1_3.png\n');
    const val = relative(process.cwd(), list);
    const { parts, partOptions } = await planTraining({ data: join(root, 'data'), val, test: 0.25 });
    expect(parts.valid!.ids).toEqual(['p1_2', 'p1_3']);
    expect(partOptions).toEqual({ val: list, test: 0.25 });
  });
});
