/** The image on the stage: its labels, what of them has not been saved yet, its prediction. */
import type { Stroke } from '../../src/labels/stroke.js';
import type { GreyWindow } from './backend.js';
import type { Edit, LabelPlane } from './label-plane.js';
import type { Plane } from './rasters.js';

/** A change that is to be sent: a stroke as it is, anything else as the whole plane. */
export interface Change {
  readonly stroke: Stroke | undefined;
  /** Number of the edit that it is a part of. */
  readonly edit: number;
}

export class OpenImage {
  /** Changes that wait to be sent, in order. */
  readonly unsent: Change[] = [];
  /** Edits whose changes have not all been saved, by number. They are made again where others changed the labels. */
  readonly unsaved = new Map<number, Edit>();
  /** Versions of the labels that this page made or loaded. */
  readonly known = new Set<string>();
  /** Whether others changed the labels, so that nothing is sent before the user has decided. */
  conflict = false;
  prediction: Plane | undefined;
  uncertainty: Plane | undefined;
  /** The model's step that made the prediction. */
  step = 0;
  private edits = 0;
  private version: string;

  constructor(
    readonly id: string,
    public plane: LabelPlane,
    etag: string,
    /** The values shown as black and white that the server chose, where they can be chosen. */
    readonly window: GreyWindow | undefined,
  ) {
    this.version = etag;
    this.known.add(etag);
  }

  get etag(): string {
    return this.version;
  }

  set etag(etag: string) {
    this.version = etag;
    this.known.add(etag);
  }

  get width(): number {
    return this.plane.width;
  }

  get height(): number {
    return this.plane.height;
  }

  /** The number of the next edit. */
  nextEdit(): number {
    return ++this.edits;
  }

  /** Takes note that a change was saved, and with it all earlier ones. */
  saved({ edit }: Change): void {
    const open = this.unsent.some((change) => change.edit === edit);
    for (const number of this.unsaved.keys()) {
      if (number < edit || (number === edit && !open)) this.unsaved.delete(number);
    }
  }
}
