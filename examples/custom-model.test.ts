import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../test/support/made-data.js';
import { main } from './custom-model.js';

test('trains a custom model with a custom loss on custom data', async () => {
  const { path, remove } = await temporaryFolder();
  try {
    expect(await main(join(path, 'run'))).toBeGreaterThan(0.85);
  } finally {
    await remove();
  }
});
