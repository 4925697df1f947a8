/** Writes a table of the epochs as CSV (RFC 4180). */
import { writeFileAtomic } from '../../files/index.js';
import type { Callback, EpochRecord } from '../callback.js';
import { flatScores } from '../flat-scores.js';

/** Rewrites `path` after each epoch, with one line per epoch. Its folder must exist. */
export function csvLog(path: string): Callback {
  const write = (history: readonly EpochRecord[]) => writeFileAtomic(path, csvTable(history));
  return {
    name: 'csvLog',
    // Removes lines after the checkpoint from which the run is resumed.
    fitStart: ({ history }) => write(history),
    epochEnd: ({ history }) => write(history),
  };
}

/** Formats the table with a header line. Scores that an epoch does not have are empty cells. */
export function csvTable(history: readonly EpochRecord[]): string {
  const rows = history.map((record): ReadonlyMap<string, number | null> => {
    const { epoch, step, lr, seconds, waitSeconds, imagesPerSecond, train, valid } = record;
    const part = (name: string, scores: [string, number | null][]) =>
      scores.map(([score, value]): [string, number | null] => [`${name}/${score}`, value]);
    return new Map([
      ...Object.entries({ epoch, step, lr, seconds, waitSeconds, imagesPerSecond }),
      ...part('train', flatScores(train)),
      ...(valid ? part('valid', flatScores(valid)) : []),
    ]);
  });
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const lines = [names.map(quoted), ...rows.map((row) => names.map((name) => String(row.get(name) ?? '')))];
  const text = lines.map((cells) => `${cells.join(',')}\r\n`).join('');
  // Excel needs a byte order mark to read non-ASCII class names as UTF-8.
  return /[^\0-\x7f]/.test(text) ? `\ufeff${text}` : text;
}

const quoted = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
