/** A data set of image and mask files. Most formats pair their files and then use this class. */
import { PixelwiseError } from '../errors/index.js';
import { describeImage } from '../images/decode.js';
import type { PageChoice } from '../images/tiff/image.js';
import { judgeAlpha } from './alpha.js';
import type { ClassMask } from '../images/raster.js';
import type { MaskValues } from './class-values.js';
import { commonLayout, type ImageLayout } from './conform.js';
import type { Dataset, Sample } from './dataset.js';
import type { Finding } from './finding.js';
import type { ObjectMask } from '../objects/index.js';
import { type MaskLayer, type MaskReading, readMask, readObjects } from './mask-reading.js';
import { mapParallel } from './parallel.js';
import { readSample, type SampleReading, type Size } from './sample-reading.js';
import { spread } from './spread.js';

/** One image with its mask, as files (absolute paths). */
export interface FilePair {
  readonly id: string;
  readonly image: string;
  readonly mask: string;
  readonly group?: string | undefined;
  /** `train`, `valid` or `test`, if the format has official parts. */
  readonly split?: string | undefined;
  /** Mask files that are drawn over one another, if a sample has one per object or class; `mask` is the first. */
  readonly layers?: readonly MaskLayer[] | undefined;
  /** For TIFFs with several pages: which picture, or all pages as its channels; and which page of the mask. */
  readonly page?: PageChoice | undefined;
  readonly maskPage?: number | undefined;
}

export interface FileDatasetOptions {
  readonly format: string;
  readonly pairs: readonly FilePair[];
  readonly classes: readonly string[];
  /** Whether masks hold sets of classes; see {@link Dataset.multiLabel}. */
  readonly multiLabel?: boolean | undefined;
  /** How masks store two classes, if this was detected from the masks. */
  readonly maskValues?: MaskValues | undefined;
  readonly layout: ImageLayout;
  readonly unlabelled?: readonly string[];
  readonly notes?: readonly string[];
  readonly pairing?: string | undefined;
  readonly findings?: readonly Finding[] | undefined;
  /** Crops masks that are one pixel larger, and resizes those with the aspect ratio of their image (nearest). Default true. */
  readonly resizeMasks?: boolean;
  readonly masks: MaskSource;
  /** Whether the masks tell objects apart. */
  readonly hasObjects?: boolean;
}

/** The source of the classes of a pair: its mask file, or shapes that are drawn. */
export type MaskSource =
  | { readonly reading: (pair: FilePair) => MaskReading }
  | {
      readonly draw: (pair: FilePair, i: number) => Promise<ClassMask>;
      readonly drawObjects: (pair: FilePair, i: number) => Promise<ObjectMask>;
    };

/** Up to this number of images, all headers are read to determine channels and bits. */
const ALL_HEADERS = 2000;
/** Number of headers that are read if there are more images. */
const HEADERS_READ = 256;

/**
 * Channels and bits of a data set, from the headers of its images (in a large set, of some images), and notes on them;
 * the sizes of these images, by file. Throws `image-channels`, naming two files whose channels cannot be combined.
 */
export async function findLayout(
  images: readonly string[],
  page?: PageChoice,
): Promise<{ layout: ImageLayout; notes: string[]; sizes: ReadonlyMap<string, Size> }> {
  const count = images.length <= ALL_HEADERS ? images.length : HEADERS_READ;
  const looked = spread(images.length, count).map((i) => images[i]!);
  const bare = await mapParallel(looked.length, 8, (i) => describeImage(looked[i]!, { page }));
  const alpha = await judgeAlpha(looked.filter((_, i) => bare[i]!.alpha));
  // A fourth channel that is not transparency is a band like the others.
  const infos = bare.map((info) =>
    alpha === 'band' && info.alpha ? { ...info, channels: info.channels + 1, alpha: false } : info,
  );
  const layout = commonLayout(infos);
  // Grey converts to RGB without loss. Other numbers of channels cannot be converted.
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
  const marked = bare.filter((info) => info.alpha).length;
  if (alpha === 'transparency') {
    notes.push(`${marked} of ${looked.length} examined images have an alpha channel, which is left out.`);
  }
  if (alpha === 'band') {
    notes.push(
      `${marked} of ${looked.length} examined images mark their last channel as alpha, but its values are not ` +
        'transparency: it is kept as a channel like the others.',
    );
  }
  const inverted = infos.filter((info) => info.whiteIsZero).length;
  if (inverted > 0) {
    notes.push(
      `${inverted} TIFFs among the images store white as 0; they are read as they are shown, inverted.`,
    );
  }
  if (infos.some((info) => info.channels !== layout.channels)) {
    notes.push(`Images differ in channels; all are read with ${layout.channels}.`);
  }
  return { layout, notes, sizes: new Map(looked.map((file, i) => [file, bare[i]!])) };
}

export class FileDataset implements Dataset {
  readonly format: string;
  readonly ids: readonly string[];
  readonly groups: readonly string[] | undefined;
  readonly splits: readonly (string | undefined)[] | undefined;
  readonly classes: readonly string[];
  readonly multiLabel: boolean | undefined;
  readonly maskValues: MaskValues | undefined;
  readonly channels: number;
  readonly maxValue: number;
  readonly unlabelled: readonly string[];
  readonly notes: readonly string[];
  readonly pairing: string | undefined;
  readonly findings: readonly Finding[];
  readonly hasObjects: boolean;
  private readonly pairs: readonly FilePair[];
  private readonly resizeMasks: boolean;
  private readonly masks: MaskSource;

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
    this.multiLabel = options.multiLabel;
    this.maskValues = options.maskValues;
    this.channels = options.layout.channels;
    this.maxValue = options.layout.maxValue;
    this.unlabelled = options.unlabelled ?? [];
    this.notes = options.notes ?? [];
    this.pairing = options.pairing;
    this.findings = options.findings ?? [];
    this.resizeMasks = options.resizeMasks ?? true;
    this.masks = options.masks;
    this.hasObjects = options.hasObjects ?? false;
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
    const reading = this.reading(i);
    return readSample(reading, reading.maskReading === undefined ? await this.getMask(i) : undefined);
  }

  async getMask(i: number): Promise<ClassMask> {
    const pair = this.pair(i);
    return 'draw' in this.masks
      ? this.masks.draw(pair, i)
      : readMask(pair.mask, this.masks.reading(pair), pair.maskPage);
  }

  async getObjects(i: number): Promise<ObjectMask> {
    const pair = this.pair(i);
    return 'draw' in this.masks
      ? this.masks.drawObjects(pair, i)
      : readObjects(pair.mask, this.masks.reading(pair), pair.maskPage);
  }

  reading(i: number): SampleReading {
    const pair = this.pair(i);
    const { id, image, mask, page, maskPage } = pair;
    return {
      id,
      image,
      mask,
      page,
      maskPage,
      maskReading: 'draw' in this.masks ? undefined : this.masks.reading(pair),
      layouts: [{ channels: this.channels, maxValue: this.maxValue }],
      resizeMasks: this.resizeMasks,
    };
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
