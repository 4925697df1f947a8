import { expect, it } from 'vitest';
import { ObjectScorer } from '../../objects/index.js';
import type { Run } from '../read-run.js';
import { objectsSection } from './objects.js';

const map = (row: string) => ({
  width: row.length,
  height: 1,
  labels: Int32Array.from(row, Number),
  classes: new Uint8Array(Math.max(...[...row].map(Number))).fill(1),
});

it('shows scores, counts and sizes of objects, and nothing without them', () => {
  const scorer = new ObjectScorer();
  scorer.add(map('1111022220'), map('1111022233'));
  const scores = { objects: scorer.scores(), objectCounts: [{ id: '<a>', counted: 3, true: 2 }] };
  const run = { judged: [{ part: 'test', scores }] } as unknown as Run;
  const text = String(objectsSection(run)!.body);
  expect(text).toContain('3 objects found, 2 are true');
  expect(text).toMatch(/AP at 0\.5[^]*?0\.667/);
  expect(text).toContain('&lt;a&gt;: 3 found, 2 true');
  // Areas of 4 and 4 are true; 4, 3 and 2 were found.
  expect(scores.objects.sizes.true).toEqual([0, 0, 0, 0, 2]);
  expect(scores.objects.sizes.counted).toEqual([0, 0, 1, 1, 1]);
  expect(objectsSection({ judged: [{ part: 'test', scores: {} }] } as unknown as Run)).toBeUndefined();
});
