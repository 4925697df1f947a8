/** A dataset of image and mask files: what most formats come down to once their files are paired. */
import { PixelwiseError } from '../errors/index.js';
import { decodeImage, describeImage } from '../images/decode.js';
import type { ClassMask, Raster } from '../images/raster.js';
import { resizeMask } from '../images/resize.js';
import type { MaskValues } from './class-values.js';
import { commonLayout, conform, type ImageLayout } from './conform.js';
import type { Dataset, Sample } from './dataset.js';
import { mapParallel } from './parallel.js';
import { spread } from './spread.js';

/** One image with its mask, as files (absolute paths). */
export interface FilePair {
  readonly id: string;
  readonly image: string;
  readonly mask: string;
  readonly group?: string | undefined;
  /** `train`, `valid` or `test`, where the format has official parts. */
  readonly split?: string | undefined;
}

export interface FileDatasetOptions {
  readonly format: string;
  readonly pairs: readonly FilePair[];
  readonly classes: readonly string[];
  /** How masks store classes, where it was found from them. */
  readonly maskValues?: MaskValues | undefined;
  readonly layout: ImageLayout;
  readonly unlabelled?: readonly string[];
  readonly notes?: readonly string[];
  /** Resizes masks of another size but the shape of their image (nearest), instead of refusing them. */
  readonly resizeMasks?: boolean;
  /** The classes of pair `i`'s pixels. */
  readonly readMask: (pair: FilePair, i: number) => Promise<ClassMask>;
}

/** Up to so many images, all headers are read to learn channels and bits: they are cheap, an odd image is not. */
const ALL_HEADERS = 2000;
/** Headers that are read of more images. */
const HEADERS_READ = 256;

/**
 * Channels and bits of a data set, from the headers of its images (of a few spread over a large one), and what to
 * tell about them. Throws `image-channels` naming two files that no layout holds together.
 */
export async function findLayout(
  images: readonly string[],
): Promise<{ layout: ImageLayout; notes: string[] }> {
  const count = images.length <= ALL_HEADERS ? images.length : HEADERS_READ;
  const looked = spread(images.length, count).map((i) => images[i]!);
  const infos = await mapParallel(looked.length, 8, (i) => describeImage(looked[i]!));
  const layout = commonLayout(infos);
  // Grey goes into RGB without loss; no other number of channels goes into one that differs.
  const odd = infos.findIndex(
    ({ channels }) => channels !== layout.channels && !(channels === 1 && layout.channels === 3),
  );
  if (odd !== -1) {
    const widest = infos.findIndex(({ channels }) => channels === layout.channels);
    throw new PixelwiseError(
      'image-channels',
      `${looked[odd]!} has ${infos[odd]!.channels} channels and ${looked[widest]!} has ${layout.channels}: images of one ` +
        'data set have the same channels (grey among RGB is read as RGB). Save one like the others or remove it.',
    );
  }
  const notes: string[] = [];
  if (infos.some((info) => info.alpha)) notes.push('Images have an alpha channel; it is left out.');
  if (infos.some((info) => info.channels !== layout.channels)) {
    notes.push(`Images differ in channels; all are read with ${layout.channels}.`);
  }
  return { layout, notes };
}

export class FileDataset implements Dataset {
  readonly format: string;
  readonly ids: readonly string[];
  readonly groups: readonly string[] | undefined;
  readonly splits: readonly (string | undefined)[] | undefined;
  readonly classes: readonly string[];
  readonly maskValues: MaskValues | undefined;
  readonly channels: number;
  readonly maxValue: number;
  readonly unlabelled: readonly string[];
  readonly notes: readonly string[];
  private readonly pairs: readonly FilePair[];
  private readonly resizeMasks: boolean;
  private readonly readMask: FileDatasetOptions['readMask'];

  constructor(options: FileDatasetOptions) {
    const { pairs } = options;
    if (pairs.length === 0) {
      throw new PixelwiseError('data-empty', `The ${options.format} data set has no image with a mask.`);
    }
    this.format = options.format;
    this.pairs = pairs;
    this.ids = pairs.map((pair) => pair.id);
    this.groups = pairs.some((pair) => pair.group !== undefined)
      ? pairs.map((pair) => pair.group ?? pair.id)
      : undefined;
    this.splits = pairs.some((pair) => pair.split !== undefined)
      ? pairs.map((pair) => pair.split)
      : undefined;
    this.classes = options.classes;
    this.maskValues = options.maskValues;
    this.channels = options.layout.channels;
    this.maxValue = options.layout.maxValue;
    this.unlabelled = options.unlabelled ?? [];
    this.notes = options.notes ?? [];
    this.resizeMasks = options.resizeMasks ?? false;
    this.readMask = options.readMask;
  }

  get length(): number {
    return this.pairs.length;
  }

  files(i: number): { image: string; mask: string } {
    const { image, mask } = this.pair(i);
    return { image, mask };
  }

  /** Decodes sample `i`. Throws PixelwiseError naming the file; `size-mismatch` names both sizes. */
  async get(i: number): Promise<Sample> {
    const pair = this.pair(i);
    const [decoded, mask] = await Promise.all([decodeImage(pair.image), this.getMask(i)]);
    const image = conform(decoded, this, pair.image);
    if (image.width !== mask.width || image.height !== mask.height) {
      if (this.resizeMasks && sameShape(image, mask)) {
        return { id: pair.id, image, mask: resizeMask(mask, image.width, image.height) };
      }
      throw new PixelwiseError(
        'size-mismatch',
        `${pair.mask}: the mask is ${mask.width}×${mask.height} and its image ${pair.image} is ` +
          `${image.width}×${image.height}. Export the mask again at the image's size` +
          (sameShape(image, mask)
            ? ', or have such masks resized (--resize-masks).'
            : ', or remove the pair.'),
      );
    }
    return { id: pair.id, image, mask };
  }

  async getMask(i: number): Promise<ClassMask> {
    return this.readMask(this.pair(i), i);
  }

  private pair(i: number): FilePair {
    const pair = this.pairs[i];
    if (pair === undefined) {
      throw new PixelwiseError(
        'data-index',
        `There is no sample ${i}; the data set has ${this.length}, from 0.`,
      );
    }
    return pair;
  }
}

/** Width over height equal within 2%: one is a scaled copy of the other, give or take rounding. */
export function sameShape(a: Pick<Raster, 'width' | 'height'>, b: Pick<Raster, 'width' | 'height'>): boolean {
  return Math.abs((a.width * b.height) / (a.height * b.width) - 1) < 0.02;
}
