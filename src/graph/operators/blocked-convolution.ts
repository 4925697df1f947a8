/**
 * Convolutions in ONNX Runtime's blocked layout, written with its operators of the domain `com.microsoft.nchwc`. ONNX
 * Runtime inserts them itself if the weights are constants, but not in training, where the weights are inputs.
 * `passes/blocked-layout.ts` decides which convolutions are written like this.
 *
 * A blocked image is N×C/b×H×W×b, a blocked weight O/b×C/b×kh×kw×b×b (in channels, then out channels), b being
 * the width of the machine's vectors. The domain is private to ONNX Runtime: `runtime/convolution-block.ts` tests
 * on each machine that it works before graphs are written with it.
 */
import type { Attributes } from '../../onnx/graph-builder.js';
import { int, text } from '../../onnx/graph-builder.js';
import type { Lowering } from '../lowering.js';
import type { Shape } from '../tensor.js';

const DOMAIN = 'com.microsoft.nchwc';

/** An image and the weight for its channels, blocked by {@link blockWeight} or {@link blockTransposedWeight}. */
interface Part {
  readonly x: string;
  readonly weight: string;
}

/**
 * The convolution between two changes of layout; its result is N×O×H'×W'. The parts of an image whose channels are
 * joined are never joined: the sum grows from part to part.
 *
 * ONNX Runtime does not merge equal nodes of this domain. So recomputed nodes stay, and an image that two slices of a
 * join's gradient read is converted twice.
 *
 * @param options `channels`: O. `relu`: whether a ReLU is applied to the result
 */
export function blockedConv(
  onnx: Lowering,
  parts: readonly Part[],
  {
    bias,
    channels,
    attributes,
    relu = false,
  }: { bias?: string | undefined; channels: number; attributes: Attributes; relu?: boolean },
): string {
  let sum: string | undefined;
  parts.forEach(({ x, weight }, i) => {
    const inputs = [toBlocks(onnx, x), weight];
    if (sum !== undefined) inputs.push('', sum);
    else if (bias !== undefined) inputs.push(bias);
    const activation = relu && i === parts.length - 1 ? text('Relu') : undefined;
    sum = onnx.emit('Conv', inputs, { ...attributes, ...(activation && { activation }) }, { domain: DOMAIN });
  });
  return onnx.emit('ReorderOutput', [sum!], { channels: int(channels) }, { domain: DOMAIN });
}

/** N×C×H×W to the blocked layout, whose values {@link Lowering.reshape} can view as N×C/b×H×W×b. */
export const toBlocks = (onnx: Lowering, x: string): string =>
  onnx.emit('ReorderInput', [x], {}, { domain: DOMAIN });

/**
 * O×C×kh×kw to a blocked weight. ReorderInput is meant for images, but moves 16 floats at once and on all cores: with
 * it, 512×512×3×3 takes 1.9 ms, by one Transpose 22.
 */
export function blockWeight(onnx: Lowering, w: string, shape: Shape): string {
  const block = onnx.target.convolutionBlock;
  const [o, c, kh, kw] = shape as [number, number, number, number];
  const outBlocked = toBlocks(onnx, onnx.reshape(w, [1, o, c, kh * kw]));
  const tiles = onnx.reshape(outBlocked, [(o / block) * (c / block), block, kh * kw, block]);
  return onnx.reshape(onnx.transpose(tiles, [0, 2, 1, 3]), shape);
}

/** O×C×kh×kw to the blocked weight of the transposed convolution: C×O×kh×kw, its kernels turned by 180°. */
export function blockTransposedWeight(onnx: Lowering, w: string, shape: Shape): string {
  const block = onnx.target.convolutionBlock;
  const [o, c, kh, kw] = shape as [number, number, number, number];
  const taps = kh * kw;
  const inBlocked = toBlocks(onnx, onnx.reshape(w, [o, c, taps, 1]));
  const tiles = onnx.reshape(inBlocked, [o / block, block, c / block, taps, block]);
  const swapped = onnx.reshape(onnx.transpose(tiles, [2, 0, 3, 1, 4]), [
    (c / block) * (o / block),
    taps,
    block * block,
  ]);
  const backwards = onnx.int64s(Array.from({ length: taps }, (_, i) => taps - 1 - i));
  return onnx.reshape(onnx.emit('Gather', [swapped, backwards], { axis: int(1) }), [c, o, kh, kw]);
}
