/** Data sets that are not files: samples in memory, and any object with a length and `get`. */
import { UsageError } from '../errors/index.js';
import type { ClassMask, Raster } from '../images/raster.js';
import { IGNORE_INDEX } from '../images/raster.js';
import { classNames, type ClassesOption } from './class-values.js';
import type { Dataset, Sample } from './dataset.js';

/** A sample without a name. */
export type UnnamedSample = Omit<Sample, 'id'> & { readonly id?: string };

/**
 * The least that a data set of one's own has: a length, and a method that gives sample i. Everything else of
 * {@link Dataset} may be given too; the rest has defaults.
 */
export interface SampleSource extends Partial<Omit<Dataset, 'length' | 'get'>> {
  readonly length: number;
  get(i: number): UnnamedSample | Promise<UnnamedSample>;
}

/** Samples in memory. */
export class MemoryDataset implements SampleSource {
  readonly format = 'memory';
  readonly classes?: readonly string[];

  constructor(
    private readonly samples: readonly UnnamedSample[],
    classes?: readonly string[],
  ) {
    if (classes !== undefined) this.classes = classes;
  }

  get length(): number {
    return this.samples.length;
  }

  get(i: number): UnnamedSample {
    const sample = this.samples[i];
    if (!sample) throw new UsageError(`sample ${i} of a data set of ${this.length}`);
    return sample;
  }
}

/**
 * A whole data set from an object with a length and `get`. Defaults: ids `0`, `1`, …; channels and largest pixel
 * value as the first image has; classes as `classes` says, else as many as the masks contain, which are all read.
 *
 * @throws UsageError for an empty data set, or a mask of another size than its image.
 */
export async function describeDataset(source: SampleSource, classes?: ClassesOption): Promise<Dataset> {
  const { length } = source;
  if (!Number.isInteger(length) || length < 1) {
    throw new UsageError(`a data set needs at least one sample; its length is ${length}`);
  }
  const ids = source.ids ?? Array.from({ length }, (_, i) => String(i));
  const get = async (i: number): Promise<Sample> => {
    const { image, mask } = await source.get(i);
    if (image.width !== mask.width || image.height !== mask.height) {
      throw new UsageError(
        `sample ${ids[i]}: its image is ${image.height}×${image.width}, its mask ${mask.height}×${mask.width}; both need one size`,
      );
    }
    return { id: ids[i]!, image, mask };
  };
  const { image } = await get(0);
  const getMask = source.getMask?.bind(source);
  const named = classes === undefined ? source.classes : classNames(classes);
  const { groups, splits, notes } = source;
  return {
    format: source.format ?? (source.constructor === Object ? 'dataset' : source.constructor.name),
    length,
    ids,
    groups,
    splits,
    notes,
    classes: named ?? (await classesOf(length, getMask ?? (async (i) => (await get(i)).mask))),
    channels: source.channels ?? image.channels,
    maxValue: source.maxValue ?? maxValueOf(image),
    files: source.files?.bind(source) ?? ((i) => ({ image: ids[i]!, mask: ids[i]! })),
    get,
    ...(getMask && { getMask }),
  };
}

function maxValueOf({ data }: Raster): number {
  return data instanceof Uint8Array ? 255 : data instanceof Uint16Array ? 65_535 : 1;
}

/** As many classes as the largest index in the masks needs, at least two. */
async function classesOf(
  length: number,
  maskOf: (i: number) => ClassMask | Promise<ClassMask>,
): Promise<readonly string[]> {
  let largest = 1;
  for (let i = 0; i < length; i++) {
    for (const value of (await maskOf(i)).data) {
      if (value > largest && value !== IGNORE_INDEX) largest = value;
    }
  }
  return classNames(largest + 1);
}
