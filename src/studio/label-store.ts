/**
 * The labels of a project's images: planes in memory, masks on the disk. Every change goes into the journal at once; a
 * mask is written a moment after the last change of its image, beside the old one, and renamed.
 *
 * A disk that is full does not stop the work: changes stay in memory, {@link LabelStore.trouble} says so, and writing is
 * tried again.
 */
import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PixelwiseError } from '../errors/index.js';
import { writeFileAtomic } from '../files/index.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';
import type { LabelPlane, PixelBox } from '../labels/drawing.js';
import { HttpError } from '../serve/http-error.js';
import type { Journal, JournalEntry } from './journal.js';
import { type LabelChange, prepareChange } from './label-change.js';
import { encodeLabels, readLabels } from './mask-file.js';

/** What the store must know of an image. */
export interface LabelledImage {
  readonly id: string;
  /** Absolute path of its mask. */
  readonly mask: string;
  readonly width: number;
  readonly height: number;
}

/** Labels in memory. */
export interface OpenLabels {
  readonly plane: LabelPlane;
  /** The project's change that was the last of this image; grows with every change. */
  readonly changes: number;
}

export interface StoreOptions {
  readonly journal: Journal;
  /** The number of classes now. */
  readonly classes: () => number;
  /** The palette of masks now. */
  readonly palette: () => Uint8Array;
  /** Called after a mask is written, with the pixels of each class. */
  readonly onWritten: (id: string, pixels: readonly number[]) => void;
}

interface Entry extends OpenLabels {
  readonly image: LabelledImage;
  changes: number;
  /** The last change that the mask file holds. */
  written: number;
  /** Modification time and size of the mask file as we know it; undefined where there is none. */
  stamp: string | undefined;
  writing: Promise<void> | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Pixels of each class after change `countedAt`. */
  pixels: readonly number[];
  countedAt: number;
}

/** Milliseconds from a change to the writing of the mask. */
const WRITE_DELAY = 1500;
/** Milliseconds before writing is tried again after the disk refused. */
const RETRY_DELAY = 5000;
/** Bytes of labels in memory beyond which images without unwritten changes are forgotten. */
const MEMORY = 2 ** 28;
/** Bytes of new memory that are filled at once: the server answers others in between. */
const SLICE = 2 ** 20;
/** Pixels that are counted at once, where a count is asked for. */
const QUICK_COUNT = 4e6;

export class LabelStore {
  /** In the order of their last use. */
  private readonly open = new Map<string, Promise<Entry>>();
  /** Those with changes that their masks do not hold. */
  private readonly unwritten = new Set<Entry>();
  private sequence = 0;
  /** Why changes cannot be saved at the moment; undefined if they are. */
  trouble: string | undefined;

  constructor(private readonly options: StoreOptions) {}

  /** Makes changes again that a crash left in the journal, and writes their masks. */
  async recover(
    entries: readonly JournalEntry[],
    imageOf: (id: string) => LabelledImage | undefined,
  ): Promise<void> {
    for (const { sequence, image: id, change } of entries) {
      this.sequence = Math.max(this.sequence, sequence);
      const image = imageOf(id);
      if (image === undefined) continue;
      const entry = await this.entry(image);
      if (sequence <= entry.changes) continue;
      // Classes may have been removed since.
      const make = await prepareChange(change, entry.plane, 255).catch(() => undefined);
      make?.(entry.plane);
      entry.changes = sequence;
      this.unwritten.add(entry);
    }
    await this.flush();
  }

  /** The labels of an image. Throws HttpError 422 if its mask cannot be used. */
  async get(image: LabelledImage): Promise<OpenLabels> {
    return this.entry(image);
  }

  /**
   * Changes labels.
   *
   * @param expected as for {@link replace}.
   * @returns the changed box, undefined for none; and whether the change is on the disk.
   */
  async change(
    image: LabelledImage,
    change: LabelChange,
    expected?: (labels: OpenLabels) => boolean,
  ): Promise<{ box: PixelBox | undefined; changes: number; saved: boolean }> {
    const entry = await this.entry(image);
    const make = await prepareChange(change, entry.plane, this.options.classes());
    checkExpected(entry, expected);
    // Without a pause from here on, so that the journal has the order of the plane.
    const box = make(entry.plane);
    const { changes } = entry;
    if (box === undefined) return { box, changes, saved: this.trouble === undefined };
    const sequence = this.advance(entry);
    const appended = this.options.journal.append({ sequence, image: image.id, change });
    this.writeSoon(entry, WRITE_DELAY);
    const saved = await this.noticing(appended);
    return { box, changes: sequence, saved };
  }

