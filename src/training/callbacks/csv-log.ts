/** Keeps a table of the epochs that any spreadsheet opens (RFC 4180). */
import { writeFileAtomic } from '../../files/index.js';
import type { Callback, EpochRecord } from '../callback.js';
import { flatScores } from '../flat-scores.js';

/** Writes `path`, a line an epoch, anew after each: its folder must exist. */
export function csvLog(path: string): Callback {
  const write = (history: readonly EpochRecord[]) => writeFileAtomic(path, csvTable(history));
  return {
    name: 'csvLog',
    // Cut back to the checkpoint that the run resumes from.
    fitStart: ({ history }) => write(history),
    epochEnd: ({ history }) => write(history),
  };
}

/** The table, with a line of names above; a score that an epoch does not have leaves its cell empty. */
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
  // Without a mark of its encoding, Excel reads names of classes beyond ASCII as gibberish.
  return /[^\0-\x7f]/.test(text) ? `\ufeff${text}` : text;
}

const quoted = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
