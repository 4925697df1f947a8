/** A dataset in the layout of another: what a model trained on the other one takes. */
import { conform, type ImageLayout } from './conform.js';
import type { Dataset, Sample } from './dataset.js';
import type { SampleReading } from './sample-reading.js';
import { Subset } from './subset.js';

/**
 * All of a dataset, its images in the given channels and bits. `get` throws `image-channels` naming the file
 * where that would lose something.
 */
export class Conformed extends Subset {
  constructor(
    whole: Dataset,
    private readonly layout: ImageLayout,
  ) {
    super(
      whole,
      Array.from({ length: whole.length }, (_, i) => i),
    );
  }

  override get channels(): number {
    return this.layout.channels;
  }
  override get maxValue(): number {
    return this.layout.maxValue;
  }

  override async get(i: number): Promise<Sample> {
    const sample = await super.get(i);
    return { ...sample, image: conform(sample.image, this.layout, this.files(i).image) };
  }

  override reading(i: number): SampleReading | undefined {
    const reading = super.reading(i);
    return reading && { ...reading, layouts: [...reading.layouts, this.layout] };
  }
}
