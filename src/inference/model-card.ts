/**
 * The model card: the information besides weights that inference needs, such as classes, sizes, normalisation and
 * threshold. It is stored as JSON in the metadata of the exported file.
 */
import * as z from 'zod';
import type { Normalization } from '../data/normalization.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { MaxValue } from '../images/raster.js';
import { checkOverlappingClasses } from '../labels/label-set.js';
import type { LossSettings } from '../nn/index.js';
import { classOfOutputs } from '../objects/index.js';

export interface ModelCard {
  readonly model: {
    /** Name in the registry, as for `--model`: `unet`. */
    readonly name: string;
    /** Options with which the model was created. */
    readonly options: Readonly<Record<string, unknown>>;
  };
  /** 2 to 255 class names, by index. */
  readonly classes: readonly string[];
  /**
   * Whether classes overlap: each has a probability of its own, and a mask holds sets of classes (bit k for class k, at
   * most 7 classes) without a background. Absent if each pixel has one class.
   */
  readonly multiLabel?: true;
  /**
   * The model tells objects apart: its logits are the background and the levels of each class (objects/levels.ts), and
   * an exported file has a third output, `separation`.
   */
  readonly objects?: true;
  /** Channels of the images: 1, 3, or the number in the training images. */
  readonly channels: number;
  /** Largest pixel value of the images: 255 (uint8), 65,535 (uint16), or 1 (float32, not rescaled). */
  readonly maxValue: MaxValue;
  /** The model's input size in pixels. */
  readonly height: number;
  readonly width: number;
  /**
   * The model was trained on patches of its input size at this scale: pixels of a patch for each pixel of an image.
   * Images are predicted in tiles of the same size and scale. Absent for models of whole images, which are resized to
   * the input size.
   */
  readonly patch?: { readonly scale: 1 };
  readonly normalization: Normalization;
  /** Red, green and blue of each class, 0…255, by index. */
  readonly palette: readonly (readonly [red: number, green: number, blue: number])[];
  /** Two classes: pixels with at least this probability, 0 … 1, are class 1. Overlapping classes: the same for each. */
  readonly threshold?: number;
  /** The training loss, as for `--loss`: `bce+dice`. */
  readonly loss?: string;
  /** Settings of the loss: class weights, γ of the focal loss. */
  readonly lossSettings?: LossSettings;
  /** Scores in training, and the data they were measured on. */
  readonly scores?: Readonly<Record<string, unknown>>;
  /** For a reduced precision: its name, and its scores compared to float32. */
  readonly precision?: Readonly<Record<string, unknown>>;
  /** License of the weights. */
  readonly license?: string;
}

/** The key of the card in the metadata of an ONNX file. */
export const CARD_KEY = 'pixelwise';

/** Version of the card's format. Increase it when older versions of the reader would misread a new card. */
const CARD_VERSION = 1;

/** The threshold for two classes if none was chosen. */
export const DEFAULT_THRESHOLD = 0.5;

const byte = z.number().int().min(0).max(255);
const side = z.number().int().min(1);

const versionSchema = z.object({ version: z.literal(CARD_VERSION) });

const cardSchema = z.object({
  model: z.object({ name: z.string(), options: z.record(z.string(), z.unknown()) }),
  classes: z.array(z.string()).min(2).max(255),
  multiLabel: z.literal(true).exactOptional(),
  objects: z.literal(true).exactOptional(),
  channels: side,
  maxValue: z.union([z.literal(255), z.literal(65535), z.literal(1)]),
  height: side,
  width: side,
  patch: z.object({ scale: z.literal(1) }).exactOptional(),
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
      labelSmoothing: z.number().nonnegative().exactOptional(),
      lovaszStride: z.int().positive().exactOptional(),
    })
    .exactOptional(),
  scores: z.record(z.string(), z.unknown()).exactOptional(),
  precision: z.record(z.string(), z.unknown()).exactOptional(),
  license: z.string().exactOptional(),
});

/** The number of a model's logits: a class each, or the levels of objects. A single one may stand for two classes. */
export const outputsOf = ({ classes, objects }: ModelCard): number =>
  objects ? classOfOutputs(classes.length).length : classes.length;

/** Formats a card for the metadata of a file. */
export function formatCard(card: ModelCard): string {
  return JSON.stringify({ version: CARD_VERSION, ...card });
}

/**
 * Parses the card in a file's metadata.
 * @param file path for error messages. @throws PixelwiseError `model-file` for a missing or invalid card.
 */
export function parseCard(text: string | undefined, file: string): ModelCard {
  if (text === undefined) {
    throw new PixelwiseError(
      'model-file',
      `${file} has no information about classes, sizes and normalisation (metadata "${CARD_KEY}" is missing). ` +
        'Pass an ONNX file written by `pixelwise export`, or a run folder.',
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
      `${file}: its metadata "${CARD_KEY}" is invalid (${issue.path.join('.')}: ${issue.message}). ` +
        'Export it again with this version of pixelwise.',
    );
  }
  const card = read.data!;
  checkCard(card);
  return card;
}

/** Throws UsageError if parts of the card contradict each other. */
export function checkCard(card: ModelCard): void {
  const { classes, channels, normalization, palette, threshold } = card;
  if (normalization.kind === 'fixed') {
    for (const [name, values] of Object.entries({ mean: normalization.mean, std: normalization.std })) {
      if (values.length !== channels) {
        throw new UsageError(
          `Model card: the normalisation has a ${name} for ${values.length} channels, but the images have ${channels}.`,
        );
      }
    }
  }
  if (palette.length !== classes.length) {
    throw new UsageError(`Model card: ${palette.length} colours for ${classes.length} classes.`);
  }
  if (card.multiLabel) checkOverlappingClasses(classes, 'Model card');
  if (threshold !== undefined && classes.length !== 2 && !card.multiLabel) {
    throw new UsageError(
      `Model card: a threshold applies to two classes only; with ${classes.length}, the most probable class is chosen.`,
    );
  }
  if (threshold !== undefined) checkThreshold(threshold);
}

/** Throws UsageError unless `threshold` is from 0 to 1. */
export function checkThreshold(threshold: number): void {
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new UsageError(`The threshold must be from 0 to 1; got ${threshold}.`);
  }
}
