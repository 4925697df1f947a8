/**
 * Reads everything that a report shows from a run folder. An unfinished, interrupted or damaged run is read as
 * far as possible; only config.json is required.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import type { EpochRecord, FinalScores, RunConfig, RunScores } from '../training/index.js';
import {
  CheckpointFiles,
  epochRecordSchema,
  parseRunScores,
  readCheckpointHistory,
  readRunConfig,
  RunFolder,
} from '../training/index.js';
import type { Pictures } from './pictures.js';
import { readPictures } from './pictures.js';

/** The curve of a learning-rate range test. */
export interface LrCurve {
  readonly suggestion: number;
  /** Losses are null if not finite. `smoothed` is a moving average of the losses so far. */
  readonly points: readonly {
    readonly lr: number;
    readonly loss: number | null;
    readonly smoothed?: number | null | undefined;
  }[];
}

/** Scores on one part of the data, and how they were computed. */
export interface Judged {
  readonly part: 'test' | 'valid' | 'train';
  readonly scores: FinalScores;
  /** Whether the best epoch was chosen by these scores, which makes them optimistic. */
  readonly chosenOn: boolean;
  /** Size at which masks were compared: the original image size, or the model's input size (after each epoch). */
  readonly scoreAt: 'source' | 'model';
}

export interface Run extends Pictures {
  readonly path: string;
  /** The folder's name. */
  readonly name: string;
  readonly config: RunConfig;
  /** Finished epochs, oldest first. */
  readonly history: readonly EpochRecord[];
  /** Final scores; absent if the run has not ended or was cut off. */
  readonly ended?: RunScores;
  /** The best epoch; absent before the first epoch is finished; 0 for the model that training started from. */
  readonly bestEpoch?: number;
  /** Scores by part, the most meaningful first: test, validation, training. */
  readonly judged: readonly Judged[];
  readonly lrCurve?: LrCurve;
}

/**
 * Reads a run.
 * @throws PixelwiseError if `path` is not a run folder or its config.json is damaged.
 */
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

/** The finished epochs: those of the latest checkpoint, which has checksums, and later lines of metrics.jsonl. */
async function readHistory(folder: RunFolder, notes: string[]): Promise<EpochRecord[]> {
  const text = await readFile(folder.metricsPath, 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const saved = await savedHistory(folder, notes);
  const changed = saved.findIndex((line, i) => !isDeepStrictEqual(jsonOf(line), jsonOf(lines[i] ?? '')));
  if (changed >= 0) {
    notes.push(
      `Line ${changed + 1} of metrics.jsonl is not as it was written; the numbers here are those of the checkpoint.`,
    );
  }
  const records: EpochRecord[] = [];
  for (const [index, line] of [...saved, ...lines.slice(saved.length)].entries()) {
    const record = epochRecordSchema.safeParse(jsonOf(line));
    if (record.success) records.push(record.data);
    else notes.push(`Line ${index + 1} of metrics.jsonl is damaged and left out.`);
  }
  return records;
}

/** Lines of metrics.jsonl from the latest checkpoint; none if there is no checkpoint with checksums. */
async function savedHistory(folder: RunFolder, notes: string[]): Promise<readonly string[]> {
  try {
    if ((await folder.pointed('last')) === undefined) return [];
    const files = await CheckpointFiles.open(await folder.checkpointFolder('last'));
    return files.verified ? await readCheckpointHistory(files) : [];
  } catch (error) {
    notes.push(`metrics.jsonl could not be verified: ${(error as Error).message}`);
    return [];
  }
}

/** Final scores of the run, unless it was resumed after they were written. */
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

/** The epoch with the highest validation mean IoU, as in checkpoints; the last epoch without a validation part. */
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
  if (record && bestEpoch !== 0)
    parts.push({ part: 'train', scores: record.train, chosenOn: false, scoreAt: 'model' });
  return parts;
}
