/** Activations: functions of each element (and softmax, of one axis). The shape stays the same. */
import type { Tensor } from '../../graph/index.js';
import {
  add,
  gelu,
  hardSwish,
  leakyRelu,
  logSoftmax,
  mul,
  relu,
  relu6,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
} from '../../graph/index.js';
import { Module } from '../module.js';

/** max(x, 0) */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** min(max(x, 0), 6) */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return relu6(x);
  }
}

/** x where it is positive, else `slope`·x (PyTorch's `negative_slope`). */
export class LeakyReLU extends Module {
  constructor(readonly slope = 0.01) {
    super();
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.slope);
  }
}

/** 1 ÷ (1 + e⁻ˣ) */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** Hyperbolic tangent. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** log(1 + eˣ), a smooth ReLU. */
export class Softplus extends Module {
  forward(x: Tensor): Tensor {
    return softplus(x);
  }
}

/** x·sigmoid(x), also called Swish (Elfwing et al. 2018). */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/** x·min(max(x + 3, 0), 6) ÷ 6, the piecewise linear approximation of {@link SiLU} in MobileNetV3 (Howard et al. 2019). */
export class Hardswish extends Module {
  forward(x: Tensor): Tensor {
    return hardSwish(x);
  }
}

/**
 * x·Φ(x), where Φ is the standard normal distribution function (Hendrycks & Gimpel 2016).
 *
 * @param approximate `tanh` computes Φ(x) as (1 + tanh(√(2/π)·(x + 0.044715·x³))) ÷ 2; default `none`: exact
 */
export class GELU extends Module {
  constructor(readonly approximate: 'none' | 'tanh' = 'none') {
    super();
  }

  forward(x: Tensor): Tensor {
    if (this.approximate === 'none') return gelu(x);
    const inner = mul(add(x, mul(mul(mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
    return mul(mul(x, 0.5), add(tanh(inner), 1));
  }
}

/** Softmax over `axis`, by default the channels of N×C×H×W: each pixel's values become probabilities with sum 1. */
export class Softmax extends Module {
  constructor(readonly axis = 1) {
    super();
  }

  forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }
}

/** The logarithm of {@link Softmax}, computed without overflow. */
export class LogSoftmax extends Module {
  constructor(readonly axis = 1) {
    super();
  }

  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis);
  }
}
