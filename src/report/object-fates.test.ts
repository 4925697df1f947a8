import { expect, it } from 'vitest';
import { objectCode } from '../objects/index.js';
import { FATE_COLOURS, fateMap } from './object-fates.js';

const FATES = Object.keys(FATE_COLOURS);
const HEIGHT = 5;

/** Squares of 3×3 pixels, or of 3×7, from a row of numbers. */
function plane(row: string): Int32Array {
  return Int32Array.from({ length: row.length * HEIGHT }, (_, i) => {
    const y = Math.floor(i / row.length);
    return y === 0 || y === HEIGHT - 1 ? 0 : Number(row[i % row.length]);
  });
}

it('outlines what was found by its fate, and fills what was missed', () => {
  const truth = plane('0111022203330444055550');
  const found = plane('0111000003330222244440');
  const width = 22;
  const map = fateMap(
    { width, height: HEIGHT, data: Uint32Array.from(truth, (number) => number && objectCode(number, 1)) },
    { width, height: HEIGHT, labels: found, classes: new Uint8Array(4).fill(1) },
    { width, height: HEIGHT },
  );
  const fateAt = (x: number, y = 1) => FATES[map.data[y * width + x]! - 1];
  expect([fateAt(1), fateAt(2, 2)]).toEqual(['matched', undefined]);
  expect([fateAt(5), fateAt(6, 2)]).toEqual(['missed', 'missed']);
  expect(fateAt(9)).toBe('matched');
  expect(map.data.slice(0, width)).toEqual(new Uint8Array(width));
});

it('samples the objects at the size of the view', () => {
  const side = 8;
  const labels = Int32Array.from({ length: side * side }, (_, i) => (i % side < 4 ? 1 : 0));
  const map = fateMap(
    { width: side, height: side, data: new Uint32Array(side * side) },
    { width: side, height: side, labels, classes: Uint8Array.of(1) },
    { width: 4, height: 4 },
  );
  const invented = 1 + FATES.indexOf('invented');
  expect([...map.data.slice(0, 4)]).toEqual([0, invented, 0, 0]);
});
