/**
 * An entry of the encoder registry: how to create an encoder, and what its files of published weights contain.
 * A new encoder needs its file, its line in `registry.ts` and its case in `test/golden/encoders.py`.
 */
import type { Encoder } from '../encoder.js';

export interface EncoderOptions {
  /** Input channels; default 3. */
  readonly channels?: number;
  /**
   * Height of the image divided by that of the last feature map; default 32. With 16, the last strided
   * convolution has stride 1 and the convolutions after it are dilated ("atrous", Chen et al. 2018). The
   * shapes of the weights stay the same.
   */
  readonly outputStride?: 16 | 32;
}

/** A file of weights that can be fetched. */
export interface PublishedWeights {
  readonly url: string;
  readonly fileName: string;
  /** The first eight digits of the file's SHA-256, which are part of torchvision's file names. */
  readonly sha256Prefix: string;
}

export interface EncoderEntry {
  /** The name in a sentence: `ResNet-50`. */
  readonly title: string;
  /** Where the architecture comes from. */
  readonly source: string;
  create(options?: EncoderOptions): Encoder;
  /** Whether `outputStride: 16` is supported. */
  readonly atrous: boolean;
  /** The convolution whose input is the image. */
  readonly firstConvolution: string;
  /** Prefixes of the tensors in weight files that the encoder does not have: the classifier's. */
  readonly beyondEncoder: readonly string[];
  /** The file for each name that is accepted instead of a path. */
  readonly published: Readonly<Record<string, PublishedWeights>>;
  /** torchvision's name of a tensor, given timm's; other names are returned unchanged. Default: the same name. */
  readonly fromTimm?: (name: string) => string;
}

/** A file of torchvision's. The hash is part of its name. */
export function torchvisionFile(fileName: string): PublishedWeights {
  const sha256Prefix = /-([0-9a-f]{8})\.pth$/.exec(fileName)![1]!;
  return { url: `https://download.pytorch.org/models/${fileName}`, fileName, sha256Prefix };
}
