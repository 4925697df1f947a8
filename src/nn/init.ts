/** Initial values of weights. */
import type { Shape } from '../graph/index.js';
import { sizeOf } from '../graph/index.js';
import type { Random } from '../random/index.js';

/** Draws the values of a weight of the given shape. */
export type Initializer = (shape: Shape, random: Random) => Float32Array;

/** Number of inputs and outputs of each unit, for weights of shape O×I×kh×kw or O×I. */
function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const field = sizeOf(shape.slice(2));
  return { fanIn: (shape[1] ?? 1) * field, fanOut: (shape[0] ?? 1) * field };
}

/** A plain loop, because `Float32Array.from` takes twice as long: a second more for 31 million weights. */
function drawn(shape: Shape, draw: () => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = draw();
  return values;
}

const uniform =
  (bound: number): Initializer =>
  (shape, random) =>
    drawn(shape, () => random.uniform(-bound, bound));

const normal =
  (deviation: number): Initializer =>
  (shape, random) =>
    drawn(shape, () => deviation * random.normal());

/** Sets all values to `value`. */
export const constantInit =
  (value: number): Initializer =>
  (shape) =>
    new Float32Array(sizeOf(shape)).fill(value);

/**
 * PyTorch's default for the weights and biases of convolutions and linear layers: uniform in ±1/√fanIn (He
 * initialisation with a = √5).
 */
export const torchDefault = (fanIn: number): Initializer => uniform(1 / Math.sqrt(fanIn));

/** He et al. 2015, for ReLU networks: normal with deviation √(2 / fanIn). */
export const heNormal: Initializer = (shape, random) =>
  normal(Math.sqrt(2 / fans(shape).fanIn))(shape, random);

/** Glorot & Bengio 2010: uniform in ±√(6 / (fanIn + fanOut)). */
export const glorotUniform: Initializer = (shape, random) => {
  const { fanIn, fanOut } = fans(shape);
  return uniform(Math.sqrt(6 / (fanIn + fanOut)))(shape, random);
};
