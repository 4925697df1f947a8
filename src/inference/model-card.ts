/**
 * What must be known about a model besides its weights to use it: classes, sizes, normalisation, threshold.
 * It travels with the weights, as JSON in the metadata of the exported file.
 */
import * as z from 'zod';
import type { Normalization } from '../data/normalization.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { MaxValue } from '../images/raster.js';
import type { LossSettings } from '../nn/index.js';

export interface ModelCard {
  readonly model: {
    /** As `--model` takes it: `unet`. */
    readonly name: string;
    /** What the model was built with. */
    readonly options: Readonly<Record<string, unknown>>;
  };
  /** Class names by index; two to 255. */
  readonly classes: readonly string[];
  /** Channels of the images: 1, 3, or as many as the files had. */
  readonly channels: number;
  /** Largest pixel value of the images: 255 (uint8), 65,535 (uint16), or 1 for numbers as they are (float32). */
  readonly maxValue: MaxValue;
  /** The size at which the model itself works, in pixels. */
  readonly height: number;
  readonly width: number;
  readonly normalization: Normalization;
  /** Red, green and blue of each class, 0…255, by index. */
  readonly palette: readonly (readonly [red: number, green: number, blue: number])[];
  /** Two classes only: a pixel is of class 1 where its probability is at least this; between 0 and 1. */
  readonly threshold?: number;
  /** What the model was trained to lower, as `--loss` takes it: `bce+dice`. */
  readonly loss?: string;
  /** What the losses were told besides: class weights, γ of the focal loss. */
  readonly lossSettings?: LossSettings;
  /** What the model reached when it was trained, and on what. */
  readonly scores?: Readonly<Record<string, unknown>>;
  /** Of a model that is not in float32: how its numbers are stored, and what it reaches beside float32. */
  readonly precision?: Readonly<Record<string, unknown>>;
  /** What may be done with the weights. */
  readonly license?: string;
}

/** The key of the card among the metadata of an ONNX file. */
export const CARD_KEY = 'pixelwise';

/** The layout of the card; raised when an old reader would misread a new one. */
const CARD_VERSION = 1;

/** Of two classes where nothing else was chosen. */
export const DEFAULT_THRESHOLD = 0.5;

const byte = z.number().int().min(0).max(255);
const side = z.number().int().min(1);

const versionSchema = z.object({ version: z.literal(CARD_VERSION) });

const cardSchema = z.object({
  model: z.object({ name: z.string(), options: z.record(z.string(), z.unknown()) }),
  classes: z.array(z.string()).min(2).max(255),
  channels: side,
  maxValue: z.union([z.literal(255), z.literal(65535), z.literal(1)]),
  height: side,
  width: side,
  normalization: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('fixed'),
      name: z.string(),
      mean: z.array(z.number()),
      std: z.array(z.number().positive()),
      range: z.object({ low: z.array(z.number()), high: z.array(z.number()) }).exactOptional(),
    }),
    z.object({ kind: z.literal('per-image'), name: z.literal('per-image') }),
  ]),
  palette: z.array(z.tuple([byte, byte, byte])),
  threshold: z.number().min(0).max(1).exactOptional(),
  loss: z.string().exactOptional(),
  lossSettings: z
    .object({
      classWeights: z.array(z.number().nonnegative()).exactOptional(),
      focalGamma: z.number().nonnegative().exactOptional(),
    })
    .exactOptional(),
  scores: z.record(z.string(), z.unknown()).exactOptional(),
  precision: z.record(z.string(), z.unknown()).exactOptional(),
  license: z.string().exactOptional(),
});

/** The card as it is written into a file. */
export function formatCard(card: ModelCard): string {
  return JSON.stringify({ version: CARD_VERSION, ...card });
}

/**
 * Reads a card out of a file's metadata.
 * @param file named in the error. @throws PixelwiseError `model-file` where there is no card, or one that
 *   cannot be used.
 */
export function parseCard(text: string | undefined, file: string): ModelCard {
  if (text === undefined) {
    throw new PixelwiseError(
      'model-file',
      `${file} says nothing about classes, sizes and normalisation (metadata "${CARD_KEY}" is missing). ` +
        'Give an ONNX file that `pixelwise export` wrote, or a run folder.',
    );
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new PixelwiseError(
      'model-file',
      `${file}: its metadata "${CARD_KEY}" is damaged. Export it again.`,
      {
        cause,
      },
    );
  }
  const version = versionSchema.safeParse(content);
  const read = cardSchema.safeParse(content);
  const issue = (version.error ?? read.error)?.issues[0];
  if (issue !== undefined) {
    throw new PixelwiseError(
      'model-file',
      `${file}: its metadata "${CARD_KEY}" cannot be used (${issue.path.join('.')}: ${issue.message}). ` +
        'Export it again, with the version of pixelwise that reads it.',
    );
  }
  const card = read.data!;
  checkCard(card);
  return card;
}

/** Throws UsageError where parts of the card contradict each other. */
export function checkCard(card: ModelCard): void {
  const { classes, channels, normalization, palette, threshold } = card;
  if (normalization.kind === 'fixed') {
    for (const [name, values] of Object.entries({ mean: normalization.mean, std: normalization.std })) {
      if (values.length !== channels) {
        throw new UsageError(
          `Model card: the normalisation has a ${name} for ${values.length} channels, the images have ${channels}.`,
        );
      }
    }
  }
  if (palette.length !== classes.length) {
    throw new UsageError(`Model card: ${palette.length} colours for ${classes.length} classes.`);
  }
  if (threshold !== undefined && classes.length !== 2) {
    throw new UsageError(
      `Model card: a threshold tells two classes apart; there are ${classes.length}, and the most probable one is taken.`,
    );
  }
  if (threshold !== undefined) checkThreshold(threshold);
}

/** Throws UsageError unless `threshold` is from 0 to 1. */
export function checkThreshold(threshold: number): void {
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new UsageError(`The threshold is ${threshold}; it is a probability, from 0 to 1.`);
  }
}
