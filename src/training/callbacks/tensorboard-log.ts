/**
 * Writes event files for TensorBoard: `tensorboard --logdir RUN/tensorboard`. Training and validation have separate
 * folders and the same tags, so that TensorBoard draws them in one chart. Steps are epochs.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic, writing } from '../../files/index.js';
import type { Callback, EpochRecord } from '../callback.js';
import { encodeScalars, eventFileHeader } from '../event-file.js';
import { flatScores } from '../flat-scores.js';

/** The same name for every run, so that a resumed run continues its file. */
const FILE = 'events.out.tfevents.0.pixelwise';

/** Writes `train/` and `valid/` below `folder`. */
export function tensorboardLog(folder: string): Callback {
  /** End time of each epoch, in seconds since 1970. */
  let times: number[] = [];
  return {
    name: 'tensorboardLog',
    async fitStart({ history }) {
      const now = Date.now() / 1000;
      times = history.map((_, i) => times[i] ?? now);
      const parts = ['train', ...(history.some(({ valid }) => valid) ? ['valid'] : [])] as Part[];
      for (const part of parts) await writeAnew(part, history);
    },
    async epochEnd({ history }, record) {
      times.push(Date.now() / 1000);
      await append('train', record);
      if (!record.valid) return;
      if (history.length === 1) await writeAnew('valid', []);
      await append('valid', record);
    },
    state: () => ({ times: [...times] }),
    loadState(state) {
      times = [...(state as { times: number[] }).times];
    },
  };

  type Part = 'train' | 'valid';

  function pathOf(part: Part): string {
    return join(folder, part, FILE);
  }

  /** Rewrites the file from `history`, without epochs that a killed run wrote after its checkpoint. */
  async function writeAnew(part: Part, history: readonly EpochRecord[]): Promise<void> {
    const path = pathOf(part);
    await writing(path, () => mkdir(dirname(path), { recursive: true }));
    const events = history.map((record) => eventOf(part, record));
    await writeFileAtomic(path, Buffer.concat([eventFileHeader(times[0] ?? Date.now() / 1000), ...events]));
  }

  async function append(part: Part, record: EpochRecord): Promise<void> {
    const path = pathOf(part);
    await writing(path, () => appendFile(path, eventOf(part, record)));
  }

  function eventOf(part: Part, record: EpochRecord): Uint8Array {
    const scores = record[part];
    const own =
      part === 'train'
        ? [['lr', record.lr] as const, ['imagesPerSecond', record.imagesPerSecond] as const]
        : [];
    const scalars = [...own, ...(scores ? flatScores(scores) : [])];
    // Undefined scores are not written.
    const defined = scalars.filter((scalar): scalar is [string, number] => scalar[1] !== null);
    return encodeScalars({ wallTime: times[record.epoch - 1]!, step: record.epoch, scalars: defined });
  }
}
