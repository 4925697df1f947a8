import { expect, test } from 'vitest';
import { main } from './custom-model.js';

test('a model, a loss and data of one’s own train through fit', async () => {
  expect(await main()).toBeGreaterThan(0.85);
});
