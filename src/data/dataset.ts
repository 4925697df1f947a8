/** What every data format offers, and what comes out of the loader: the contract between files and training. */
import type { ClassMask, Raster } from '../images/raster.js';
import type { MaskValues } from './class-values.js';
import type { Finding } from './finding.js';
import type { SampleReading } from './sample-reading.js';

/** One image with its mask, at source size. */
export interface Sample {
  /** Unique within the dataset and stable across machines (a relative path without its extension, say). */
  readonly id: string;
  readonly image: Raster;
  /** Same width and height as the image. */
  readonly mask: ClassMask;
}

/** Labelled images. `get` decodes on demand, so a dataset of any length costs little to open. */
export interface Dataset {
  /** Format name, as `--format` takes it. */
  readonly format: string;
  readonly length: number;
  readonly ids: readonly string[];
  /** What must not straddle parts (patient, car), by sample; undefined where there is no such thing. */
  readonly groups?: readonly string[] | undefined;
  /** Official part of each sample (`train`, `valid`, `test`), where the format has one. */
  readonly splits?: readonly (string | undefined)[] | undefined;
  /** Class names by class index; at least two. */
  readonly classes: readonly string[];
  /** How masks store classes, where it was found from them: what other masks of the same kind are read by. */
  readonly maskValues?: MaskValues | undefined;
  /** Channels of every image (1 or 3, or as the files have). */
  readonly channels: number;
  /** Largest pixel value: 255, 65,535, or 1 for numbers as they are. */
  readonly maxValue: number;
  /** Image files kept aside because they have no mask; `predict` can use them. */
  readonly unlabelled?: readonly string[] | undefined;
  /** What a person should be told once about how the files were read (alpha dropped, classes guessed…). */
  readonly notes?: readonly string[] | undefined;
  /** How images and masks were matched, in one line: `243 pairs: images/N.jpg ↔ masks/N.png`. */
  readonly pairing?: string | undefined;
  /** What opening the files brought to light; those of level `error` mean that training must not start. */
  readonly findings?: readonly Finding[] | undefined;
  /** Files of sample `i`, for messages. */
  files(i: number): { readonly image: string; readonly mask: string };
  /** @param epoch counted from 0, for data sets whose samples are drawn anew in each epoch of training. */
  get(i: number, epoch?: number): Promise<Sample>;
  /** The mask alone, where it can be had without decoding the image: for statistics over all masks. */
  getMask?(i: number): Promise<ClassMask>;
  /**
   * How sample `i` is read, where plain data can say so: then the loader's threads can do it. What they read is
   * what {@link get} gives.
   */
  reading?(i: number): SampleReading | undefined;
}

/** What one training step eats. */
export interface Batch {
  readonly ids: readonly string[];
  readonly size: number;
  /** Where this is a part of a larger batch: the place there of its first sample. */
  readonly first?: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** N×C×H×W, normalised. */
  readonly images: Float32Array;
  /** N×H×W class indices; IGNORE_INDEX where a pixel counts for nothing. */
  readonly masks: Uint8Array;
}
