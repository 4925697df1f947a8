/** Pads images so that models which halve the size several times accept any input size. */
import type { Tensor } from '../graph/index.js';
import { pad, sliceAll } from '../graph/index.js';

/**
 * Pads N×C×H×W with zeros at the right and the bottom to multiples of `divisor`, applies `body`, and crops the
 * result back to H×W.
 */
export function paddedToDivisor(x: Tensor, divisor: number, body: (padded: Tensor) => Tensor): Tensor {
  const [n, , h, w] = x.shape as [number, number, number, number];
  const extra = [h, w].map((size) => Math.ceil(size / divisor) * divisor - size) as [number, number];
  if (extra[0] === 0 && extra[1] === 0) return body(x);
  const y = body(pad(x, [0, 0, 0, 0], [0, 0, ...extra]));
  return sliceAll(y, [0, 0, 0, 0], [n, y.shape[1]!, h, w]);
}
