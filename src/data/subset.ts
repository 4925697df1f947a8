/** A part of a dataset, itself a dataset. */
import { PixelwiseError } from '../errors/index.js';
import type { ClassMask } from '../images/raster.js';
import type { ObjectMask } from '../objects/index.js';
import type { MaskValues } from './class-values.js';
import type { Dataset, Sample } from './dataset.js';
import type { Finding } from './finding.js';
import type { SampleReading } from './sample-reading.js';

/** The samples of `dataset` at `indices`, in that order. */
export class Subset implements Dataset {
  readonly ids: readonly string[];
  readonly groups: readonly string[] | undefined;
  readonly splits: readonly (string | undefined)[] | undefined;

  constructor(
    readonly whole: Dataset,
    /** The index of each sample in the whole data set. */
    readonly indices: readonly number[],
  ) {
    const wrong = indices.find((i) => !Number.isInteger(i) || i < 0 || i >= whole.length);
    if (wrong !== undefined) {
      throw new PixelwiseError(
        'data-index',
        `There is no sample ${wrong}; the data set has ${whole.length}, from 0.`,
      );
    }
    this.ids = indices.map((i) => whole.ids[i]!);
    this.groups = whole.groups && indices.map((i) => whole.groups![i]!);
    this.splits = whole.splits && indices.map((i) => whole.splits![i]);
  }

  get format(): string {
    return this.whole.format;
  }
  get length(): number {
    return this.indices.length;
  }
  get classes(): readonly string[] {
    return this.whole.classes;
  }
  get multiLabel(): boolean | undefined {
    return this.whole.multiLabel;
  }
  get maskValues(): MaskValues | undefined {
    return this.whole.maskValues;
  }
  get channels(): number {
    return this.whole.channels;
  }
  get maxValue(): number {
    return this.whole.maxValue;
  }
  get unlabelled(): readonly string[] | undefined {
    return this.whole.unlabelled;
  }
  get notes(): readonly string[] | undefined {
    return this.whole.notes;
  }
  get pairing(): string | undefined {
    return this.whole.pairing;
  }
  get findings(): readonly Finding[] | undefined {
    return this.whole.findings;
  }

  files(i: number): { readonly image: string; readonly mask: string } {
    return this.whole.files(this.at(i));
  }

  get(i: number): Promise<Sample> {
    return this.whole.get(this.at(i));
  }

  async getMask(i: number): Promise<ClassMask> {
    return maskOf(this.whole, this.at(i));
  }

  reading(i: number): SampleReading | undefined {
    return this.whole.reading?.(this.at(i));
  }

  get tellsObjects(): boolean | undefined {
    return this.whole.tellsObjects;
  }
  get hasObjects(): boolean | undefined {
    return this.whole.hasObjects;
  }

  getObjects(i: number): Promise<ObjectMask> {
    return this.whole.getObjects!(this.at(i));
  }

  private at(i: number): number {
    const index = this.indices[i];
    if (index === undefined) {
      throw new PixelwiseError(
        'data-index',
        `There is no sample ${i}; this part has ${this.length}, from 0.`,
      );
    }
    return index;
  }
}

/** All of a dataset under other class names. */
export class Relabelled extends Subset {
  constructor(
    whole: Dataset,
    private readonly names: readonly string[],
  ) {
    super(
      whole,
      Array.from({ length: whole.length }, (_, i) => i),
    );
  }

  override get classes(): readonly string[] {
    return this.names;
  }
}

/** The mask of sample `i`, without its image where the dataset can give it so. */
export async function maskOf(dataset: Dataset, i: number): Promise<ClassMask> {
  return dataset.getMask === undefined ? (await dataset.get(i)).mask : dataset.getMask(i);
}
