/** The threshold of a run with two classes. It is given, or chosen on the validation part, and stored in config.json. */
import type { Dataset } from '../data/index.js';
import { maskOf } from '../data/subset.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { chooseThreshold, DEFAULT_THRESHOLD, Segmenter, type ViewOptions } from '../inference/index.js';
import { inOrder } from '../inference/in-order.js';
import type { RasterSegmenter } from '../inference/index.js';
import type { Runtime } from '../runtime/index.js';
import type { ChosenThreshold, RunFolder } from '../training/index.js';
import type { Plan } from './train-plan.js';

/** Masks that are read concurrently in the search for foreground. */
const MASKS_AHEAD = 8;

/**
 * Checks, before a run starts, that the validation part has foreground, because otherwise no threshold can be chosen at
 * the end. Masks are read until one has foreground, which is usually the first.
 *
 * @throws UsageError if there is no foreground.
 */
export async function checkThresholdCanBeChosen(
  valid: Dataset,
  signal: AbortSignal | undefined,
): Promise<void> {
  const masks = inOrder(valid.ids.keys(), MASKS_AHEAD, (i) => maskOf(valid, i), signal);
  for await (const { data } of masks) if (data.includes(1)) return;
  throw new UsageError(
    `--threshold auto is chosen on the validation part, and its ${valid.length} samples have no pixel of ${valid.classes[1]}: choose other samples with --val or --seed, or give a number`,
  );
}

export interface ChoosingOptions extends ViewOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The threshold with the highest Dice of the foreground, over all pixels of the validation part at the original size of
 * the images.
 *
 * @throws PixelwiseError `threshold` if the part has no foreground pixel.
 */
export async function thresholdOnValidation(
  segmenter: RasterSegmenter,
  valid: Dataset,
  options: ChoosingOptions = {},
): Promise<ChosenThreshold> {
  const chosen = await bestOnValidation(segmenter, valid, options);
  if (chosen) return chosen;
  throw new PixelwiseError(
    'threshold',
    `no threshold can be chosen: the ${valid.length} validation samples have no pixel of ${segmenter.card.classes[1]}. Give a number, or hold other samples out with --val.`,
  );
}

/** Like {@link thresholdOnValidation}, but undefined if the part has no foreground pixel. */
async function bestOnValidation(
  segmenter: RasterSegmenter,
  valid: Dataset,
  options: ChoosingOptions,
): Promise<ChosenThreshold | undefined> {
  const best = await chooseThreshold(segmenter, valid, options);
  if (!best) return undefined;
  return { value: best.threshold, chosenOn: 'valid', samples: valid.length, dice: best.dice };
}

/**
 * Writes the final threshold of a run to config.json, where `predict`, `evaluate` and `export` find it. If none can be
 * chosen, this is noted and the default is used, because the run should not fail at its end.
 *
 * @returns how the threshold was chosen; undefined if it was given or could not be chosen.
 */
export async function settleThreshold(
  folder: RunFolder,
  { threshold, parts }: Pick<Plan, 'threshold' | 'parts'>,
  runtime: Runtime,
  signal: AbortSignal | undefined,
  note: (message: string) => void,
): Promise<ChosenThreshold | undefined> {
  const { thresholdChoice: _before, ...config } = (await folder.readConfig()) as Record<string, unknown>;
  if (threshold !== 'auto') {
    if (config['threshold'] !== threshold) await folder.writeConfig({ ...config, threshold });
    return undefined;
  }
  const segmenter = await Segmenter.load(folder.path, { runtime });
  try {
    const chosen = await bestOnValidation(segmenter, parts.valid!, { signal });
    if (!chosen) {
      note(
        `No threshold could be chosen, so the run uses ${DEFAULT_THRESHOLD}: the masks of the validation part no longer have a pixel of ${segmenter.card.classes[1]}.`,
      );
    }
    await folder.writeConfig({
      ...config,
      threshold: chosen?.value ?? DEFAULT_THRESHOLD,
      ...(chosen && { thresholdChoice: chosen }),
    });
    return chosen;
  } finally {
    await segmenter.close();
  }
}
