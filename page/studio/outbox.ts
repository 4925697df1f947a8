/**
 * Sends changes to the server, one at a time and in order. Strokes are sent as they are, so the server's journal has
 * them at once. All other edits are sent as the whole plane, which includes the strokes that still wait. What cannot
 * be sent is kept and sent again.
 */
import { type Backend, BackendError } from './backend.js';
import type { Change, OpenImage } from './open-image.js';

export type SavingState =
  | { readonly kind: 'saved' }
  | { readonly kind: 'saving' }
  /** Not saved for now. `message` says why. */
  | { readonly kind: 'waiting'; readonly message: string };

/** Milliseconds before the first and before later attempts. */
const RETRY_FIRST = 1000;
const RETRY_MOST = 15_000;

export class Outbox {
  private readonly images = new Set<OpenImage>();
  private running = false;
  private delay = RETRY_FIRST;
  private wake: (() => void) | undefined;

  constructor(
    private readonly backend: Pick<Backend, 'sendStroke' | 'putLabels'>,
    private readonly encode: (image: OpenImage) => Promise<Blob>,
    private readonly on: {
      readonly state: (state: SavingState) => void;
      readonly conflict: (image: OpenImage) => void;
    },
  ) {}

  /** Whether everything is saved. */
  get empty(): boolean {
    return this.images.size === 0;
  }

  /** The image with this id whose changes are not all saved. */
  unsaved(id: string): OpenImage | undefined {
    return [...this.images].find((image) => image.id === id);
  }

  add(image: OpenImage, change: Change): void {
    image.unsent.push(change);
    this.images.add(image);
    void this.run();
  }

  /** Forgets an image's changes, where the user takes the labels of others. */
  drop(image: OpenImage): void {
    image.unsent.length = 0;
    image.unsaved.clear();
    this.images.delete(image);
  }

  /** Tries again at once. */
  retry(): void {
    this.delay = RETRY_FIRST;
    this.wake?.();
    void this.run();
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    let waiting: string | undefined;
    for (let image = this.next(); image; image = this.next()) {
      if (waiting === undefined) this.on.state({ kind: 'saving' });
      const [change, sent] = this.take(image);
      try {
        image.etag = await this.send(image, change);
        image.saved(change);
        if (image.unsent.length === 0) this.images.delete(image);
        this.delay = RETRY_FIRST;
        waiting = undefined;
      } catch (error) {
        image.unsent.unshift(...sent);
        if (error instanceof BackendError && error.status === 412) {
          image.conflict = true;
          this.on.conflict(image);
          continue;
        }
        waiting = error instanceof Error ? error.message : String(error);
        this.on.state({ kind: 'waiting', message: waiting });
        await this.pause();
      }
    }
    this.running = false;
    if (this.empty) this.on.state({ kind: 'saved' });
    else this.on.state({ kind: 'waiting', message: 'Another page changed these labels.' });
  }

  private next(): OpenImage | undefined {
    return [...this.images].find(({ conflict, unsent }) => !conflict && unsent.length > 0);
  }

  /** Takes the next change off the list: a stroke, or all of them where the whole plane is sent. */
  private take({ unsent }: OpenImage): [Change, Change[]] {
    const whole = unsent.some(({ stroke }) => stroke === undefined);
    const sent = unsent.splice(0, whole ? unsent.length : 1);
    return [whole ? { stroke: undefined, edit: sent.at(-1)!.edit } : sent[0]!, sent];
  }

  private async send(image: OpenImage, { stroke }: Change): Promise<string> {
    if (stroke) return this.backend.sendStroke(image.id, stroke, image.etag);
    const { etag } = image;
    return this.backend.putLabels(image.id, await this.encode(image), etag);
  }

  private async pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, this.delay);
    });
    this.wake = undefined;
    this.delay = Math.min(RETRY_MOST, this.delay * 2);
  }
}
