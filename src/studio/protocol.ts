/**
 * The JSON that the studio's page and other tools exchange with its server. Types only: the page compiles them too.
 * The labels, predictions and images themselves are PNG files; see docs/studio.md.
 */

export interface StudioClass {
  readonly name: string;
  /** `#rrggbb` */
  readonly colour: string;
}

/** `unreadable`: the file cannot be opened as an image; it is listed and skipped. */
export type StudioImageState = 'unlabelled' | 'partial' | 'complete' | 'unreadable';

export interface StudioImage {
  /** Its path in the folder. */
  readonly id: string;
  /** Pixels; 0 where the image is unreadable. */
  readonly width: number;
  readonly height: number;
  /** Bits of a stored sample. */
  readonly depth: 8 | 16;
  readonly state: StudioImageState;
  readonly labelledPixels: number;
  /** Whether the image is kept from training, to score predictions on. */
  readonly heldOut: boolean;
  /** Why the image is unreadable. */
  readonly error?: string;
}

/** `GET /api/project` */
export interface StudioProject {
  readonly name: string;
  readonly classes: readonly StudioClass[];
  readonly images: readonly StudioImage[];
  /** Why nothing can be saved, if so: the folder is read-only. */
  readonly readOnly?: string;
}

/** What labels there are after a change: the response to `POST …/strokes` and `PUT …/labels`. */
export interface LabelsChanged {
  readonly labelledPixels: number;
  readonly state: StudioImageState;
}

/** Scores on images that the model does not learn from. */
export interface HeldOutScores {
  /** Images with labels among them. */
  readonly images: number;
  readonly meanDice: number | null;
  readonly meanIoU: number | null;
  readonly classes: readonly { readonly name: string; readonly dice: number | null }[];
}

/** `GET /api/training`, and the event `training`. */
export interface TrainingStatus {
  /** The learner that predictions come from: the pixel classifier or the network. */
  readonly learner: 'none' | 'pixels' | 'network';
  readonly step: number;
  /** Seconds of training so far. */
  readonly seconds: number;
  readonly labelledImages: number;
  /** Null before held-out images have labels and a prediction. */
  readonly heldOut: HeldOutScores | null;
  /** What it is doing, in words. */
  readonly doing: string;
}

/** The events of `GET /api/events`, by name, with their data. */
export interface StudioEvents {
  readonly training: TrainingStatus;
  readonly prediction: { readonly id: string; readonly step: number };
  /** Labels changed, by this page or another. */
  readonly labels: { readonly id: string; readonly etag: string };
  /** Classes or images changed. */
  readonly project: Record<string, never>;
}

/** The response to `POST /api/export`. */
export interface Exported {
  readonly path: string;
}

export interface StudioError {
  readonly error: { readonly code: string; readonly message: string };
}
