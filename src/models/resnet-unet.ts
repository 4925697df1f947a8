/** A U-Net on a ResNet-18 or ResNet-34, with the same expanding path as the one on a MobileNetV2. */
import type { FrozenEncoderOptions } from './encoder.js';
import { FREEZE_ENCODER } from './encoder.js';
import { EncoderUNet } from './encoder-unet.js';
import type { OptionTable, SharedOptions } from './options.js';
import { resolveOptions, SHARED_OPTIONS } from './options.js';
import type { ResNetDepth } from './resnet.js';
import { ResNetEncoder } from './resnet.js';

export interface ResNetUNetOptions extends SharedOptions, FrozenEncoderOptions {}

export const RESNET_UNET_OPTIONS: OptionTable<ResNetUNetOptions> = {
  ...SHARED_OPTIONS,
  freezeEncoder: FREEZE_ENCODER,
};

export class ResNetUNet extends EncoderUNet<ResNetEncoder> {
  constructor(depth: ResNetDepth, options: ResNetUNetOptions = {}) {
    const { channels, classes, freezeEncoder } = resolveOptions('ResNetUNet', RESNET_UNET_OPTIONS, options);
    super(new ResNetEncoder({ channels, depth }), classes);
    if (freezeEncoder) this.encoder.freeze();
  }
}
