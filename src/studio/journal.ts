/**
 * The journal: every change of labels, appended to a file before it is answered. Masks are written later and less
 * often; after a crash, the changes that a mask does not hold yet are made again from here.
 *
 * A line is one change as JSON. A killed process may leave the last line incomplete; it is then left out, since its
 * request was not answered. What was appended survives a kill at once and a power failure after a moment.
 */
import type { FileHandle } from 'node:fs/promises';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { writeError, isSystemError } from '../files/index.js';
import type { LabelChange } from './label-change.js';

export interface JournalEntry {
  /** Counts all changes of the project. */
  readonly sequence: number;
  /** Id of the image. */
  readonly image: string;
  readonly change: LabelChange;
}

/** Milliseconds between flushes to the disk: what a power failure can lose. */
const FLUSH_INTERVAL = 500;

export class Journal {
  /** The latest append or truncation. Work on the file is done one by one. */
  private tail: Promise<void> = Promise.resolve();
  private flushing: Promise<void> | undefined;
  private unflushed = false;
  private closed = false;

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /** Opens the journal, and reads the changes that a crash left in it. */
  static async open(path: string): Promise<{ journal: Journal; entries: JournalEntry[] }> {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (isSystemError(error) && error.code === 'ENOENT') return '';
      throw error;
    });
    const entries = entriesIn(text);
    try {
      const file = await open(path, 'a');
      const journal = new Journal(path, file);
      // A change is appended on a line of its own, whatever the crash left.
      if (text !== '' && !text.endsWith('\n')) await file.appendFile('\n');
      return { journal, entries };
    } catch (error) {
      throw isSystemError(error) ? writeError(path, error) : error;
    }
  }

  /**
   * Appends a change. Resolves once the operating system has it.
   *
   * @throws PixelwiseError `write-failed` if the disk is full or gone.
   */
  append(entry: JournalEntry): Promise<void> {
    return this.inTurn(async () => {
      await this.file.appendFile(`${JSON.stringify(entry)}\n`);
      this.unflushed = true;
      this.flushing ??= this.flush();
    });
  }

  /** Empties the journal, once masks hold all changes. */
  clear(): Promise<void> {
    return this.inTurn(() => this.file.truncate(0));
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.tail.catch(() => undefined);
    await this.flushing;
    await this.file.close();
  }

  private async flush(): Promise<void> {
    while (this.unflushed) {
      this.unflushed = false;
      // A disk that cannot flush refuses the next append too, which says so.
      await this.file.datasync().catch(() => undefined);
      if (!this.closed) await wait(FLUSH_INTERVAL, undefined, { ref: false });
    }
    this.flushing = undefined;
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.tail
      .catch(() => undefined)
      .then(work)
      .catch((error: unknown) => {
        throw isSystemError(error) ? writeError(this.path, error) : error;
      });
    this.tail = done;
    // Whoever appended is told.
    done.catch(() => undefined);
    return done;
  }
}

/** Changes in the order in which they were made. Lines that a crash cut short are left out. */
function entriesIn(text: string): JournalEntry[] {
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as JournalEntry];
    } catch {
      return [];
    }
  });
}
