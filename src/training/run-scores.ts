/**
 * `scores.json`: how a run ended, and how good its best epoch is at the size of the images. It is written when the
 * run ends. An interrupted run has none; a resumed run has the one of its previous end until it ends again.
 */
import * as z from 'zod';
import { PixelwiseError } from '../errors/index.js';
import type { Calibration, ScoreIntervals, Scores } from '../metrics/index.js';
import { checkedEntries, withChecksum, writeFileAtomic } from '../files/index.js';
import type { EpochRecord, StopReason } from './callback.js';
import type { Best } from './callbacks/checkpoints.js';
import { type ChosenThreshold, chosenThreshold } from './run-config.js';
import type { RunFolder } from './run-folder.js';

/** A score; null if it is undefined or not finite. */
const score = z.number().nullable();
const whole = z.number().int().nonnegative();

/** Scores as stored in metrics.jsonl and scores.json. */
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

/** Scores of an epoch: with the user's own metrics, which JSON writes as null where they are not finite. */
const epochScoresSchema = scoresSchema.extend({
  metrics: z
    .record(
      z.string(),
      score.transform((value) => value ?? NaN),
    )
    .optional(),
});

/** Far more than any training has: charts of a damaged file would count up to its numbers. */
const MOST_EPOCHS = 1e6;

/** A line of metrics.jsonl. */
export const epochRecordSchema: z.ZodType<EpochRecord> = z.object({
  epoch: whole.positive().max(MOST_EPOCHS),
  step: whole,
  lr: z.number(),
  seconds: z.number(),
  // Runs of earlier versions did not measure it.
  waitSeconds: z.number().default(0),
  imagesPerSecond: z.number(),
  train: epochScoresSchema,
  valid: epochScoresSchema.optional(),
});

/** Scores of a finished run, with the confusion matrix. */
export interface FinalScores extends Scores {
  /** Pixels by true class (rows) and predicted class (columns). */
  readonly confusion?: readonly (readonly number[])[];
  /** Absent for a few images, and in runs of earlier versions. */
  readonly intervals?: ScoreIntervals;
  readonly calibration?: Calibration;
  /** If objects were told apart: how many each image has. */
  readonly objectCounts?: readonly {
    readonly id: string;
    readonly counted: number;
    readonly true: number;
  }[];
}

export interface RunScores {
  /** Completed epochs at the end of the run. */
  readonly epochs: number;
  readonly stopped: StopReason;
  /** The best epoch and the score that selected it; absent without a validation part. */
  readonly best?: Best;
  /** Scores of the best epoch on the validation part, which selected it. */
  readonly valid?: FinalScores;
  /** Scores of the best epoch on the test part. */
  readonly test?: FinalScores;
  /** The part on which the threshold was chosen. Its scores are optimistic. */
  readonly threshold?: ChosenThreshold;
  /** Medians over epochs; null if no epoch was completed. */
  readonly secondsPerEpoch: number | null;
  readonly imagesPerSecond: number | null;
}

/** Version of the format of scores.json. */
export const SCORES_VERSION = 1;

const objectScoresSchema = z.object({
  ap50: score,
  ap: score,
  cocoAp50: score,
  cocoAp: score,
  f1: score,
  panopticQuality: score,
  aggregatedJaccard: score,
  counted: whole,
  true: whole,
  countError: score,
  split: whole,
  merged: whole,
  missed: whole,
  invented: whole,
  sizes: z.object({ true: z.array(whole), counted: z.array(whole) }),
});

const interval = z.tuple([z.number(), z.number()]).readonly();
const intervalsSchema = z.object({
  level: z.number(),
  of: z.enum(['images', 'groups']),
  count: whole,
  resamples: whole,
  scores: z.record(z.string(), interval),
  classes: z.array(interval.nullable()),
});

const calibrationSchema = z.object({
  of: z.enum(['foreground', 'choice', 'class']),
  expectedError: score,
  pixels: whole,
  bins: z.array(z.object({ pixels: whole, probability: score, frequency: score })),
});

const finalSchema = scoresSchema.extend({
  confusion: z.array(z.array(whole)).optional(),
  intervals: intervalsSchema.optional(),
  calibration: calibrationSchema.optional(),
  objects: objectScoresSchema.optional(),
  objectCounts: z.array(z.object({ id: z.string(), counted: whole, true: whole })).optional(),
});

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

/** Puts the scores of a run that has ended into its folder, with a checksum. */
export async function writeRunScores(folder: RunFolder, scores: RunScores): Promise<void> {
  // Through JSON first, as it will be read: properties that are undefined are then absent.
  const entries = JSON.parse(JSON.stringify({ version: SCORES_VERSION, ...scores })) as object;
  await writeFileAtomic(folder.scoresPath, `${JSON.stringify(withChecksum(entries))}\n`);
}

/** What {@link writeRunScores} wrote, from its text. Throws if it is damaged, naming the entry. */
export function parseRunScores(text: string, path: string): RunScores {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PixelwiseError('run', `${path} is damaged: it is not JSON`, { cause: error });
  }
  const result = runScoresSchema.safeParse(value);
  // Those of earlier versions have no checksum.
  if (result.success && checkedEntries(value as object).intact === false) {
    throw new PixelwiseError('run', `${path} is damaged: its entries do not fit its checksum`);
  }
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new PixelwiseError(
    'run',
    `${path} is damaged or of another version: ${issue.path.join('.') || 'it'}: ${issue.message}`,
  );
}
