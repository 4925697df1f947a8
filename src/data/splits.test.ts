import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { Dataset } from './dataset.js';
import { namedPart, type Parts, splitDataset } from './splits.js';

function dataset(ids: string[], groups?: string[], splits?: (string | undefined)[]): Dataset {
  return {
    format: 'test',
    length: ids.length,
    ids,
    groups,
    splits,
    classes: ['a', 'b'],
    channels: 3,
    maxValue: 255,
    files: (i) => ({ image: ids[i]!, mask: ids[i]! }),
    get: () => Promise.reject(new Error('not needed')),
  };
}

const numbered = (n: number): string[] => Array.from({ length: n }, (_, i) => `s${i}`);
const idsOf = (parts: Parts): string[][] =>
  [parts.train, parts.valid, parts.test].map((part) => [...(part?.ids ?? [])]);

describe('splitDataset', () => {
  it('covers all samples once and never cuts a group, for any grouping', () => {
    const arrays = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 12, maxLength: 80 });
    fc.assert(
      fc.property(arrays, fc.nat(1000), fc.constantFrom(0, 0.1, 0.3), (groups, seed, test) => {
        fc.pre(new Set(groups).size >= 3);
        const whole = dataset(
          numbered(groups.length),
          groups.map((group) => `g${group}`),
        );
        const parts = splitDataset(whole, { seed, test, valid: 0.25 });
        expect(idsOf(parts).flat().sort()).toEqual([...whole.ids].sort());
        const seen = [parts.train, parts.valid, parts.test].map((part) => new Set(part?.groups ?? []));
        expect(seen.reduce((sum, set) => sum + set.size, 0)).toBe(new Set(groups).size);
        expect(seen[0]!.size).toBeGreaterThan(0);
        expect(seen[1]!.size).toBeGreaterThan(0);
        expect(idsOf(splitDataset(whole, { seed, test, valid: 0.25 }))).toEqual(idsOf(parts));
      }),
    );
  });

  it('holds a fifth out by default, other samples with another seed, none with 0', () => {
    const whole = dataset(numbered(100));
    const [train, valid, test] = idsOf(splitDataset(whole));
    expect([train!.length, valid!.length, test!.length]).toEqual([80, 20, 0]);
    expect(idsOf(splitDataset(whole, { seed: 1 }))[1]).not.toEqual(valid);
    expect(splitDataset(whole, { valid: 0 }).valid).toBeUndefined();
    expect(splitDataset(whole, { valid: 0 }).train.length).toBe(100);
  });

  it('leaves known samples and their groups where they were, and draws from the new ones', () => {
    const before = idsOf(splitDataset(dataset(numbered(40)), { test: 0.2, valid: 0.2 }));
    const [train, valid, test] = before as [string[], string[], string[]];
    const more = dataset(numbered(60));
    const after = idsOf(
      splitDataset(more, { test: 0.2, valid: 0.2, known: { train, valid, test }, seed: 5 }),
    );
    expect(after.flat().sort()).toEqual([...more.ids].sort());
    before.forEach((part, k) => expect(after[k]).toEqual(expect.arrayContaining(part)));
    expect(after.map((part) => part.length)).toEqual([26 + 13, 6 + 3, 8 + 4]);

    const patients = ['s0', 's1', 's2', 's3', 's4', 's5'];
    const grouped = dataset(patients, ['p', 'p', 'q', 'q', 'r', 'r']);
    const known = { train: ['s0'], valid: ['s2'], test: ['s4'] };
    const parts = splitDataset(grouped, { test: 0.3, valid: 0.3, known });
    expect(idsOf(parts)).toEqual([
      ['s0', 's1'],
      ['s2', 's3'],
      ['s4', 's5'],
    ]);
    const dissolved = splitDataset(grouped, { test: 0.3, valid: 0, known });
    expect(idsOf(dissolved)).toEqual([['s0', 's1', 's2', 's3'], [], ['s4', 's5']]);
  });

  it('keeps official parts: test is never trained on, and valid is drawn from train', () => {
    const splits = numbered(30).map((_, i) => (i < 20 ? 'train' : i < 28 ? 'test' : undefined));
    const whole = dataset(numbered(30), undefined, splits);
    const parts = splitDataset(whole);
    expect(parts.test!.ids).toEqual(numbered(30).slice(20, 28));
    expect(parts.train.length + parts.valid!.length).toBe(20);
    const without = splitDataset(whole, { test: 0, valid: 0 });
    expect(without.train.length).toBe(20);
  });

  it('takes a named part, a folder, a list, another data set', () => {
    const ids = ['val/a', 'val/b', 'train/c', 'train/d', 'train/e'];
    expect(splitDataset(dataset(ids), { valid: { split: 'val' } }).valid!.ids).toEqual(['val/a', 'val/b']);
    expect(splitDataset(dataset(ids), { valid: { ids: ['train/d.png'] } }).valid!.ids).toEqual(['train/d']);
    const other = dataset(['x']);
    expect(splitDataset(dataset(ids), { valid: { dataset: other } }).valid).toBe(other);
    expect(splitDataset(dataset(ids), { valid: { dataset: other } }).train.length).toBe(5);
    const official = dataset(ids, undefined, ['valid', 'valid', 'train', 'train', 'train']);
    expect(splitDataset(official).valid!.length).toBe(2);
  });

  it('says what is wrong', () => {
    const whole = dataset(numbered(4), ['a', 'a', 'b', 'b']);
    expect(() => splitDataset(whole, { valid: 1 })).toThrow(UsageError);
    expect(() => splitDataset(whole, { valid: { split: 'nope' } })).toThrow('no part "nope"');
    expect(() => splitDataset(whole, { valid: { ids: ['s9'] } })).toThrow('s9');
    expect(() => splitDataset(whole, { valid: { ids: ['s0'] } })).toThrow('"a" is in');
    expect(() => splitDataset(dataset(['s0'], ['a']), { valid: 0.5 })).toThrow(PixelwiseError);
    expect(() => splitDataset(whole, { valid: { ids: whole.ids } })).toThrow('left to train on');
  });
});

describe('namedPart', () => {
  it('gives a part also where nothing is left beside it', () => {
    const official = dataset(numbered(3), undefined, ['train', 'train', 'test']);
    expect(namedPart(official, 'train').ids).toEqual(['s0', 's1']);
    expect(namedPart(official, 'testing').ids).toEqual(['s2']);
    const tested = dataset(numbered(2), undefined, ['test', 'test']);
    expect(namedPart(tested, 'test').ids).toEqual(['s0', 's1']);
    expect(namedPart(dataset(['day/a', 'day/b']), 'day').length).toBe(2);
    expect(() => namedPart(tested, 'nope')).toThrow('no part "nope"');
  });
});
