/**
 * The JSON that the studio's page and other tools exchange with its server. Types only, so that the page can be
 * compiled with them. Labels, predictions and images are files; see docs/studio.md.
 */
import type { TrainingStatus } from './learning.js';
import type { ImageFacts, ProjectClass } from './project-rules.js';

export type { Exported, TrainingStatus } from './learning.js';
export type { ImageFacts, ImageState, ProjectClass } from './project-rules.js';

/** `GET /api/project` */
export interface StudioProject {
  /** The folder. */
  readonly project: string;
  readonly classes: readonly ProjectClass[];
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
  readonly classes: { readonly classes: readonly ProjectClass[] };
  /** An image's labels or state changed. */
  readonly image: {
    readonly image: ImageFacts;
    /** The `x-page` header of the request that changed it. */
    readonly by: string | null;
    /** The version of its labels, if they changed. */
    readonly etag: string | null;
  };
}

/** The body of a response that is not a success. */
export interface StudioError {
  readonly error: { readonly code: string; readonly message: string };
}
