/**
 * Deep supervision (Lee et al. 2015; in U-Nets Zhou et al. 2018): in training, the smaller levels of a decoder have a
 * head of their own, whose logits are upsampled and added to the loss. Each level counts half as much as the next
 * larger one, as in nnU-Net (Isensee et al. 2021). In evaluation the heads are not used.
 */
import type { Tensor } from '../graph/index.js';
import { resize, sliceAll } from '../graph/index.js';
import { Conv2d, superviseAlso } from '../nn/index.js';
import type { Setting } from '../settings/index.js';
import { flag } from '../settings/index.js';

export const DEEP_SUPERVISION: Setting<boolean> = {
  kind: flag(),
  default: false,
  help: 'in training, also add the losses of logits computed at lower resolutions of the decoder',
};

/** A 1×1 convolution to logits for each level but the largest; `widths` are the levels' channels, the smallest level first. */
export const auxiliaryHeads = (widths: readonly number[], classes: number): Conv2d[] =>
  widths.slice(0, -1).map((width) => new Conv2d(width, classes, 1));

/**
 * Adds the loss of the levels' logits.
 *
 * @param levels outputs of the decoder's levels but the largest, the smallest first
 * @param padded height and width of the padded image
 * @param image the image before padding
 */
export function superviseLevels(
  heads: readonly Conv2d[],
  levels: readonly Tensor[],
  padded: readonly [number, number],
  image: Tensor,
): void {
  for (const [i, head] of heads.entries()) {
    const logits = resize(head.forward(levels[i]!), padded, { mode: 'bilinear' });
    const [n, classes] = logits.shape as [number, number];
    const cropped = sliceAll(logits, [0, 0, 0, 0], [n, classes, image.shape[2]!, image.shape[3]!]);
    superviseAlso(cropped, 0.5 ** (heads.length - i));
  }
}
