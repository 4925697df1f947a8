/**
 * A U-Net on an encoder of one's own, from an ONNX file:
 *
 * ```ts
 * const file = decodeModel(await readFile('encoder.onnx'));
 * const options = { taps: ['relu1', 'relu2', 'relu3'], size: { height: 256, width: 256 } };
 * const model = new OnnxEncoderUNet(await OnnxEncoder.measure(file, options, runtime), { classes: 3 });
 * ```
 */
import { checkSettings } from '../settings/index.js';
import { EncoderUNet } from './encoder-unet.js';
import type { OnnxEncoder } from './onnx-encoder.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';

/** What configurations and the command line call it. The registry has no entry: it needs a file. */
export const ONNX_UNET = 'onnx-unet';

export type OnnxEncoderUNetOptions = Pick<SharedOptions, 'classes'>;

export class OnnxEncoderUNet extends EncoderUNet<OnnxEncoder> {
  constructor(encoder: OnnxEncoder, options: OnnxEncoderUNetOptions = {}) {
    const { classes } = checkSettings<Required<OnnxEncoderUNetOptions>>(
      'OnnxEncoderUNet',
      { classes: SHARED_OPTIONS.classes },
      options,
    );
    super(encoder, classes);
  }
}
