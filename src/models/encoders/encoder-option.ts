/** The option of models that take any encoder of the registry, and how such a model is trained from published weights. */
import type { Setting } from '../../settings/index.js';
import { choice } from '../../settings/index.js';
import type { Encoder, FrozenEncoderOptions } from '../encoder.js';
import { freezeAs } from '../encoder.js';
import type { EncoderOptions } from './encoder-entry.js';
import { ENCODER_NAMES, encoderEntry } from './registry.js';

export interface AnyEncoderOptions extends FrozenEncoderOptions {
  /** Name of the encoder in torchvision; default `mobilenet_v2`. */
  readonly encoder?: string;
}

/** The encoder of a model that names none. */
export const DEFAULT_ENCODER = 'mobilenet_v2';

export const ENCODER_OPTION: Setting<string> = {
  kind: choice<string>(ENCODER_NAMES),
  default: DEFAULT_ENCODER,
  help: 'the encoder, by its name in torchvision; for onnx-unet, the ONNX file with the frozen encoder',
};

/** Creates the encoder that a model's options name, frozen if they say so. */
export function encoderOf(
  { encoder: name, ...frozen }: Required<AnyEncoderOptions>,
  options: EncoderOptions,
): Encoder {
  const encoder = encoderEntry(name).create(options);
  freezeAs(encoder, frozen);
  return encoder;
}
