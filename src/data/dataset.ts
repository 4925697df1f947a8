/** The interface of data sets, and the batches that the loader makes of them. */
import type { ClassMask, Raster } from '../images/raster.js';
import type { ObjectMask } from '../objects/index.js';
import type { MaskValues } from './class-values.js';
import type { Finding } from './finding.js';
import type { SampleReading } from './sample-reading.js';

/** One image with its mask, at source size. */
export interface Sample {
  /** Unique within the data set and the same on every machine, for example a relative path without its extension. */
  readonly id: string;
  readonly image: Raster;
  /** Same width and height as the image. */
  readonly mask: ClassMask;
  /** Which object each pixel belongs to, if the task is to tell objects apart. Its classes are those of the mask. */
  readonly objects?: ObjectMask | undefined;
}

/** Labelled images. `get` decodes on demand, so opening a data set is fast at any length. */
export interface Dataset {
  /** Format name, as `--format` takes it. */
  readonly format: string;
  readonly length: number;
  readonly ids: readonly string[];
  /** The group of each sample (patient, car), if there are groups. A group is never split between parts. */
  readonly groups?: readonly string[] | undefined;
  /** Official part of each sample (`train`, `valid`, `test`), if the format has official parts. */
  readonly splits?: readonly (string | undefined)[] | undefined;
  /** Class names by class index, or by bit for {@link multiLabel}; at least two. */
  readonly classes: readonly string[];
  /**
   * Whether the classes may overlap: then a mask value is a set of classes (labels/label-set.ts), and there is no
   * background class. Default false.
   */
  readonly multiLabel?: boolean | undefined;
  /** How masks store two classes, if this was detected from the masks. Other masks of this kind are read the same way. */
  readonly maskValues?: MaskValues | undefined;
  /** Channels of every image: 1, 3, or as in the files. */
  readonly channels: number;
  /** Largest pixel value: 255, 65,535, or 1 for floating-point values. */
  readonly maxValue: number;
  /** Image files without a mask. They are not used for training; `predict` can use them. */
  readonly unlabelled?: readonly string[] | undefined;
  /** Notes for the user on how the files are read (alpha dropped, classes guessed…). */
  readonly notes?: readonly string[] | undefined;
  /** How images and masks were matched, in one line: `243 pairs: images/N.jpg ↔ masks/N.png`. */
  readonly pairing?: string | undefined;
  /** Problems found while opening the files. Those of level `error` prevent training. */
  readonly findings?: readonly Finding[] | undefined;
  /** The files of sample `i`, for messages. */
  files(i: number): { readonly image: string; readonly mask: string };
  /** @param epoch counted from 0, for data sets with random samples that differ in each epoch of training. */
  get(i: number, epoch?: number): Promise<Sample>;
  /** The mask alone, if it can be read without decoding the image: for statistics over all masks. */
  getMask?(i: number): Promise<ClassMask>;
  /** Whether the truth tells objects apart: a number for each object, a mask for each, or drawn shapes. */
  readonly hasObjects?: boolean | undefined;
  /** Whether samples come with their objects. */
  readonly tellsObjects?: boolean | undefined;
  /** The objects of sample `i`, at the size of its mask. Only if there are objects. */
  getObjects?(i: number): Promise<ObjectMask>;
  /**
   * How sample `i` is read, as plain data that can be sent to the loader's threads, if possible. They then read the
   * same sample as {@link get}.
   */
  reading?(i: number): SampleReading | undefined;
}

/** The input of one training step. */
export interface Batch {
  readonly ids: readonly string[];
  readonly size: number;
  /** If this is a part of a larger batch: the index of its first sample in that batch. */
  readonly first?: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** N×C×H×W, normalised. Empty where {@link features} are given instead. */
  readonly images: Float32Array;
  /** N×H×W class indices, or sets of classes that overlap; IGNORE_INDEX for ignored pixels. */
  readonly masks: Uint8Array;
  /** For each sample, what the frozen part of a model computes from its image. */
  readonly features?: readonly (readonly Float32Array[])[];
  /** The samples, those left out included, if they were asked for by {@link SampleVisit}. */
  readonly visits?: readonly SampleVisit[];
}

/** A sample of a batch whose caller keeps samples. */
export interface SampleVisit {
  /** Its index in the data set. */
  readonly position: number;
  readonly id: string;
  /** The epoch whose random draws augment it. */
  readonly draws: number;
  /** Whether it is left out of the batch, because the caller has it. */
  readonly held: boolean;
}
