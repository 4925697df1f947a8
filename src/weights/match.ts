/** Matches the weights of a file to a model by name and shape, and adapts the first convolution. */
import type { Shape } from '../graph/index.js';
import { matchStateDict } from '../nn/state-dict.js';
import type { EncoderEntry } from '../models/index.js';
import { floatTensors, type WeightFile, type WeightTensor } from './tensor.js';

export interface NamedShape {
  readonly name: string;
  readonly shape: Shape;
}

/**
 * The tensors that an encoder needs, in its order, from a file with torchvision's or timm's names. The classifier's
 * tensors are dropped if the encoder does not have them. A first convolution for another number of channels is
 * adapted (see {@link adaptFirstConvolution}).
 *
 * @param wanted the encoder's weights and running statistics, by torchvision's names.
 * @throws PixelwiseError listing every tensor that is missing, unknown or of another shape; `non-finite` naming one with
 *   NaN or infinity.
 */
export function matchEncoderWeights(
  encoder: EncoderEntry,
  wanted: readonly NamedShape[],
  file: WeightFile,
): WeightTensor[] {
  const wantedNames = new Set(wanted.map(({ name }) => name));
  const offered = floatTensors(file)
    .map((tensor) => ({ ...tensor, name: encoder.fromTimm?.(tensor.name) ?? tensor.name }))
    .filter(
      ({ name }) => wantedNames.has(name) || !encoder.beyondEncoder.some((start) => name.startsWith(start)),
    );
  const first = wanted.find(({ name }) => name === encoder.firstConvolution);
  const channels = first?.shape[1];
  const fitting = offered.map((tensor) =>
    tensor.name === first?.name &&
    channels !== undefined &&
    tensor.shape.length === 4 &&
    tensor.shape[1] === 3
      ? adaptFirstConvolution(tensor, channels)
      : tensor,
  );
  return matchWeights(wanted, fitting, file.source);
}

/**
 * The tensors of `offered` that `wanted` names, in the order of `wanted`.
 *
 * @param source what the error calls the file.
 * @throws PixelwiseError listing every tensor that is missing, unknown or of another shape; `non-finite` naming one with
 *   NaN or infinity.
 */
export function matchWeights(
  wanted: readonly NamedShape[],
  offered: readonly WeightTensor[],
  source: string,
): WeightTensor[] {
  const byName = matchStateDict(wanted, offered, source);
  return wanted.map(({ name }) => byName.get(name)!);
}

/**
 * Adapts the weights (O×3×kh×kw) of a convolution over RGB to images of `channels` channels, keeping the size of its
 * responses: for one channel, the sum over RGB; otherwise RGB repeated cyclically and scaled by 3/channels. This is
 * the method of segmentation_models.pytorch.
 */
export function adaptFirstConvolution(weight: WeightTensor, channels: number): WeightTensor {
  const [outputs, inputs, height, width] = weight.shape as [number, number, number, number];
  if (channels === inputs) return weight;
  const plane = height * width;
  const data = new Float32Array(outputs * channels * plane);
  const reads = channels === 1 ? inputs : channels;
  const scale = channels === 1 ? 1 : inputs / channels;
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < reads; c++) {
      const from = (o * inputs + (c % inputs)) * plane;
      const to = (o * channels + (c % channels)) * plane;
      for (let i = 0; i < plane; i++) data[to + i]! += weight.data[from + i]! * scale;
    }
  }
  return { name: weight.name, shape: [outputs, channels, height, width], data };
}
