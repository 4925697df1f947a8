/** The layers, with PyTorch's names, parameters and defaults. */
export {
  GELU,
  Hardswish,
  LeakyReLU,
  LogSoftmax,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from './activation.js';
export { Conv2d, type Conv2dOptions, ConvTranspose2d } from './convolution.js';
export { Dropout } from './dropout.js';
export { Linear } from './linear.js';
export {
  BatchNorm2d,
  type BatchNormOptions,
  GroupNorm,
  type GroupNormOptions,
  InstanceNorm2d,
  type InstanceNormOptions,
  LayerNorm,
  type LayerNormOptions,
} from './normalization.js';
export { AdaptiveAvgPool2d, type AdaptiveSize, AvgPool2d, GlobalAvgPool2d, MaxPool2d } from './pooling.js';
export { Identity, Sequential } from './sequential.js';
export { Upsample } from './upsample.js';
