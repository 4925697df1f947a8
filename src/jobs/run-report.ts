/** Keeps a run's `report.html` up to date during training. A failure here does not end the run. */
import { writeReport } from '../report/index.js';
import type { Callback, RunFolder } from '../training/index.js';

/** The pause between two writes, as a multiple of the time that a write takes. It limits writing to 1/20 of a run. */
const PAUSE_FACTOR = 20;

export class RunReport {
  /** The report is not written again before this time, in milliseconds of `performance.now()`. */
  private nextWrite = -Infinity;

  constructor(
    private readonly folder: RunFolder,
    private readonly note: (message: string) => void,
  ) {}

  /** Writes the report after each epoch, unless it was written recently. Must come after pictures and metrics. */
  callback(): Callback {
    return {
      name: 'report',
      epochEnd: async () => {
        if (performance.now() >= this.nextWrite) await this.write(false);
      },
    };
  }

  /**
   * Writes the report.
   *
   * @param durable whether to flush it to disk, so that it survives a power failure.
   * @returns its path; undefined if it could not be written.
   */
  async write(durable = true): Promise<string | undefined> {
    const began = performance.now();
    let path: string | undefined;
    try {
      path = await writeReport(this.folder.path, { durable });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.note(`The report could not be written: ${why} The run itself is not affected.`);
    }
    const now = performance.now();
    this.nextWrite = now + PAUSE_FACTOR * (now - began);
    return path;
  }
}
