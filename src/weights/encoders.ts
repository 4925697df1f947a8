/**
 * The encoders with published weights: the names of their tensors in torchvision and in timm, and where the files
 * are. Models use torchvision's names.
 */
import { UsageError } from '../errors/index.js';

export interface PublishedWeights {
  readonly url: string;
  readonly fileName: string;
  /** The first eight digits of the file's SHA-256, which are part of torchvision's file names. */
  readonly sha256Prefix: string;
}

export interface EncoderDescription {
  /** The convolution whose input is the image. */
  readonly firstConvolution: string;
  /** Prefixes of the tensors that only the classifier uses. A segmentation model does not have them. */
  readonly beyondEncoder: readonly string[];
  /** The file for each name that is accepted instead of a path. */
  readonly published: Readonly<Record<string, PublishedWeights>>;
  /** torchvision's name of a tensor, given timm's. Other names are returned unchanged. */
  readonly fromTimm: (name: string) => string;
  /** timm's name of a tensor, given torchvision's. */
  readonly toTimm: (name: string) => string;
}

function torchvision(fileName: string): PublishedWeights {
  const sha256Prefix = /-([0-9a-f]{8})\.pth$/.exec(fileName)![1]!;
  return { url: `https://download.pytorch.org/models/${fileName}`, fileName, sha256Prefix };
}

/** For ResNet, timm uses torchvision's names. */
const resnet = {
  firstConvolution: 'conv1.weight',
  beyondEncoder: ['fc.'],
  fromTimm: (name: string): string => name,
  toTimm: (name: string): string => name,
};

export const ENCODERS = {
  mobilenet_v2: {
    firstConvolution: 'features.0.0.weight',
    // The 19th block expands the last feature map for the classifier.
    beyondEncoder: ['features.18.', 'classifier.'],
    published: { imagenet: torchvision('mobilenet_v2-7ebf99e0.pth') },
    ...mobileNetV2Names(),
  },
  resnet18: { ...resnet, published: { imagenet: torchvision('resnet18-f37072fd.pth') } },
  resnet34: { ...resnet, published: { imagenet: torchvision('resnet34-b627a593.pth') } },
} as const satisfies Record<string, EncoderDescription>;

export type EncoderName = keyof typeof ENCODERS;

/** @throws UsageError for an unknown name, listing the known ones. */
export function encoderDescription(encoder: string): EncoderDescription {
  if (!Object.hasOwn(ENCODERS, encoder)) {
    throw new UsageError(`There is no encoder "${encoder}"; there are ${Object.keys(ENCODERS).join(', ')}.`);
  }
  return ENCODERS[encoder as EncoderName];
}

/**
 * MobileNetV2's module names in both libraries. torchvision numbers its 19 feature blocks consecutively. timm groups
 * the 17 inverted residuals among them into seven stages (Sandler et al. 2018, table 2: n = 1, 2, 3, 4, 3, 3, 1)
 * and names each block's layers by their function. The first block has no expansion, so it has two layers fewer.
 */
function mobileNetV2Names(): Pick<EncoderDescription, 'fromTimm' | 'toTimm'> {
  const pairs: [torchvision: string, timm: string][] = [
    ['features.0.0', 'conv_stem'],
    ['features.0.1', 'bn1'],
    ['features.18.0', 'conv_head'],
    ['features.18.1', 'bn2'],
    ['classifier.1', 'classifier'],
  ];
  let block = 1;
  [1, 2, 3, 4, 3, 3, 1].forEach((blocks, stage) => {
    for (let i = 0; i < blocks; i++, block++) {
      const conv = `features.${block}.conv`;
      const inner = `blocks.${stage}.${i}`;
      const layers =
        block === 1
          ? { '0.0': 'conv_dw', '0.1': 'bn1', '1': 'conv_pw', '2': 'bn2' }
          : { '0.0': 'conv_pw', '0.1': 'bn1', '1.0': 'conv_dw', '1.1': 'bn2', '2': 'conv_pwl', '3': 'bn3' };
      for (const [ours, theirs] of Object.entries(layers))
        pairs.push([`${conv}.${ours}`, `${inner}.${theirs}`]);
    }
  });
  return {
    fromTimm: renaming(new Map(pairs.map(([ours, theirs]) => [theirs, ours]))),
    toTimm: renaming(new Map(pairs)),
  };
}

/** Renames a tensor's module, which is its name without the last part (`weight`, `running_mean`, …). */
function renaming(modules: ReadonlyMap<string, string>): (name: string) => string {
  return (name) => {
    const dot = name.lastIndexOf('.');
    const module = modules.get(name.slice(0, dot));
    return module === undefined ? name : module + name.slice(dot);
  };
}
