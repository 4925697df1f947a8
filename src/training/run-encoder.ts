/**
 * The encoder of a run that was made from an ONNX file. The run folder keeps a copy of the file,
 * `encoder.onnx`, so that it predicts and exports wherever it is moved to; config.json keeps the copy's
 * SHA-256 and the taps as they were measured.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { createModel, ONNX_UNET, OnnxEncoder, OnnxEncoderUNet } from '../models/index.js';
import type { Layer } from '../nn/index.js';
import { decodeModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { writeFileAtomic } from '../files/index.js';
import type { RunConfig } from './run-config.js';
import type { RunFolder } from './run-folder.js';

/** What `model.options` of config.json say of an `onnx-unet`. */
const recordSchema = z.object({
  sha256: z.string(),
  input: z.string(),
  /** JSON: the name of each tap with its channels. */
  taps: z.string(),
});
const tapsSchema = z.array(z.tuple([z.string(), z.number().int().positive()]));

/** An encoder for a run that begins. */
export interface NewEncoder {
  readonly encoder: OnnxEncoder;
  /** For config.json. */
  readonly options: z.infer<typeof recordSchema>;
  /** Puts the copy into the run folder. */
  save(folder: RunFolder): Promise<void>;
}

/** The encoder in `file`, measured at the size of the run. Throws as {@link OnnxEncoder.measure} does. */
export async function newEncoder(
  file: string,
  options: {
    readonly taps: readonly string[];
    readonly channels: number;
    readonly size: { readonly height: number; readonly width: number };
  },
  runtime: Runtime,
): Promise<NewEncoder> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new UsageError(`--encoder ${file} cannot be read: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    });
  }
  const encoder = await OnnxEncoder.measure(decodeModel(bytes, file), { ...options, source: file }, runtime);
  const taps = JSON.stringify(encoder.taps.map(({ name, channels }) => [name, channels]));
  return {
    encoder,
    options: { sha256: sha256(bytes), input: encoder.input, taps },
    save: (folder) => writeFileAtomic(pathIn(folder), bytes),
  };
}

/** The model that a run's configuration names, without its weights. */
export async function modelOfRun(
  folder: RunFolder,
  config: Pick<RunConfig, 'model' | 'channels' | 'classes'>,
): Promise<Layer> {
  const { model, channels, classes } = config;
  if (model.name === ONNX_UNET) return onnxUNet(await savedEncoder(folder, config), classes.length);
  return createModel(model.name, { ...model.options, channels, classes: classes.length });
}

/** A U-Net on the encoder; one logit tells two classes apart. */
export function onnxUNet(encoder: OnnxEncoder, classes: number): OnnxEncoderUNet {
  return new OnnxEncoderUNet(encoder, { classes: classes <= 2 ? 1 : classes });
}

/** The encoder that the run folder keeps. Throws if the copy is gone or another file. */
export async function savedEncoder(
  folder: RunFolder,
  { model, channels }: Pick<RunConfig, 'model' | 'channels'>,
): Promise<OnnxEncoder> {
  const record = recordSchema.safeParse(model.options);
  const taps = record.success ? tapsSchema.safeParse(jsonOf(record.data.taps)) : record;
  if (!record.success || !taps.success) {
    throw new PixelwiseError(
      'run',
      `${folder.configPath} is damaged: model.options must have sha256, input and taps of ${ONNX_UNET}`,
    );
  }
  const path = pathIn(folder);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new PixelwiseError(
      'run',
      `${path} is gone: the run cannot do without its encoder. Put the file that it was trained with there.`,
      { cause },
    );
  }
  const { sha256: expected, input } = record.data;
  if (sha256(bytes) !== expected) {
    throw new PixelwiseError(
      'run',
      `${path} is not the file that the run was trained with: its SHA-256 is ${sha256(bytes)}, not ${expected}. Put that file there.`,
    );
  }
  const named = taps.data.map(([name, width]) => ({ name, channels: width }));
  return new OnnxEncoder(decodeModel(bytes, path), named, { input, channels, source: path });
}

const pathIn = (folder: RunFolder) => join(folder.path, 'encoder.onnx');

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
