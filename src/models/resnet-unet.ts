/** A U-Net on a ResNet-18 or ResNet-34, with the same expanding path as the one on a MobileNetV2. */
import type { FrozenEncoderOptions } from './encoder.js';
import { ENCODER_NORMS, FREEZE_ENCODER, freezeAs } from './encoder.js';
import { EncoderUNet } from './encoder-unet.js';
import type { OptionTable, SharedOptions } from './options.js';
import { resolveOptions, SHARED_OPTIONS } from './options.js';
import type { ResNetDepth } from './resnet.js';
import { ResNetEncoder } from './resnet.js';

export interface ResNetUNetOptions extends SharedOptions, FrozenEncoderOptions {}

export const RESNET_UNET_OPTIONS: OptionTable<ResNetUNetOptions> = {
  ...SHARED_OPTIONS,
  freezeEncoder: FREEZE_ENCODER,
  encoderNorms: ENCODER_NORMS,
};

export class ResNetUNet extends EncoderUNet<ResNetEncoder> {
  constructor(depth: ResNetDepth, options: ResNetUNetOptions = {}) {
    const resolved = resolveOptions('ResNetUNet', RESNET_UNET_OPTIONS, options);
    const { channels, classes } = resolved;
    super(new ResNetEncoder({ channels, depth }), classes);
    freezeAs(this.encoder, resolved);
  }
}
