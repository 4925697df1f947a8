/**
 * What a segmenter is asked and what it answers, in Node and in browsers alike. Uses nothing from Node.
 */
import type { ClassMask, Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import type { ObjectMap } from '../objects/index.js';
import { checkOptions, flag } from '../settings/index.js';
import type { CleanOptions } from './components.js';
import type { ObjectFeatures } from './object-outlines.js';
import type { MaskFeatures } from './outlines.js';
import type { TestTimeAugmentation } from './symmetries.js';

/**
 * Tiles and test-time augmentation. By default, a model of patches runs on tiles of the patches' size, any other model
 * once on the whole image.
 */
export interface ViewOptions {
  /**
   * Length of the tiles' longer side in pixels; the aspect ratio is that of the model's input. Tiles are resized to
   * the model's input size, so tiles of that size keep the full resolution. A model of patches takes only that size.
   */
  readonly tile?: number | undefined;
  /** Minimum overlap of neighbouring tiles as a share of their side, 0 … 0.9; default 0.5. */
  readonly overlap?: number | undefined;
  /**
   * Averages the predictions for transformed copies of the image. `true` means `mirror`, which suits models trained
   * with horizontal flips. Vertical flips and rotations lower the accuracy for images with a fixed orientation.
   * Default: none.
   */
  readonly tta?: boolean | TestTimeAugmentation | undefined;
}

/** Options for segmenting an image, including postprocessing ({@link CleanOptions}). */
export interface SegmentOptions extends ViewOptions, CleanOptions {
  /** Whether to return probabilities: 4 bytes per pixel and class. Default false. */
  readonly probabilities?: boolean | undefined;
  /** Whether to return the probability of each pixel's class in the mask. Default false. */
  readonly confidence?: boolean | undefined;
  /** Whether to return outlines as GeoJSON. Default false. */
  readonly outlines?: boolean | undefined;
  /**
   * Two classes: pixels with at least this probability are class 1. Overlapping classes: the same for each class.
   * Default: the model's threshold.
   */
  readonly threshold?: number | undefined;
  /** One-channel models: convert colour images to luminance instead of throwing. Default false. */
  readonly luminance?: boolean | undefined;
  /** Name of the image in messages; default that of its file. */
  readonly name?: string | undefined;
  /** Aborts the call with `signal.reason`. A run that has started is completed first, and its result is discarded. */
  readonly signal?: AbortSignal | undefined;
}

/** {@link SegmentOptions} of which the types know whether `probabilities`, `confidence` and `outlines` are asked for. */
export interface AskedOptions<
  P extends boolean,
  C extends boolean,
  O extends boolean,
> extends SegmentOptions {
  readonly probabilities?: P | undefined;
  readonly confidence?: C | undefined;
  readonly outlines?: O | undefined;
}

/** The result for one image. */
export interface Segmentation {
  /** The class of every pixel, or the set of its classes if they overlap, at the size of the image. */
  readonly mask: ClassMask;
  /** Probabilities of all classes, K×H×W at the size of the image; if requested. */
  readonly probabilities?: Planes;
  /** Probability (0 … 1) of the class in the mask, H×W; if requested. */
  readonly confidence?: Float32Array;
  /** Outlines of the classes, or of the objects if the model tells them apart; if requested. */
  readonly outlines?: MaskFeatures | ObjectFeatures;
  /** The objects, if the model tells them apart. The mask has their classes. */
  readonly objects?: SegmentedObjects;
  readonly width: number;
  readonly height: number;
  /** Time for resizing, model and resizing back, without decoding and waiting for other runs. */
  readonly seconds: number;
  /** Time from the source to pixels; 0 for pixels. */
  readonly decodeSeconds: number;
  /** The segmented image. */
  readonly image: Raster;
  /** The image's path, address or file name, if it has one. */
  readonly file?: string;
}

/** A {@link Segmentation} that certainly has what was asked for with `true`. */
export type SegmentationWith<
  P extends boolean = false,
  C extends boolean = false,
  O extends boolean = false,
> = Segmentation &
  ([P] extends [true] ? { readonly probabilities: Planes } : unknown) &
  ([C] extends [true] ? { readonly confidence: Float32Array } : unknown) &
  ([O] extends [true] ? { readonly outlines: MaskFeatures | ObjectFeatures } : unknown);

/** Objects with the mean probability of their class. */
export interface SegmentedObjects extends ObjectMap {
  /** 0 … 1, that of object 1 first. */
  readonly probabilities: Float32Array;
}

/** The names of the options. Their values are checked where they are used, except those of flags. */
const OPTIONS: { readonly [K in keyof SegmentOptions]-?: ReturnType<typeof flag> | null } = {
  tile: null,
  overlap: null,
  tta: null,
  keepLargest: flag(),
  minArea: null,
  fillHoles: flag(),
  background: null,
  probabilities: flag(),
  confidence: flag(),
  outlines: flag(),
  threshold: null,
  luminance: flag(),
  name: null,
  signal: null,
};

/** Throws UsageError for options that `segment` does not have. */
export function checkSegmentOptions(options: SegmentOptions): void {
  checkOptions<SegmentOptions>('segment', OPTIONS, options);
}

/** Options of commands that work on files, which have outlines of their own. */
export type FileSegmentOptions = Omit<SegmentOptions, 'outlines' | 'confidence' | 'name'>;

/** The options of `segment` among those of a command. */
export function segmentOptionsIn(options: FileSegmentOptions): FileSegmentOptions {
  const own = Object.entries(options).filter(
    ([name]) => Object.hasOwn(OPTIONS, name) && name !== 'outlines' && name !== 'name',
  );
  return Object.fromEntries(own);
}
