/** Weights of a file brought to a model: found by name, of the right shape, the first convolution adapted. */
import { PixelwiseError } from '../errors/index.js';
import { formatShape, sameShape, type Shape } from '../graph/index.js';
import { type EncoderDescription } from './encoders.js';
import { floatTensors, type WeightFile, type WeightTensor } from './tensor.js';

export interface NamedShape {
  readonly name: string;
  readonly shape: Shape;
}

/** How many tensors of a kind an error lists before it counts the rest. */
const LISTED = 20;

/**
 * The tensors that an encoder wants, in its order, from a file with torchvision's names or timm's. What only
 * the classifier needs is left out where the encoder has none; a first convolution for another number of channels is
 * adapted (`adaptFirstConvolution`).
 *
 * @param wanted the encoder's weights and running statistics, by torchvision's names.
 * @throws PixelwiseError listing every tensor that is missing, left over, of another shape or not finite.
 */
export function matchEncoderWeights(
  encoder: EncoderDescription,
  wanted: readonly NamedShape[],
  file: WeightFile,
): WeightTensor[] {
  const wantedNames = new Set(wanted.map(({ name }) => name));
  const offered = floatTensors(file)
    .map((tensor) => ({ ...tensor, name: encoder.fromTimm(tensor.name) }))
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
 * The tensors of `offered` that `wanted` names, in its order.
 *
 * @param source what the error calls the file.
 * @throws PixelwiseError listing every tensor that is missing, left over, of another shape or not finite.
 */
export function matchWeights(
  wanted: readonly NamedShape[],
  offered: readonly WeightTensor[],
  source: string,
): WeightTensor[] {
  const byName = new Map(offered.map((tensor) => [tensor.name, tensor]));
  const missing: string[] = [];
  const misshapen: string[] = [];
  const notFinite: string[] = [];
  const matched: WeightTensor[] = [];
  for (const { name, shape } of wanted) {
    const tensor = byName.get(name);
    byName.delete(name);
    if (tensor === undefined) {
      missing.push(`${name} (${formatShape(shape)})`);
    } else if (!sameShape(tensor.shape, shape)) {
      misshapen.push(`${name} (${formatShape(tensor.shape)}, should be ${formatShape(shape)})`);
    } else if (!tensor.data.every(Number.isFinite)) {
      notFinite.push(name);
    } else {
      matched.push(tensor);
    }
  }
  const extra = [...byName.values()].map(({ name, shape }) => `${name} (${formatShape(shape)})`);
  const problems = [
    ...listing('missing', missing),
    ...listing('of another shape', misshapen),
    ...listing('not finite', notFinite),
    ...listing('in the file, but not in the model', extra),
  ];
  if (problems.length > 0) {
    throw new PixelwiseError(
      'weights',
      `The weights in ${source} are not for this model; nothing of them was used.\n${problems.join('\n')}`,
    );
  }
  return matched;
}

/**
 * The weights (O×3×kh×kw) of a convolution that saw RGB, for images of `channels` channels, such that responses
 * keep their size: for one channel the sum over RGB, else RGB repeated cyclically and scaled by 3/channels. As
 * segmentation_models.pytorch does it.
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

function listing(title: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > LISTED ? [`… and ${names.length - LISTED} more`] : [];
  return [`  ${title}:`, ...[...names.slice(0, LISTED), ...more].map((name) => `    ${name}`)];
}
