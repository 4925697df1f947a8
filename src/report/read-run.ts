/**
 * Everything that a report shows, read from a run folder. A run that is half done, was cut off or holds damaged
 * files is read as far as it goes; only a folder without a configuration is no run.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { EpochRecord, FinalScores, RunConfig, RunScores } from '../training/index.js';
import { epochRecordSchema, parseRunScores, readRunConfig, RunFolder } from '../training/index.js';
import type { Pictures } from './pictures.js';
import { readPictures } from './pictures.js';

/** The curve of a learning-rate range test. */
export interface LrCurve {
  readonly suggestion: number;
  /** Null where a loss was not finite. `smoothed`: a moving average of the losses so far. */
  readonly points: readonly {
    readonly lr: number;
    readonly loss: number | null;
    readonly smoothed?: number | null | undefined;
  }[];
}

/** What was judged, and how much its figures are worth. */
export interface Judged {
  readonly part: 'test' | 'valid' | 'train';
  readonly scores: FinalScores;
  /** The epoch that was chosen on these figures; they flatter it. Absent where nothing was. */
  readonly chosenOn: boolean;
  /** At which size masks were compared: the images' own, or the model's, as after each epoch. */
  readonly scoreAt: 'source' | 'model';
}

export interface Run extends Pictures {
  readonly path: string;
  /** The folder's name. */
  readonly name: string;
  readonly config: RunConfig;
  /** Epochs done, oldest first. */
  readonly history: readonly EpochRecord[];
  /** How it ended; absent where it has not, or was cut off. */
  readonly ended?: RunScores;
  /** The epoch whose weights count as best; absent before the first. */
  readonly bestEpoch?: number;
  /** The parts that were scored, the most telling first: test, validation, training. */
  readonly judged: readonly Judged[];
  readonly lrCurve?: LrCurve;
}

/** Reads a run. @throws PixelwiseError where `path` is no run folder, or its config.json is damaged. */
export async function readRun(path: string): Promise<Run> {
  const folder = new RunFolder(path);
  const config = await readRunConfig(folder);
  const notes: string[] = [];
  const history = await readHistory(folder, notes);
  const ended = await readEnd(folder, history, notes);
  const pictures = await readPictures(join(folder.path, 'samples'));
  const lrCurve = await readLrCurve(join(folder.path, 'lr-find.json'), notes);
  const bestEpoch = ended?.best?.epoch ?? bestOf(history);
  return {
    ...pictures,
    path: folder.path,
    name: basename(folder.path),
    config,
    history,
    ...(ended && { ended }),
    ...(bestEpoch !== undefined && { bestEpoch }),
    judged: judgedParts(history, ended, bestEpoch),
    ...(lrCurve && { lrCurve }),
    notes: [...notes, ...pictures.notes],
  };
}

async function readHistory(folder: RunFolder, notes: string[]): Promise<EpochRecord[]> {
  const text = await readFile(folder.metricsPath, 'utf8').catch(() => '');
  const records: EpochRecord[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const record = epochRecordSchema.safeParse(jsonOf(line));
    if (record.success) records.push(record.data);
    else notes.push(`Line ${index + 1} of metrics.jsonl is damaged and left out.`);
  }
  return records;
}

/** What the run ended with, unless it went on since. */
async function readEnd(
  folder: RunFolder,
  history: readonly EpochRecord[],
  notes: string[],
): Promise<RunScores | undefined> {
  const text = await readFile(folder.scoresPath, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const ended = parseRunScores(text, 'scores.json');
    return ended.epochs < history.length ? undefined : ended;
  } catch (error) {
    notes.push(`${(error as Error).message}. It is left out.`);
    return undefined;
  }
}

const lrSchema = z.object({
  suggestion: z.number().positive(),
  points: z.array(
    z.object({ lr: z.number().positive(), loss: z.number().nullable(), smoothed: z.number().nullish() }),
  ),
});

async function readLrCurve(path: string, notes: string[]): Promise<LrCurve | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const result = lrSchema.safeParse(jsonOf(text));
  if (!result.success) {
    notes.push('lr-find.json is damaged and left out.');
    return undefined;
  }
  return result.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The epoch of greatest validation mean IoU, as checkpoints choose it; the last where nothing was held out. */
function bestOf(history: readonly EpochRecord[]): number | undefined {
  const held = history.some(({ valid }) => valid !== undefined);
  if (!held) return history.at(-1)?.epoch;
  let best: EpochRecord | undefined;
  for (const record of history) {
    const value = record.valid?.meanIoU ?? -1;
    if (value > (best?.valid?.meanIoU ?? -1)) best = record;
  }
  return best?.epoch;
}

function judgedParts(
  history: readonly EpochRecord[],
  ended: RunScores | undefined,
  bestEpoch: number | undefined,
): Judged[] {
  const record = history.find(({ epoch }) => epoch === bestEpoch) ?? history.at(-1);
  const parts: Judged[] = [];
  if (ended?.test) parts.push({ part: 'test', scores: ended.test, chosenOn: false, scoreAt: 'source' });
  if (ended?.valid) parts.push({ part: 'valid', scores: ended.valid, chosenOn: true, scoreAt: 'source' });
  else if (record?.valid) {
    parts.push({ part: 'valid', scores: record.valid, chosenOn: true, scoreAt: 'model' });
  }
  if (record) parts.push({ part: 'train', scores: record.train, chosenOn: false, scoreAt: 'model' });
  return parts;
}
