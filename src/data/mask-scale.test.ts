import { describe, expect, it } from 'vitest';
import { IGNORE_INDEX, type ClassMask } from '../images/raster.js';
import { meanIouAfterShrinking, objectWidth } from './mask-scale.js';

/** A mask drawn in digits; `.` is ignored. */
function drawn(...rows: readonly string[]): ClassMask {
  const data = Uint8Array.from(rows.join(''), (digit) => (digit === '.' ? IGNORE_INDEX : Number(digit)));
  return { width: rows[0]!.length, height: rows.length, data };
}

describe('meanIouAfterShrinking', () => {
  it('is 1 at the same size, and where cells have one class', () => {
    const mask = drawn('1100', '1100', '0022', '0022');
    expect(meanIouAfterShrinking([mask], 3, 1)).toBe(1);
    expect(meanIouAfterShrinking([mask], 3, 0.5)).toBe(1);
  });

  it('counts what the most frequent class of a cell takes from others', () => {
    // One pixel of class 1 is lost: IoU of class 0 is 15/16, of class 1 it is 0.
    expect(meanIouAfterShrinking([drawn('1000', '0000', '0000', '0000')], 2, 0.5)).toBeCloseTo(15 / 32, 12);
    // Three of four pixels of a cell: one pixel of class 0 becomes class 1.
    const mask = drawn('1100', '1000', '0000', '0000');
    expect(meanIouAfterShrinking([mask], 2, 0.5)).toBeCloseTo((12 / 13 + 3 / 4) / 2, 12);
  });

  it('leaves out ignored pixels and classes that do not occur', () => {
    expect(meanIouAfterShrinking([drawn('1.', '..')], 5, 0.5)).toBe(1);
    expect(meanIouAfterShrinking([], 2, 0.5)).toBe(1);
  });
});

describe('objectWidth', () => {
  it('is the mean length of runs, without the class that fills most of the mask', () => {
    // Runs of class 1: two of length 3 along rows, three of length 2 along columns.
    expect(objectWidth(drawn('000000', '011100', '011100', '000000'))).toBeCloseTo(12 / 5, 12);
    expect(objectWidth(drawn('00', '00'))).toBeUndefined();
  });
});