  /**
   * Replaces all labels of an image and writes its mask.
   *
   * @param make changes the plane. @param expected the change that the caller has seen; another one is an HttpError 412.
   */
  async replace(
    image: LabelledImage,
    make: (plane: LabelPlane) => void,
    expected?: (labels: OpenLabels) => boolean,
  ): Promise<{ changes: number; saved: boolean }> {
    const entry = await this.entry(image);
    checkExpected(entry, expected);
    make(entry.plane);
    const changes = this.advance(entry);
    const saved = await this.noticing(this.write(entry));
    if (!saved) this.writeSoon(entry, RETRY_DELAY);
    return { changes, saved };
  }

  /** Pixels of each class of an image that is open; undefined if it is not, or too large to count at once. */
  async pixels(id: string): Promise<readonly number[] | undefined> {
    const entry = await this.open.get(id)?.catch(() => undefined);
    if (entry === undefined) return undefined;
    if (entry.countedAt !== entry.changes && entry.plane.data.length <= QUICK_COUNT) this.count(entry);
    return entry.pixels;
  }

  /** Whether no pixel of an image has a label, as far as that is known without counting. */
  async isEmpty(image: LabelledImage): Promise<boolean> {
    const entry = await this.entry(image);
    return entry.countedAt === entry.changes && entry.pixels[IGNORE_INDEX] === entry.plane.data.length;
  }

  /** Writes all masks with unwritten changes, and empties the journal. */
  async flush(): Promise<void> {
    for (const entry of [...this.unwritten]) await this.noticing(this.write(entry));
    await this.tidy();
  }

  async close(): Promise<void> {
    await this.flush();
    for (const opening of this.open.values()) clearTimeout((await opening.catch(() => undefined))?.timer);
  }

  private entry(image: LabelledImage): Promise<Entry> {
    const known = this.open.get(image.id);
    this.open.delete(image.id);
    const opening = known?.then((entry) => this.fresh(entry, image)) ?? this.load(image);
    this.open.set(image.id, opening);
    opening.catch(() => {
      if (this.open.get(image.id) === opening) this.open.delete(image.id);
    });
    return opening;
  }

  /** The labels, read again if another program wrote the mask or replaced the image meanwhile. */
  private async fresh(entry: Entry, image: LabelledImage): Promise<Entry> {
    const { width, height } = entry.plane;
    if (width !== image.width || height !== image.height) {
      if (entry.countedAt !== entry.changes) this.count(entry);
      if (entry.pixels[IGNORE_INDEX] === width * height) return this.load(image);
      throw new HttpError(
        422,
        'size-mismatch',
        `${image.id} was replaced by an image of ${image.width}×${image.height} pixels; its labels are for ${width}×${height}. Put the former image back, or move ${image.mask} away and start the studio again.`,
      );
    }
    if (entry.written < entry.changes || entry.writing) return entry;
    const stamp = await stampOf(entry.image.mask);
    if (stamp === entry.stamp || entry.written < entry.changes || entry.writing) return entry;
    clearTimeout(entry.timer);
    return this.load(image);
  }

  private async load(image: LabelledImage): Promise<Entry> {
    const { width, height, mask } = image;
    await this.makeRoom(image.id, width * height);
    const stamp = await stampOf(mask);
    // Shared with the thread that learns.
    const data = new Uint8Array(new SharedArrayBuffer(width * height));
    const stored = stamp === undefined ? undefined : await readable(mask);
    if (stored && (stored.width !== width || stored.height !== height)) {
      throw new HttpError(
        422,
        'size-mismatch',
        `${mask} has ${stored.width}×${stored.height} pixels, its image ${width}×${height}. Move the mask away, or save it in the size of the image.`,
      );
    }
    for (let from = 0; from < data.length; from += SLICE) {
      if (from > 0) await nextTurn();
      if (stored) data.set(stored.data.subarray(from, from + SLICE), from);
      else data.fill(IGNORE_INDEX, from, from + SLICE);
    }
    // Another program's mask gets a number of its own, so that what was read before counts as changed.
    const changes = stored && stored.changes === 0 ? ++this.sequence : (stored?.changes ?? 0);
    this.sequence = Math.max(this.sequence, changes);
    const entry: Entry = {
      image,
      plane: { width, height, data },
      changes,
      written: changes,
      stamp,
      writing: undefined,
      timer: undefined,
      pixels: Array.from({ length: 256 }, (_, label) => (label === IGNORE_INDEX ? width * height : 0)),
      countedAt: changes,
    };
    if (!stored) return entry;
    this.count(entry);
    const most = this.options.classes();
    const odd = entry.pixels.findIndex(
      (count, index) => index >= most && index !== IGNORE_INDEX && count > 0,
    );
    if (odd >= 0) {
      throw new HttpError(
        422,
        'mask-values',
        `${mask} holds the value ${odd}, but the project has ${most} classes, from 0. Add the class, or correct the mask.`,
      );
    }
    return entry;
  }

