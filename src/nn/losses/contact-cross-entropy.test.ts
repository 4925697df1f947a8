import { expect, it } from 'vitest';
import { input } from '../../graph/index.js';
import { levelNames, levelsOf, objectCode } from '../../objects/index.js';
import { targetMapsBehind } from '../target-map.js';
import { contactCrossEntropy, IGNORE_INDEX } from './index.js';

const WIDTH = 30;
const HEIGHT = 14;

/** Two rectangles that touch at column 11, and a third one apart from them. */
function codes(): Uint32Array {
  return Uint32Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    if (x === 0) return IGNORE_INDEX;
    if (y < 2 || y > 11) return 0;
    return x >= 2 && x < 11
      ? objectCode(1, 1)
      : x >= 11 && x < 20
        ? objectCode(2, 1)
        : x > 25
          ? objectCode(3, 1)
          : 0;
  });
}

it('weighs the pixels of objects by the distances to the insides of two objects', () => {
  const data = codes();
  const levels = levelsOf({ width: WIDTH, height: HEIGHT, data });
  const [strength, sigma] = [10, 5];
  const insides = [1, 2, 3].map((n) =>
    [...data.keys()].filter((i) => data[i] === objectCode(n, 1) && levels[i]! > 1),
  );
  const toInside = (i: number, inside: readonly number[]): number =>
    Math.min(
      ...inside.map((j) =>
        Math.hypot((i % WIDTH) - (j % WIDTH), Math.floor(i / WIDTH) - Math.floor(j / WIDTH)),
      ),
    );
  const expected = [...data].map((code, i) => {
    if (code === IGNORE_INDEX || code === 0) return 1;
    const [first, second] = insides.map((inside) => toInside(i, inside)).sort((a, b) => a - b);
    return 1 + strength * Math.exp(-((first! + second!) ** 2) / (2 * sigma ** 2));
  });

  const channels = levelNames(['background', 'cell']).length;
  const logits = input('logits', [1, channels, HEIGHT, WIDTH]);
  const target = input('target', [1, HEIGHT, WIDTH], 'uint8');
  const [map] = targetMapsBehind([contactCrossEntropy({ strength, sigma })(logits, target)]);
  const weights = map!.compute(levels);
  // The rims between the two that touch, and an object whose neighbour is farther away.
  const at = (x: number, y: number) => weights[y * WIDTH + x]!;
  expect(at(10, 6)).toBeGreaterThan(7);
  expect(at(28, 6)).toBeLessThan(3);
  expected.forEach((weight, i) => expect(weights[i]).toBeCloseTo(weight, 3));
});
