/** The options that all models share. */
import type { Settings } from '../settings/index.js';
import { whole } from '../settings/index.js';

export interface SharedOptions {
  /** Input channels; default 3. */
  readonly channels?: number;
  /** Output channels: the number of classes, or 1 for a single logit that separates two classes. */
  readonly classes?: number;
}

/** The settings table of {@link SharedOptions}. */
export const SHARED_OPTIONS: Settings<Required<SharedOptions>> = {
  channels: { kind: whole(1, 4096), default: 3, help: 'channels of an image: 1 for grey, 3 for RGB' },
  classes: {
    kind: whole(1, 255),
    default: 1,
    help: 'output channels: the number of classes, or 1 for a single logit that separates two classes',
  },
};
