/**
 * The JSON that the studio's page and other tools exchange with its server. Types only: the page compiles them too.
 * The labels, predictions and images themselves are files; see docs/studio.md.
 */

export interface StudioClass {
  readonly name: string;
  /** `#rrggbb` */
  readonly colour: string;
}

/** `unusable`: the file cannot be opened as an image; it is listed and skipped. */
export type StudioImageState = 'unlabelled' | 'labelled' | 'done' | 'unusable';

/** What is known of an image. */
export interface ImageFacts {
  /** Its path in the folder. */
  readonly id: string;
  /** Pixels; null where they are not known. */
  readonly width: number | null;
  readonly height: number | null;
  readonly state: StudioImageState;
  readonly labelledPixels: number;
  /** Whether the image is kept from training, to score predictions on. */
  readonly heldOut: boolean;
  /** Why the image is unusable. */
  readonly problem?: string;
}

/** Scores on labelled pixels of images that the model does not learn from. */
export interface HeldOutScores {
  /** Images. */
  readonly samples: number;
  readonly pixelAccuracy: number | null;
  readonly meanDice: number | null;
  readonly meanIoU: number | null;
}

/** `GET /api/training`, and the event `training`. */
export interface TrainingStatus {
  /** The learner whose predictions are shown: the pixel classifier or the network; null before there is one. */
  readonly learner: 'pixels' | 'network' | null;
  /** Counts all steps of both learners. */
  readonly step: number;
  /** Seconds of learning so far. */
  readonly seconds: number;
  /** Images that are learned from. */
  readonly labelledImages: number;
  /** Held-out images with labels. */
  readonly heldOutImages: number;
  /** Null without labels on held-out images. */
  readonly scores: HeldOutScores | null;
  /** What it is doing, in words. */
  readonly activity: string;
  /** Why nothing can be learned, if so. */
  readonly problem?: string;
}

/** `GET /api/project` */
export interface StudioProject {
  /** The folder. */
  readonly project: string;
  readonly classes: readonly StudioClass[];
  readonly images: readonly ImageFacts[];
  readonly training: TrainingStatus;
  /** Why changes are not written to the disk, if so. */
  readonly trouble: string | null;
}

/** The events of `GET /api/events`, by name, with their data. */
export interface StudioEvents {
  readonly training: TrainingStatus;
  /** Predictions are better than before. */
  readonly prediction: { readonly step: number };
  readonly disk: { readonly trouble: string | null };
  readonly classes: { readonly classes: readonly StudioClass[] };
  /** An image's labels or state changed. */
  readonly image: {
    readonly image: ImageFacts;
    /** The `x-page` header of the request that changed it. */
    readonly by: string | null;
    /** The version of its labels, if they changed. */
    readonly etag: string | null;
  };
}

/** The response to `POST /api/export`. */
export interface Exported {
  readonly path: string;
}

export interface StudioError {
  readonly error: { readonly code: string; readonly message: string };
}
