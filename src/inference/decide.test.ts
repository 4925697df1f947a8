import { expect, it } from 'vitest';
import { decideClasses } from './decide.js';

it('chooses the first of equally probable classes', () => {
  const planes = Float32Array.of(0.2, 0.4, 0.1, /**/ 0.5, 0.4, 0.2, /**/ 0.3, 0.2, 0.7);
  expect(decideClasses(planes, undefined, new Uint8Array(3))).toEqual(Uint8Array.of(1, 0, 2));
});

it('takes class 1 from the threshold on, in float32', () => {
  const planes = Float32Array.of(0.29, 0.3, 0.31);
  expect(decideClasses(planes, 0.3, new Uint8Array(3))).toEqual(Uint8Array.of(0, 1, 1));
});
