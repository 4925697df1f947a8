/** Any input size for models that halve it several times. */
import type { Tensor } from '../graph/index.js';
import { pad, sliceAll } from '../graph/index.js';

/**
 * Pads N×C×H×W with zeros at the right and the bottom to multiples of `divisor`, and crops what `body`
 * makes of it back to H×W.
 */
export function paddedToDivisor(x: Tensor, divisor: number, body: (padded: Tensor) => Tensor): Tensor {
  const [n, , h, w] = x.shape as [number, number, number, number];
  const extra = [h, w].map((size) => Math.ceil(size / divisor) * divisor - size) as [number, number];
  if (extra[0] === 0 && extra[1] === 0) return body(x);
  const y = body(pad(x, [0, 0, 0, 0], [0, 0, ...extra]));
  return sliceAll(y, [0, 0, 0, 0], [n, y.shape[1]!, h, w]);
}
