import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWeights } from './file.js';
import { encodeSafetensors } from './safetensors.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-weights-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('readWeights', () => {
  it('goes by the content, not by the name', async () => {
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
      `${other} holds no weights that can be read: it is neither safetensors nor a .pth file of torch.save.`,
    );
    const empty = join(folder, 'empty');
    await writeFile(empty, '');
    await expect(readWeights(empty)).rejects.toThrow('holds no weights');
    await expect(readWeights(join(folder, 'none'))).rejects.toThrow(
      `${join(folder, 'none')} could not be read (ENOENT`,
    );
    await expect(readWeights(folder)).rejects.toThrow(`${folder} is no file`);
  });
});
