/** All encoders by their names in torchvision. The models on an encoder take any of them. */
import { UsageError } from '../../errors/index.js';
import { didYouMean } from '../../settings/index.js';
import { CONVNEXT_TINY } from './convnext.js';
import { EFFICIENTNET_B0, EFFICIENTNET_B1, EFFICIENTNET_B2, EFFICIENTNET_B3 } from './efficientnet.js';
import type { EncoderEntry } from './encoder-entry.js';
import { MOBILENET_V2 } from './mobilenet-v2.js';
import { MOBILENET_V3_LARGE, MOBILENET_V3_SMALL } from './mobilenet-v3.js';
import { RESNET18, RESNET34, RESNET50 } from './resnet.js';

/** In the order of the help text. */
export const ENCODERS = {
  mobilenet_v2: MOBILENET_V2,
  mobilenet_v3_small: MOBILENET_V3_SMALL,
  mobilenet_v3_large: MOBILENET_V3_LARGE,
  resnet18: RESNET18,
  resnet34: RESNET34,
  resnet50: RESNET50,
  efficientnet_b0: EFFICIENTNET_B0,
  efficientnet_b1: EFFICIENTNET_B1,
  efficientnet_b2: EFFICIENTNET_B2,
  efficientnet_b3: EFFICIENTNET_B3,
  convnext_tiny: CONVNEXT_TINY,
} as const satisfies Readonly<Record<string, EncoderEntry>>;

export type EncoderName = keyof typeof ENCODERS;

export const ENCODER_NAMES = Object.keys(ENCODERS) as EncoderName[];

/** @throws UsageError for an unknown name, listing the known ones. */
export function encoderEntry(name: string): EncoderEntry {
  if (Object.hasOwn(ENCODERS, name)) return ENCODERS[name as EncoderName];
  throw new UsageError(
    `There is no encoder "${name}"; there are ${ENCODER_NAMES.join(', ')}.${didYouMean(name, ENCODER_NAMES)}`,
  );
}
