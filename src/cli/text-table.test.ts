import { expect, it } from 'vitest';
import { textTable } from './text-table.js';

it('stands cells in columns', () => {
  const lines = textTable(
    [{ heading: 'class' }, { heading: 'IoU', align: 'right' }],
    [
      ['background', '0.98'],
      ['cell', '0.8'],
    ],
  );
  expect(lines).toEqual(['class        IoU', 'background  0.98', 'cell         0.8']);
});
