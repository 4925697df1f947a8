/**
 * `scores.json`: how a run ended, and how good its best epoch is at the size of the images. Written once the
 * run is over; a run that was cut off has none, and one that goes on has that of its earlier end.
 */
import { z } from 'zod';
import { PixelwiseError } from '../errors/index.js';
import type { Scores } from '../metrics/index.js';
import { writeFileAtomic } from '../files/index.js';
import type { EpochRecord, StopReason } from './callback.js';
import type { Best } from './callbacks/checkpoints.js';
import { type ChosenThreshold, chosenThreshold } from './run-config.js';
import type { RunFolder } from './run-folder.js';

/** A score: null where its counts leave it undefined, or where it was not finite. */
const score = z.number().nullable();
const whole = z.number().int().nonnegative();

/** Scores as metrics.jsonl and scores.json hold them. */
const scoresSchema = z.object({
  samples: whole,
  loss: score.optional(),
  losses: z.record(z.string(), score).optional(),
  pixelAccuracy: score,
  meanIoU: score,
  meanDice: score,
  classes: z.array(
    z.object({
      name: z.string(),
      iou: score,
      dice: score,
      precision: score,
      recall: score,
      pixels: whole,
    }),
  ),
  dice: score.optional(),
  iou: score.optional(),
  softDice: score.optional(),
  groups: z.array(z.object({ name: z.string(), dice: score })).optional(),
  meanGroupDice: score.optional(),
});

/** A line of metrics.jsonl. */
export const epochRecordSchema: z.ZodType<EpochRecord> = z.object({
  epoch: whole.positive(),
  step: whole,
  lr: z.number(),
  seconds: z.number(),
  // Runs of earlier versions did not measure it.
  waitSeconds: z.number().default(0),
  imagesPerSecond: z.number(),
  train: scoresSchema,
  valid: scoresSchema.optional(),
});

/** Scores of a finished run, with what they were counted from. */
export interface FinalScores extends Scores {
  /** Pixels by true class (rows) and predicted class (columns). */
  readonly confusion?: readonly (readonly number[])[];
}

export interface RunScores {
  /** Epochs done when the run ended. */
  readonly epochs: number;
  readonly stopped: StopReason;
  /** The epoch that was chosen, and by what; absent where nothing was held out to choose on. */
  readonly best?: Best;
  /** Of the best epoch, on the part that it was chosen on. */
  readonly valid?: FinalScores;
  /** Of the best epoch, on the part that nothing was chosen on. */
  readonly test?: FinalScores;
  /** Where the threshold was chosen: the scores of that part flatter the model by it. */
  readonly threshold?: ChosenThreshold;
  /** Medians over epochs; null where none was finished. */
  readonly secondsPerEpoch: number | null;
  readonly imagesPerSecond: number | null;
}

/** Version of the layout of scores.json. */
export const SCORES_VERSION = 1;

const finalSchema = scoresSchema.extend({ confusion: z.array(z.array(whole)).optional() });

const runScoresSchema: z.ZodType<RunScores & { version: number }> = z.object({
  version: z.literal(SCORES_VERSION),
  epochs: whole,
  stopped: z.enum(['epochs', 'minutes', 'patience', 'interrupted']),
  best: z.object({ epoch: whole, metric: z.string(), value: z.number() }).optional(),
  valid: finalSchema.optional(),
  test: finalSchema.optional(),
  threshold: chosenThreshold.optional(),
  secondsPerEpoch: score,
  imagesPerSecond: score,
});

/** Puts the scores of a run that has ended into its folder. */
export async function writeRunScores(folder: RunFolder, scores: RunScores): Promise<void> {
  const text = JSON.stringify({ version: SCORES_VERSION, ...scores });
  await writeFileAtomic(folder.scoresPath, `${text}\n`);
}

/** What {@link writeRunScores} wrote, from its text. Throws if it is damaged, naming the entry. */
export function parseRunScores(text: string, path: string): RunScores {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PixelwiseError('run', `${path} is damaged: it is no JSON`, { cause: error });
  }
  const result = runScoresSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new PixelwiseError(
    'run',
    `${path} is damaged or of another version: ${issue.path.join('.') || 'it'}: ${issue.message}`,
  );
}
