/**
 * Writes what TensorBoard shows: `tensorboard --logdir RUN/tensorboard`. Training and validation have a folder
 * each and the same tags, so that TensorBoard draws them into one chart; steps are epochs.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../../files/index.js';
import type { Callback, EpochRecord } from '../callback.js';
import { encodeScalars, eventFileHeader } from '../event-file.js';
import { flatScores } from '../flat-scores.js';

/** The same name for every run, so that a resumed run goes on in its own file. */
const FILE = 'events.out.tfevents.0.pixelwise';

/** Writes `train/` and `valid/` below `folder`. */
export function tensorboardLog(folder: string): Callback {
  /** When each epoch ended, in seconds since 1970. */
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

  /** The file as it was after the epochs of `history`: what a killed run wrote beyond its checkpoint goes. */
  async function writeAnew(part: Part, history: readonly EpochRecord[]): Promise<void> {
    const path = pathOf(part);
    await mkdir(dirname(path), { recursive: true });
    const events = history.map((record) => eventOf(part, record));
    await writeFileAtomic(path, Buffer.concat([eventFileHeader(times[0] ?? Date.now() / 1000), ...events]));
  }

  async function append(part: Part, record: EpochRecord): Promise<void> {
    await appendFile(pathOf(part), eventOf(part, record));
  }

  function eventOf(part: Part, record: EpochRecord): Uint8Array {
    const scores = record[part];
    const own =
      part === 'train'
        ? [['lr', record.lr] as const, ['imagesPerSecond', record.imagesPerSecond] as const]
        : [];
    const scalars = [...own, ...(scores ? flatScores(scores) : [])];
    // A score that is undefined has no place on a curve.
    const defined = scalars.filter((scalar): scalar is [string, number] => scalar[1] !== null);
    return encodeScalars({ wallTime: times[record.epoch - 1]!, step: record.epoch, scalars: defined });
  }
}