  private advance(entry: Entry): number {
    entry.changes = ++this.sequence;
    this.unwritten.add(entry);
    return entry.changes;
  }

  private count(entry: Entry): void {
    const counts = new Uint32Array(256);
    const { data } = entry.plane;
    for (let i = 0; i < data.length; i++) counts[data[i]!]!++;
    entry.pixels = [...counts];
    entry.countedAt = entry.changes;
  }

  private writeSoon(entry: Entry, delay: number): void {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => {
      void this.noticing(this.write(entry)).then((saved) => {
        if (!saved) this.writeSoon(entry, RETRY_DELAY);
        else void this.tidy();
      });
    }, delay);
    entry.timer.unref();
  }

  /** Writes the mask, after a writing that has begun already. */
  private write(entry: Entry): Promise<void> {
    clearTimeout(entry.timer);
    const writing = (entry.writing ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.writeNow(entry))
      .finally(() => {
        if (entry.writing === writing) entry.writing = undefined;
      });
    entry.writing = writing;
    return writing;
  }

  private async writeNow(entry: Entry): Promise<void> {
    const { plane, changes, image } = entry;
    if (entry.written >= changes) return;
    this.count(entry);
    const pixels = entry.pixels.slice(0, this.options.classes());
    // An image without labels has no mask, so that it counts as unlabelled everywhere.
    if (pixels.every((count) => count === 0)) {
      await rm(image.mask, { force: true });
    } else {
      const bytes = await encodeLabels(plane, this.options.palette(), changes);
      await mkdir(dirname(image.mask), { recursive: true });
      await writeFileAtomic(image.mask, bytes);
    }
    entry.stamp = await stampOf(image.mask);
    entry.written = Math.max(entry.written, changes);
    if (entry.written >= entry.changes) this.unwritten.delete(entry);
    this.options.onWritten(image.id, pixels);
  }

  /** Empties the journal if masks hold everything. Without a pause before, in which a change could be appended. */
  private async tidy(): Promise<void> {
    if (this.unwritten.size === 0) await this.noticing(this.options.journal.clear());
  }

  /** Waits for work on the disk. A refusal is remembered, and not thrown. */
  private async noticing(work: Promise<void>): Promise<boolean> {
    try {
      await work;
      this.trouble = undefined;
      return true;
    } catch (error) {
      const reason = error instanceof PixelwiseError ? error.message : String(error);
      this.trouble = `Changes are not saved: ${reason}`;
      return false;
    }
  }

  /** Forgets images that were not used lately, so that another one fits. */
  private async makeRoom(opened: string, bytes: number): Promise<void> {
    let total = bytes;
    for (const [id, opening] of [...this.open].reverse()) {
      // It would wait for itself.
      if (id === opened) continue;
      const entry = await opening.catch(() => undefined);
      if (entry === undefined) continue;
      total += entry.plane.data.length;
      const idle = entry.written === entry.changes && !entry.writing;
      if (total > MEMORY && idle && this.open.get(id) === opening) this.open.delete(id);
    }
  }
}

function checkExpected(labels: OpenLabels, expected: ((labels: OpenLabels) => boolean) | undefined): void {
  if (!expected || expected(labels)) return;
  throw new HttpError(
    412,
    'changed',
    'The labels have changed since they were read. Read them again, and make the change on them.',
  );
}

async function stampOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && `${found.mtimeMs} ${found.size}`;
}

async function readable(mask: string) {
  try {
    return await readLabels(mask);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HttpError(422, 'mask-unreadable', `${reason} Move this mask away to start again.`, undefined, {
      cause,
    });
  }
}
