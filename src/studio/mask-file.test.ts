import { join } from 'node:path';
import { expect, it } from 'vitest';
import { put, temporaryFolder } from '../../test/support/made-data.js';
import { encodeLabels, maskPalette, readLabels } from './mask-file.js';

it('tells how many changes a mask holds, whatever bytes come after the number', async () => {
  const { path, remove } = await temporaryFolder();
  const mask = { width: 2, height: 1, data: Uint8Array.of(1, 255) };
  const file = join(path, 'mask.png');
  // The checksum of the chunk begins with a digit for one number in 26.
  for (let changes = 400; changes < 500; changes++) {
    await put(file, await encodeLabels(mask, maskPalette([]), changes));
    expect(await readLabels(file)).toMatchObject({ ...mask, changes });
  }
  await remove();
});
