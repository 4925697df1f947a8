/** What the studio's server and the learner in its thread say to each other. */
import type { Scores } from '../metrics/index.js';

/** `pixels`: a classifier of single pixels on fixed features, at once. `network`: the network of `train`, later. */
export type LearnerKind = 'pixels' | 'network';

/** Scores on held-out images, on their labelled pixels. */
export interface HeldOutScores extends Pick<Scores, 'meanDice' | 'meanIoU' | 'pixelAccuracy'> {
  /** Images. */
  readonly samples: number;
}

/** The answer to `GET /api/training`. */
export interface TrainingStatus {
  /** The learner whose predictions are shown; null before there is one. */
  readonly learner: LearnerKind | null;
  /** Counts all steps of both learners. */
  readonly step: number;
  /** Seconds of learning so far. */
  readonly seconds: number;
  /** Images that are learned from. */
  readonly labelledImages: number;
  /** Held-out images with labels. */
  readonly heldOutImages: number;
  /** Of the learner that is shown; null without labels on held-out images. */
  readonly scores: HeldOutScores | null;
  /** Of each learner, to compare them. */
  readonly scoresByLearner: Readonly<Partial<Record<LearnerKind, HeldOutScores>>>;
  /** A message for the user. */
  readonly activity: string;
  /** Why nothing can be learned, if so. */
  readonly problem?: string;
}

/** The status before anything was learned. */
export const NOTHING_LEARNED: TrainingStatus = {
  learner: null,
  step: 0,
  seconds: 0,
  labelledImages: 0,
  heldOutImages: 0,
  scores: null,
  scoresByLearner: {},
  activity: 'waiting for labels',
};

/** A prediction at the size of the image. */
export interface Prediction {
  readonly width: number;
  readonly height: number;
  /** Class of every pixel. */
  readonly classes: Uint8Array<ArrayBuffer>;
  /** 0 certain … 255: the two likeliest classes are equally likely. */
  readonly uncertainty: Uint8Array<ArrayBuffer>;
  /** The step of the model. */
  readonly step: number;
}

/** The labels of an image, for learning. */
export interface LabelsForLearning {
  readonly id: string;
  /** Absolute path of the image. */
  readonly file: string;
  /** Another one when the file has changed. */
  readonly version?: string | undefined;
  readonly heldOut: boolean;
  readonly width: number;
  readonly height: number;
  /** Classes, 255 unlabelled; in shared memory, which may change at any time. */
  readonly labels: Uint8Array;
}

export type ImageForPrediction = Pick<LabelsForLearning, 'id' | 'file' | 'version' | 'width' | 'height'>;

/** What was exported: absolute paths. */
export interface Exported {
  readonly to: 'run' | 'onnx';
  readonly path: string;
}

/** The learner, as the server sees it. */
export interface StudioLearner {
  /** The status, without waiting for the learner. */
  readonly status: TrainingStatus;
  /** Sets the names of the classes. Learning starts again if their number changes, from labels that are told again. */
  setClasses(names: readonly string[]): void;
  /** Should be called when an image is opened: what its first labels need is made in advance. */
  opened(image: ImageForPrediction): void;
  /** Must be called when the labels of an image have changed. */
  labelled(image: LabelsForLearning): void;
  /** Undefined before there is a model. Throws PixelwiseError for an image that cannot be read. */
  predict(image: ImageForPrediction): Promise<Prediction | undefined>;
  /** Throws PixelwiseError before there is a model. */
  exportTo(to: 'run' | 'onnx'): Promise<Exported>;
  /** Called when the status changes, and when there are new predictions. */
  onEvent: (event: LearnerEvent) => void;
  close(): Promise<void>;
}

export type LearnerEvent =
  | { readonly kind: 'training'; readonly status: TrainingStatus }
  | { readonly kind: 'prediction'; readonly step: number };
