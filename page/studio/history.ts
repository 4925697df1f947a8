/** Undo and redo for each image, within one bound of memory for all of them. */
import type { Edit } from './label-plane.js';

/** Bytes that the edits of all images may take. */
const MOST_BYTES = 64 * 2 ** 20;

interface Stacks {
  readonly done: Edit[];
  readonly undone: Edit[];
}

export class History {
  /** By image, the least recently edited first. */
  private readonly images = new Map<string, Stacks>();
  private held = 0;

  constructor(private readonly most = MOST_BYTES) {}

  /** Bytes that edits take. */
  get bytes(): number {
    return this.held;
  }

  canUndo(image: string): boolean {
    return (this.images.get(image)?.done.length ?? 0) > 0;
  }

  canRedo(image: string): boolean {
    return (this.images.get(image)?.undone.length ?? 0) > 0;
  }

  /** Adds an edit. What was undone before it cannot be redone any more. The oldest edits go where memory is short. */
  add(image: string, edit: Edit): void {
    const stacks = this.images.get(image) ?? { done: [], undone: [] };
    this.images.delete(image);
    this.images.set(image, stacks);
    this.release(stacks.undone.splice(0));
    stacks.done.push(edit);
    this.held += edit.bytes;
    for (const [id, { done, undone }] of this.images) {
      // The newest edit can be undone whatever its size.
      while (this.held > this.most && done.length + undone.length > (id === image ? 1 : 0)) {
        this.release([(undone.shift() ?? done.shift())!]);
      }
    }
  }

  /** The edit to undo, which can be redone from then on; undefined if there is none. */
  undo(image: string): Edit | undefined {
    return this.move(image, 'done', 'undone');
  }

  /** The edit to make again. */
  redo(image: string): Edit | undefined {
    return this.move(image, 'undone', 'done');
  }

  private move(image: string, from: keyof Stacks, to: keyof Stacks): Edit | undefined {
    const stacks = this.images.get(image);
    const edit = stacks?.[from].pop();
    if (edit) stacks![to].push(edit);
    return edit;
  }

  /** Forgets an image's edits, whose labels have changed elsewhere. */
  clear(image: string): void {
    const stacks = this.images.get(image);
    if (stacks) this.release([...stacks.done, ...stacks.undone]);
    this.images.delete(image);
  }

  private release(edits: readonly Edit[]): void {
    for (const { bytes } of edits) this.held -= bytes;
  }
}
