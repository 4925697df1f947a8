/** The option of decoders that says which norm follows their convolutions. */
import type { Layer } from '../nn/index.js';
import { BatchNorm2d, GroupNorm } from '../nn/index.js';
import type { Setting } from '../settings/index.js';
import { choice } from '../settings/index.js';

export type DecoderNorm = 'none' | 'batch' | 'group';

export const DECODER_NORM: Setting<DecoderNorm> = {
  kind: choice(['none', 'batch', 'group']),
  default: 'none',
  help: 'norm after each 3×3 convolution of the decoder',
};

/** Groups of a group norm, if that many divide the channels. */
const GROUPS = 8;

/** A norm for N×channels×H×W; undefined for `none`. */
export function normOf(kind: DecoderNorm, channels: number): Layer | undefined {
  if (kind === 'none') return undefined;
  if (kind === 'batch') return new BatchNorm2d(channels);
  let groups = Math.min(GROUPS, channels);
  while (channels % groups !== 0) groups--;
  return new GroupNorm(groups, channels);
}
