/** Types that users of `pixelwise/nn` rely on. They are checked when the tests are compiled. */
import { expectTypeOf, it } from 'vitest';
import type { Tensor } from '../graph/index.js';
import type { Runtime } from '../runtime/index.js';
import type { ReadableWeights } from '../weights/index.js';
import type { Layer, Loss, NamedArray, NDArray, run, Sequential } from './index.js';
import { Conv2d, crossEntropy, GroupNorm, Module } from './index.js';

class Net extends Module {
  readonly conv = new Conv2d(3, 2, 1);

  forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

class TwoInputs extends Module {
  forward(image: Tensor, prior: Tensor): Tensor {
    return image.add(prior);
  }
}

it('a class with `forward` is a layer, and loading its weights keeps its type', () => {
  expectTypeOf<Net>().toExtend<Layer>();
  expectTypeOf(() => new Net().loadStateDict([])).returns.toEqualTypeOf<Net>();
  expectTypeOf(new Net().eval().freeze()).toEqualTypeOf<Net>();
  expectTypeOf(new Net().stateDict()).toEqualTypeOf<NamedArray[]>();
  expectTypeOf<ConstructorParameters<typeof Sequential>>().toEqualTypeOf<Layer[]>();
  // @ts-expect-error: options are checked by name.
  new GroupNorm(2, 4, { eps: 1e-3 });
});

it('weights that were read fit `loadStateDict`', () => {
  expectTypeOf<ReadableWeights>().toExtend<Parameters<Net['loadStateDict']>[0]>();
});

it('modules with several inputs run', () => {
  expectTypeOf<TwoInputs>().toExtend<Parameters<typeof run>[0]>();
  expectTypeOf<Parameters<typeof run>[2]>().toEqualTypeOf<Runtime>();
  expectTypeOf<ReturnType<typeof run>>().toEqualTypeOf<Promise<NDArray<Float32Array>>>();
});

it('a function of logits and target is a loss', () => {
  expectTypeOf((logits: Tensor, _target: Tensor) => logits).toExtend<Loss>();
  expectTypeOf(crossEntropy()).toEqualTypeOf<Loss>();
});
