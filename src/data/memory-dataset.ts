/** Data sets without files: samples in memory, and any object with a length and `get`. */
import { UsageError } from '../errors/index.js';
import type { ClassMask, Raster } from '../images/raster.js';
import { IGNORE_INDEX } from '../images/raster.js';
import { checkOverlappingClasses } from '../labels/label-set.js';
import { classNames, type ClassesOption } from './class-values.js';
import type { Dataset, Sample } from './dataset.js';

/** A sample without a name. */
export type UnnamedSample = Omit<Sample, 'id'> & { readonly id?: string };

/**
 * A custom data set: it needs a length, and a method that returns sample i. All other properties of {@link Dataset} are
 * optional.
 */
export interface SampleSource extends Partial<Omit<Dataset, 'length' | 'get'>> {
  readonly length: number;
  get(i: number): UnnamedSample | Promise<UnnamedSample>;
}

/** Samples in memory. */
export class MemoryDataset implements SampleSource {
  readonly format = 'memory';
  readonly classes?: readonly string[];
  readonly multiLabel?: boolean;

  /** @param options `multiLabel`: whether classes overlap; masks then hold sets of classes, and `classes` is needed. */
  constructor(
    private readonly samples: readonly UnnamedSample[],
    classes?: readonly string[],
    { multiLabel }: { readonly multiLabel?: boolean } = {},
  ) {
    if (classes !== undefined) this.classes = classes;
    if (multiLabel !== undefined) this.multiLabel = multiLabel;
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
 * Completes a custom data set. Defaults: ids `0`, `1`, …; channels and largest pixel value of the first image; the
 * classes in `classes`, else as many as occur in the masks, all of which are read.
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
    const { image, mask, objects } = await source.get(i);
    if (image.width !== mask.width || image.height !== mask.height) {
      throw new UsageError(
        `sample ${ids[i]}: its image is ${image.height}×${image.width}, its mask ${mask.height}×${mask.width}; both must have the same size`,
      );
    }
    return { id: ids[i]!, image, mask, ...(objects && { objects }) };
  };
  const { image } = await get(0);
  const getMask = source.getMask?.bind(source);
  const named = classes === undefined ? source.classes : classNames(classes);
  const { groups, splits, notes, multiLabel } = source;
  if (multiLabel === true) checkOverlappingClasses(named ?? [], 'a data set');
  return {
    format: source.format ?? (source.constructor === Object ? 'dataset' : source.constructor.name),
    length,
    ids,
    groups,
    splits,
    notes,
    ...(multiLabel !== undefined && { multiLabel }),
    classes: named ?? (await classesOf(length, getMask ?? (async (i) => (await get(i)).mask))),
    channels: source.channels ?? image.channels,
    maxValue: source.maxValue ?? maxValueOf(image),
    files: source.files?.bind(source) ?? ((i) => ({ image: ids[i]!, mask: ids[i]! })),
    get,
    ...(getMask && { getMask }),
    hasObjects: source.hasObjects,
    getObjects: source.getObjects?.bind(source) ?? (async (i) => (await get(i)).objects!),
  };
}

function maxValueOf({ data }: Raster): number {
  return data instanceof Uint8Array ? 255 : data instanceof Uint16Array ? 65_535 : 1;
}

/** Names for the classes up to the largest index in the masks, at least two. */
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
