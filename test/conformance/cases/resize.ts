/** Resizing up, down, and by fractions. */
import type { Tensor } from '../../../src/graph/index.js';
import { resize } from '../../../src/graph/index.js';
import { first, float, second } from '../case.js';

const nearest =
  (...size: [number, number]) =>
  (x: Tensor) =>
    resize(x, size);
const bilinear =
  (...size: [number, number]) =>
  (x: Tensor) =>
    resize(x, size, { mode: 'bilinear' });
const aligned =
  (...size: [number, number]) =>
  (x: Tensor) =>
    resize(x, size, { mode: 'bilinear', alignCorners: true });

export const resizeCases = [
  first('resize nearest, twice', [float(2, 3, 5, 4)], nearest(10, 8)),
  first('resize nearest, up by a fraction', [float(2, 2, 5, 4)], nearest(8, 11)),
  first('resize nearest, down', [float(2, 2, 9, 10)], nearest(4, 5)),
  first('resize nearest, rows up and columns down', [float(1, 3, 3, 11)], nearest(7, 4)),
  first('resize bilinear, twice', [float(2, 3, 5, 4)], bilinear(10, 8)),
  first('resize bilinear, up by a fraction', [float(2, 2, 5, 4)], bilinear(8, 11)),
  first('resize bilinear, down', [float(2, 2, 9, 10)], bilinear(4, 3)),
  first('resize bilinear, rows down and columns up', [float(1, 3, 9, 4)], bilinear(5, 7)),
  first('resize bilinear, from one pixel', [float(2, 2, 1, 1)], bilinear(3, 4)),
  first('resize bilinear with aligned corners, twice', [float(2, 3, 5, 4)], aligned(10, 8)),
  first('resize bilinear with aligned corners, down', [float(2, 2, 9, 10)], aligned(4, 3)),
  first('resize bilinear with aligned corners, to one row', [float(2, 2, 5, 6)], aligned(1, 9)),
  first('resize bilinear, twice, 4 channels, 4×4', [float(1, 4, 4, 4)], bilinear(8, 8)),
  second('resize', [float(2, 2, 3, 4)], bilinear(5, 7)),
];
