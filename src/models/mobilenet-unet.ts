/**
 * A U-Net on a MobileNetV2: with pretrained weights and the encoder frozen, 1,565,763 weights are left to
 * learn for three classes.
 */
import type { FrozenEncoderOptions } from './encoder.js';
import { ENCODER_NORMS, FREEZE_ENCODER, freezeAs } from './encoder.js';
import { EncoderUNet } from './encoder-unet.js';
import { MobileNetV2Encoder } from './mobilenet-v2.js';
import type { OptionTable, SharedOptions } from './options.js';
import { resolveOptions, SHARED_OPTIONS } from './options.js';

export interface MobileNetUNetOptions extends SharedOptions, FrozenEncoderOptions {}

export const MOBILENET_UNET_OPTIONS: OptionTable<MobileNetUNetOptions> = {
  ...SHARED_OPTIONS,
  freezeEncoder: FREEZE_ENCODER,
  encoderNorms: ENCODER_NORMS,
};

export class MobileNetUNet extends EncoderUNet<MobileNetV2Encoder> {
  constructor(options: MobileNetUNetOptions = {}) {
    const resolved = resolveOptions('MobileNetUNet', MOBILENET_UNET_OPTIONS, options);
    const { channels, classes } = resolved;
    super(new MobileNetV2Encoder({ channels }), classes);
    freezeAs(this.encoder, resolved);
  }
}
