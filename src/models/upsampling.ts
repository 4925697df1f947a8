/** The option of U-Nets that says how the decoder doubles the size of its feature maps. */
import type { Setting } from '../settings/index.js';
import { choice } from '../settings/index.js';

export type Upsampling = 'transposed' | 'nearest' | 'bilinear';

export const UPSAMPLING: Setting<Upsampling> = {
  kind: choice(['transposed', 'nearest', 'bilinear']),
  default: 'transposed',
  help: 'upsample by a transposed convolution, by nearest neighbour, or bilinearly',
};
