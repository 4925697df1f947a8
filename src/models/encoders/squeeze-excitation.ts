/** Squeeze and excitation (Hu, Shen & Sun 2018): every channel is scaled by a factor computed from all channels' means. */
import type { Tensor } from '../../graph/index.js';
import { add, clip, globalAvgPool2d, mul } from '../../graph/index.js';
import { Conv2d, Module } from '../../nn/index.js';

/** min(max(x + 3, 0), 6) ÷ 6, the piecewise linear approximation of the sigmoid in MobileNetV3. */
export const hardSigmoid = (x: Tensor): Tensor => mul(clip(add(x, 3), 0, 6), 1 / 6);

/** The layers have torchvision's names, `fc1` and `fc2`. */
export class SqueezeExcitation extends Module {
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;

  /**
   * @param squeezed channels between the two 1×1 convolutions
   * @param activation after the first convolution
   * @param gate maps the second convolution's result to factors from 0 to 1
   */
  constructor(
    channels: number,
    squeezed: number,
    private readonly activation: (x: Tensor) => Tensor,
    private readonly gate: (x: Tensor) => Tensor,
  ) {
    super();
    this.fc1 = new Conv2d(channels, squeezed, 1);
    this.fc2 = new Conv2d(squeezed, channels, 1);
  }

  forward(x: Tensor): Tensor {
    const squeezed = this.activation(this.fc1.forward(globalAvgPool2d(x)));
    return mul(x, this.gate(this.fc2.forward(squeezed)));
  }
}
