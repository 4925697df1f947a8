/** Decoded and resized samples kept in memory, under a bound of bytes. */
import type { PairedSample } from './paired-sample.js';

/**
 * Keeps the first samples that fit and never throws one out: an epoch visits each sample once, so making
 * room for the newest would lose every sample just before it is needed.
 */
export class SampleCache {
  private readonly samples = new Map<string, PairedSample>();
  private used = 0;

  constructor(readonly maxBytes: number) {}

  /** Bytes held. */
  get bytes(): number {
    return this.used;
  }

  /** A copy of what is kept under `key`, which the caller may change. */
  get(key: string): PairedSample | undefined {
    const kept = this.samples.get(key);
    return kept && { ...kept, image: kept.image.slice(), mask: kept.mask.slice() };
  }

  /** Keeps a copy where there is room. */
  offer(key: string, sample: PairedSample): void {
    const bytes = sample.image.byteLength + sample.mask.byteLength;
    if (this.used + bytes > this.maxBytes || this.samples.has(key)) return;
    this.samples.set(key, { ...sample, image: sample.image.slice(), mask: sample.mask.slice() });
    this.used += bytes;
  }
}
