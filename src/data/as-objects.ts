/** A data set whose samples tell objects apart. */
import { PixelwiseError } from '../errors/index.js';
import type { Dataset, Sample } from './dataset.js';
import { readSample, type SampleReading } from './sample-reading.js';
import { Subset } from './subset.js';

/** All of a data set, its samples with `objects`. */
class ObjectsDataset extends Subset {
  override get tellsObjects(): boolean {
    return true;
  }

  constructor(whole: Dataset) {
    super(
      whole,
      Array.from({ length: whole.length }, (_, i) => i),
    );
  }

  override async get(i: number): Promise<Sample> {
    const reading = this.reading(i);
    if (reading) return readSample(reading, reading.maskReading ? undefined : await this.getObjects(i));
    // A data set of the user's own gives the objects with the sample.
    const sample = await super.get(i);
    return sample.objects ? sample : { ...sample, objects: await this.getObjects(i) };
  }

  override reading(i: number): SampleReading | undefined {
    const reading = super.reading(i);
    return reading && { ...reading, objects: true };
  }
}

/** @throws PixelwiseError `objects` if the masks do not tell objects apart. */
export function asObjects(dataset: Dataset, where: string): Dataset {
  if (dataset.hasObjects) return new ObjectsDataset(dataset);
  throw new PixelwiseError(
    'objects',
    `${where}: the masks do not tell objects apart. Save a number for each object, a mask file for each object, or shapes (COCO); or leave --task objects out.`,
  );
}
