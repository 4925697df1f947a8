/**
 * Convolutions in ONNX Runtime's blocked layout: its own operators of the domain `com.microsoft.nchwc`, which it
 * puts in by itself where weights are constants, and never in training, where they are inputs.
 *
 * A blocked image is N×C/b×H×W×b, a blocked weight O/b×C/b×kh×kw×b×b (in channels, then out channels), b being
 * the width of the machine's vectors. The domain is private to ONNX Runtime: `runtime/convolution-block.ts` tries
 * it out before a graph is written with it.
 */
import type { Attributes, Lowering, Target } from '../lowering.js';
import { int } from '../lowering.js';
import type { Shape } from '../tensor.js';

const DOMAIN = 'com.microsoft.nchwc';

/**
 * Pixels of a batch from which the blocked layout is faster: below, bringing the weights into it costs more than
 * it saves. Milliseconds of plain and blocked convolutions, changes of layout included (two cores with AVX-512,
 * batch 8): 64 channels at 128² 58 and 43; 256 to 128 at 64² 99 and 72; 256 at 32² 38 and 33; 512 at 16² 41 and
 * 33; 32 at 64² 4.8 and 3.0; 512 at 8² 10 and 11.
 */
const LEAST_PIXELS = 1024;

interface Convolution {
  /** The channels of each part of the image. */
  readonly channels: readonly number[];
  /** N×O×H'×W' */
  readonly to: Shape;
  readonly kernel: readonly number[];
  readonly groups: number;
}

/** Whether the convolution of these shapes is best run in the blocked layout. 1×1 kernels are products already. */
export function runsBlocked(
  { convolutionBlock: block }: Target,
  { channels, to, kernel, groups }: Convolution,
): boolean {
  if (block === 0 || groups !== 1 || kernel.every((k) => k === 1)) return false;
  const [n, o, h, w] = to as [number, number, number, number];
  return [...channels, o].every((count) => count % block === 0) && n * h * w >= LEAST_PIXELS;
}

/** An image and the weight for its channels, blocked by {@link blockWeight} or {@link blockTransposedWeight}. */
interface Part {
  readonly x: string;
  readonly weight: string;
}

interface Blocked {
  /** N×O×H'×W' */
  readonly result: string;
  /** The same in blocks: what a node gives that can apply an activation. */
  readonly inBlocks: string;
}

/**
 * The convolution between changes of layout. An image whose channels lie in several parts is never joined: the
 * sum grows from part to part.
 *
 * ONNX Runtime merges no equal nodes of this domain. So what is made again under recomputation is made again, and
 * what two ranges of a join's gradient both read comes into the layout twice.
 */
export function blockedConv(
  onnx: Lowering,
  parts: readonly Part[],
  { bias, channels, attributes }: { bias?: string | undefined; channels: number; attributes: Attributes },
): Blocked {
  const inBlocks = parts.reduce<string | undefined>((before, { x, weight }) => {
    const inputs = [onnx.emit('ReorderInput', [x], {}, DOMAIN), weight];
    if (before !== undefined) inputs.push('', before);
    else if (bias !== undefined) inputs.push(bias);
    return onnx.emit('Conv', inputs, attributes, DOMAIN);
  }, undefined)!;
  return { inBlocks, result: onnx.emit('ReorderOutput', [inBlocks], { channels: int(channels) }, DOMAIN) };
}

/**
 * O×C×kh×kw to a blocked weight. ReorderInput, which is there for images, moves 16 floats at once and on all
 * cores: with it, 512×512×3×3 takes 1.9 ms where one Transpose takes 22.
 */
export function blockWeight(onnx: Lowering, w: string, shape: Shape): string {
  const block = onnx.target.convolutionBlock;
  const [o, c, kh, kw] = shape as [number, number, number, number];
  const outBlocked = onnx.emit('ReorderInput', [onnx.reshape(w, [1, o, c, kh * kw])], {}, DOMAIN);
  const tiles = onnx.reshape(outBlocked, [(o / block) * (c / block), block, kh * kw, block]);
  return onnx.reshape(onnx.transpose(tiles, [0, 2, 1, 3]), shape);
}

/** O×C×kh×kw to the blocked weight of the transposed convolution: C×O×kh×kw, its kernels turned by 180°. */
export function blockTransposedWeight(onnx: Lowering, w: string, shape: Shape): string {
  const block = onnx.target.convolutionBlock;
  const [o, c, kh, kw] = shape as [number, number, number, number];
  const taps = kh * kw;
  const inBlocked = onnx.emit('ReorderInput', [onnx.reshape(w, [o, c, taps, 1])], {}, DOMAIN);
  const tiles = onnx.reshape(inBlocked, [o / block, block, c / block, taps, block]);
  const swapped = onnx.reshape(onnx.transpose(tiles, [2, 0, 3, 1, 4]), [
    (c / block) * (o / block),
    taps,
    block * block,
  ]);
  const backwards = onnx.int64s(Array.from({ length: taps }, (_, i) => taps - 1 - i));
  return onnx.reshape(onnx.emit('Gather', [swapped, backwards], { axis: int(1) }), [c, o, kh, kw]);
}
