/** A run's `report.html`, kept up to date as it goes. Nothing that goes wrong here ends a run. */
import { writeReport } from '../report/index.js';
import type { Callback, RunFolder } from '../training/index.js';

/** Times that its writing lasts which must pass before it is written again: a twentieth of a run, at most. */
const PAUSE = 20;

export class RunReport {
  /** When it may be written again, on the clock of `performance`. */
  private due = -Infinity;

  constructor(
    private readonly folder: RunFolder,
    private readonly note: (message: string) => void,
  ) {}

  /** Writes it after an epoch, unless that was done a moment ago. It stands after the pictures and the metrics. */
  callback(): Callback {
    return {
      name: 'report',
      epochEnd: async () => {
        if (performance.now() >= this.due) await this.write(false);
      },
    };
  }

  /** Writes it. @param durable whether it is to outlast a power failure. @returns its path, where that went well. */
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
    this.due = now + PAUSE * (now - began);
    return path;
  }
}
