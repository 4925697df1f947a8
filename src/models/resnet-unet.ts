/** A U-Net on a ResNet-18 or ResNet-34, with the same expanding path as the one on a MobileNetV2. */
import type { Settings } from '../settings/index.js';
import { checkSettings } from '../settings/index.js';
import type { FrozenEncoderOptions } from './encoder.js';
import { ENCODER_BN, FREEZE_ENCODER, freezeAs } from './encoder.js';
import { EncoderUNet } from './encoder-unet.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';
import type { ResNetDepth } from './resnet.js';
import { ResNetEncoder } from './resnet.js';

export interface ResNetUNetOptions extends SharedOptions, FrozenEncoderOptions {}

export const RESNET_UNET_OPTIONS: Settings<Required<ResNetUNetOptions>> = {
  ...SHARED_OPTIONS,
  freezeEncoder: FREEZE_ENCODER,
  encoderBn: ENCODER_BN,
};

export class ResNetUNet extends EncoderUNet<ResNetEncoder> {
  constructor(depth: ResNetDepth, options: ResNetUNetOptions = {}) {
    const resolved = checkSettings('ResNetUNet', RESNET_UNET_OPTIONS, options);
    const { channels, classes } = resolved;
    super(new ResNetEncoder({ channels, depth }), classes);
    freezeAs(this.encoder, resolved);
  }
}
