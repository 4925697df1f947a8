/**
 * A U-Net whose encoder is read from an ONNX file:
 *
 * ```ts
 * const file = decodeModel(await readFile('encoder.onnx'));
 * const options = { taps: ['relu1', 'relu2', 'relu3'], size: { height: 256, width: 256 } };
 * const model = new OnnxEncoderUNet(await OnnxEncoder.measure(file, options, runtime), { classes: 3 });
 * ```
 */
import * as z from 'zod';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { decodeModel } from '../onnx/index.js';
import { checkSettings, text } from '../settings/index.js';
import { FROZEN_ENCODER_RATE } from './encoder.js';
import type { UNetDecoderOptions } from './encoder-unet.js';
import { EncoderUNet, UNET_DECODER_OPTIONS } from './encoder-unet.js';
import type { ModelFile, ModelValues } from './model-entry.js';
import { defineModel } from './model-entry.js';
import { OnnxEncoder } from './onnx-encoder.js';
import type { SharedOptions } from './options.js';
import { SHARED_OPTIONS } from './options.js';

export interface OnnxEncoderUNetOptions extends Pick<SharedOptions, 'classes'>, UNetDecoderOptions {}

export class OnnxEncoderUNet extends EncoderUNet<OnnxEncoder> {
  constructor(encoder: OnnxEncoder, options: OnnxEncoderUNetOptions = {}) {
    const resolved = checkSettings<Required<OnnxEncoderUNetOptions>>(
      'OnnxEncoderUNet',
      { classes: SHARED_OPTIONS.classes, ...UNET_DECODER_OPTIONS },
      options,
    );
    super(encoder, resolved.classes, resolved);
  }
}

/** Options of `train` for {@link ONNX_UNET}. */
export interface OnnxUNetSettings extends SharedOptions, UNetDecoderOptions {
  /** Path of the ONNX file. */
  readonly encoder?: string;
  /** Names of the file's tensors to use as feature maps, separated by commas. */
  readonly taps?: string;
}

/** The options in config.json: the measured encoder. */
const measuredSchema = z.object({
  input: z.string(),
  /** JSON: the name and the channels of each tap. */
  taps: z.string(),
  /** Of a vision transformer, its {@link PatchLayout}. */
  patchSize: z.number().int().positive().optional(),
  prefixTokens: z.number().int().min(-1).optional(),
});
const tapsSchema = z.array(z.tuple([z.string(), z.number().int().positive()]));

const ENCODER_FILE: ModelFile = {
  name: 'encoder.onnx',
  async prepare(given, { channels, size, runtime, read }) {
    const { encoder, taps } = given;
    if (typeof encoder !== 'string' || typeof taps !== 'string') {
      throw new UsageError(
        'onnx-unet needs --encoder FILE.onnx and --taps NAME,NAME,…: one tensor for each halving of the size',
      );
    }
    const bytes = await read(encoder);
    const wanted = { taps: taps.split(','), channels, size, source: encoder };
    const measured = await OnnxEncoder.measure(decodeModel(bytes, encoder), wanted, runtime);
    const pairs = measured.taps.map((tap) => [tap.name, tap.channels]);
    const { patches } = measured;
    const layout = patches && { patchSize: patches.size, prefixTokens: patches.prefix };
    const own = { input: measured.input, taps: JSON.stringify(pairs), ...layout };
    return { options: { ...decoderOptionsOf(given), ...own }, bytes };
  },
  create(options, bytes) {
    const { channels, classes } = options as SharedOptions;
    const measured = measuredSchema.safeParse(options);
    const taps = measured.success ? tapsSchema.safeParse(jsonOf(measured.data.taps)) : measured;
    if (!measured.success || !taps.success) {
      throw new PixelwiseError(
        'run',
        `config.json of the run is damaged: model.options of onnx-unet must have input and taps, not ${JSON.stringify(options)}`,
      );
    }
    const named = taps.data.map(([name, width]) => ({ name, channels: width }));
    const { patchSize, prefixTokens } = measured.data;
    const input = {
      input: measured.data.input,
      ...(channels !== undefined && { channels }),
      ...(patchSize !== undefined && { patches: { size: patchSize, prefix: prefixTokens ?? 0 } }),
    };
    const source = ENCODER_FILE.name;
    const encoder = new OnnxEncoder(decodeModel(bytes, source), named, { ...input, source });
    return new OnnxEncoderUNet(encoder, {
      ...decoderOptionsOf(options),
      ...(classes !== undefined && { classes }),
    });
  },
};

const decoderOptionsOf = (options: Readonly<Record<string, unknown>>): ModelValues =>
  Object.fromEntries(
    Object.entries(options).filter(([name]) => Object.hasOwn(UNET_DECODER_OPTIONS, name)),
  ) as ModelValues;

function jsonOf(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

export const ONNX_UNET = defineModel<OnnxUNetSettings>({
  title: 'U-Net on an encoder from a file',
  description: 'a U-Net whose frozen encoder is read from an ONNX file',
  options: {
    encoder: {
      kind: text('FILE', 'an ONNX file'),
      unset: 'none',
      help: 'ONNX file with the frozen encoder',
    },
    taps: {
      kind: text('NAMES', 'names of tensors, separated by commas'),
      unset: 'none',
      help: "tensor names of the encoder's feature maps, one for each halving of the size, the largest first; for a vision transformer, the tensor of the last layer's tokens",
    },
    ...UNET_DECODER_OPTIONS,
  },
  file: ENCODER_FILE,
  learningRate: FROZEN_ENCODER_RATE,
  // The cost of the frozen MobileNetV2, because settings are chosen before the file is read.
  cost: { microseconds: 1.9, bytes: 850 },
});
