/** The image that is open in the studio: its labels, their unsaved changes, and its prediction. */
import type { Stroke } from '../../src/labels/stroke.js';
import type { GreyWindow } from './backend.js';
import type { Edit, LabelPlane } from './label-plane.js';
import type { Plane } from './rasters.js';

/** A change of the labels to be sent. */
export interface Change {
  /** The stroke to send; undefined if the whole label plane is sent. */
  readonly stroke: Stroke | undefined;
  /** Number of the edit to which the change belongs. */
  readonly edit: number;
}

export class OpenImage {
  /** Changes still to be sent, in order. */
  readonly unsent: Change[] = [];
  /** Edits with unsaved changes, by number. After a conflict, the user may apply them to the labels of the other page. */
  readonly unsaved = new Map<number, Edit>();
  /** ETags of the versions of the labels that this page saved or loaded. */
  readonly known = new Set<string>();
  /** Whether another page changed the labels. If so, nothing is sent until the user has decided. */
  conflict = false;
  prediction: Plane | undefined;
  uncertainty: Plane | undefined;
  /** The training step of the model that made the prediction. */
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

  /** Marks a change and all earlier ones as saved. */
  saved({ edit }: Change): void {
    const open = this.unsent.some((change) => change.edit === edit);
    for (const number of this.unsaved.keys()) {
      if (number < edit || (number === edit && !open)) this.unsaved.delete(number);
    }
  }
}
