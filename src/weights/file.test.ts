import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { Conv2d } from '../nn/index.js';
import { encodeSafetensors, readWeights, type WeightTensor, writeWeights } from './index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-weights-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('readWeights', () => {
  it('tells the format by the content, not by the name', async () => {
    const safetensors = join(folder, 'a.pth');
    await writeFile(safetensors, encodeSafetensors([{ name: 'w', shape: [1], data: Float32Array.of(2) }]));
    expect((await readWeights(safetensors)).tensors).toMatchObject([{ name: 'w', elementType: 'F32' }]);
    for (const name of ['state-dict', 'state-dict-legacy']) {
      const path = join(folder, 'b.safetensors');
      await copyFile(fileURLToPath(new URL(`../../test/golden/weights/${name}.pth`, import.meta.url)), path);
      expect(await readWeights(path)).toMatchObject({ source: path, tensors: { length: 7 } });
    }
  });

  it('names the file that it cannot read', async () => {
    const other = join(folder, 'notes.txt');
    await writeFile(other, 'no weights here');
    await expect(readWeights(other)).rejects.toThrow(
      `${other} is neither a safetensors file, an ONNX file nor a .pth file written by torch.save.`,
    );
    const empty = join(folder, 'empty');
    await writeFile(empty, '');
    await expect(readWeights(empty)).rejects.toThrow('is neither a safetensors file');
    await expect(readWeights(join(folder, 'none'))).rejects.toThrow(
      `${join(folder, 'none')} could not be read (ENOENT`,
    );
    await expect(readWeights(folder)).rejects.toThrow(`${folder} is not a file`);
  });
});

describe('writeWeights', () => {
  it("writes a model's weights, which readWeights and loadStateDict take back", async () => {
    const path = join(folder, 'conv.safetensors');
    const saved = new Conv2d(2, 3, 1);
    await writeWeights(path, saved.stateDict(), { note: 'trained' });
    const file = await readWeights(path);
    expectTypeOf(file.floats()).toEqualTypeOf<WeightTensor[]>();
    expect(file.metadata).toEqual({ note: 'trained' });
    const loaded = new Conv2d(2, 3, 1);
    loaded.loadStateDict(file.floats().map((t) => ({ ...t, data: t.data.map((value) => value + 1) })));
    expect(loaded.stateDict()).not.toEqual(saved.stateDict());
    expect(loaded.loadStateDict(file).stateDict()).toEqual(saved.stateDict());
  });
});
