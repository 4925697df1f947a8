import { describe, expect, it } from 'vitest';
import type { Dataset } from '../data/index.js';
import { partToScore } from './part-to-score.js';

function dataset(splits: string[]): Dataset {
  const ids = splits.map((_, i) => `s${i}`);
  return {
    format: 'test',
    length: ids.length,
    ids,
    splits,
    classes: ['a', 'b'],
    channels: 3,
    maxValue: 255,
    files: (i) => ({ image: ids[i]!, mask: ids[i]! }),
    get: () => Promise.reject(new Error('not needed')),
  };
}

describe('partToScore', () => {
  it.each([
    ['train', ['train', 'train', 'test'], ['s0', 's1']],
    ['test', ['test', 'test'], ['s0', 's1']],
  ])('takes the official part %s even where it leaves nothing to train on', async (split, splits, ids) => {
    const { part } = await partToScore(['model.onnx'], dataset(splits), 'data', split);
    expect(part.ids).toEqual(ids);
  });
});
