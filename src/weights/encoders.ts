/**
 * The encoders that have published weights: under which names torchvision and timm keep their tensors, and
 * where the files are. Models use torchvision's names.
 */
import { UsageError } from '../errors/index.js';

export interface PublishedWeights {
  readonly url: string;
  readonly fileName: string;
  /** The first eight digits of the file's SHA-256, which torchvision puts into its name. */
  readonly sha256Prefix: string;
}

export interface EncoderDescription {
  /** The convolution that meets the image. */
  readonly firstConvolution: string;
  /** How the names of tensors begin that only a classifier needs: a segmentation model leaves them out. */
  readonly beyondEncoder: readonly string[];
  /** The files behind each name that a person may give instead of a path. */
  readonly published: Readonly<Record<string, PublishedWeights>>;
  /** A tensor's name in torchvision, given timm's; names that are not timm's stay as they are. */
  readonly fromTimm: (name: string) => string;
  /** A tensor's name in timm, given torchvision's. */
  readonly toTimm: (name: string) => string;
}

function torchvision(fileName: string): PublishedWeights {
  const sha256Prefix = /-([0-9a-f]{8})\.pth$/.exec(fileName)![1]!;
  return { url: `https://download.pytorch.org/models/${fileName}`, fileName, sha256Prefix };
}

/** timm keeps torchvision's names for ResNet. */
const resnet = {
  firstConvolution: 'conv1.weight',
  beyondEncoder: ['fc.'],
  fromTimm: (name: string): string => name,
  toTimm: (name: string): string => name,
};

export const ENCODERS = {
  mobilenet_v2: {
    firstConvolution: 'features.0.0.weight',
    // The 19th block widens the last map for the classifier.
    beyondEncoder: ['features.18.', 'classifier.'],
    published: { imagenet: torchvision('mobilenet_v2-7ebf99e0.pth') },
    ...mobileNetV2Names(),
  },
  resnet18: { ...resnet, published: { imagenet: torchvision('resnet18-f37072fd.pth') } },
  resnet34: { ...resnet, published: { imagenet: torchvision('resnet34-b627a593.pth') } },
} as const satisfies Record<string, EncoderDescription>;

export type EncoderName = keyof typeof ENCODERS;

/** @throws UsageError for a name that is not in the table, listing those that are. */
export function encoderDescription(encoder: string): EncoderDescription {
  if (!Object.hasOwn(ENCODERS, encoder)) {
    throw new UsageError(`There is no encoder "${encoder}"; there are ${Object.keys(ENCODERS).join(', ')}.`);
  }
  return ENCODERS[encoder as EncoderName];
}

/**
 * MobileNetV2's modules under both names. torchvision counts its 19 feature blocks through; timm groups the
 * 17 inverted residuals in between into seven stages (Sandler et al. 2018, table 2: n = 1, 2, 3, 4, 3, 3, 1)
 * and names each block's layers by what they do. The first block has no expansion, hence two layers fewer.
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

/** Renames a tensor by its module: the name without its last part (`weight`, `running_mean`, …). */
function renaming(modules: ReadonlyMap<string, string>): (name: string) => string {
  return (name) => {
    const dot = name.lastIndexOf('.');
    const module = modules.get(name.slice(0, dot));
    return module === undefined ? name : module + name.slice(dot);
  };
}
