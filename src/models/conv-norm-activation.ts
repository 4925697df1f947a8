/** The standard building block: convolution, batch norm, activation. */
import type { ConvOptions, Pair } from '../graph/index.js';
import type { BatchNormOptions, Layer } from '../nn/index.js';
import { BatchNorm2d, Conv2d, heNormal, ReLU, Sequential } from '../nn/index.js';

export interface ConvNormActivationOptions extends ConvOptions {
  /** The activation layer; default ReLU. */
  readonly activation?: (new () => Layer) | 'none';
  /** Options of the batch norm. */
  readonly norm?: BatchNormOptions;
}

/**
 * Convolution without bias, batch norm, activation. The layers are named `0`, `1`, `2`, as in torchvision's
 * Conv2dNormActivation. The default padding keeps the size at stride 1.
 */
export class ConvNormActivation extends Sequential {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    options: ConvNormActivationOptions = {},
  ) {
    const { activation = ReLU, norm, ...geometry } = options;
    const padding = geometry.padding ?? samePadding(kernelSize, geometry.dilation ?? 1);
    super(
      new Conv2d(inChannels, outChannels, kernelSize, { ...geometry, padding, bias: false, init: heNormal }),
      new BatchNorm2d(outChannels, norm),
      ...(activation === 'none' ? [] : [new activation()]),
    );
  }
}

/** The padding for which an odd kernel at stride 1 keeps the size of its input. */
function samePadding(kernelSize: number, dilation: Pair): Pair {
  const half = (kernelSize - 1) / 2;
  return typeof dilation === 'number' ? half * dilation : [half * dilation[0], half * dilation[1]];
}
