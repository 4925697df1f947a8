/** The threshold of a run of two classes: given, or chosen on the validation part, and kept in config.json. */
import type { Dataset } from '../data/index.js';
import { maskOf } from '../data/subset.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { chooseThreshold, DEFAULT_THRESHOLD, Segmenter, type ViewOptions } from '../inference/index.js';
import { inOrder } from '../inference/in-order.js';
import type { RasterSegmenter } from '../inference/index.js';
import type { Runtime } from '../runtime/index.js';
import type { ChosenThreshold, RunFolder } from '../training/index.js';
import type { Plan } from './train-plan.js';

/** Masks that are read at once while foreground is looked for. */
const MASKS_AHEAD = 8;

/**
 * Refuses to choose a threshold on samples without foreground: at the end of a run is too late to learn of it.
 * The masks are read only as far as the first with foreground, mostly one; a part that has none is read whole,
 * which costs no more than its first validation would.
 */
export async function checkThresholdCanBeChosen(
  valid: Dataset,
  signal: AbortSignal | undefined,
): Promise<void> {
  const masks = inOrder(valid.ids.keys(), MASKS_AHEAD, (i) => maskOf(valid, i), signal);
  for await (const { data } of masks) if (data.includes(1)) return;
  throw new UsageError(
    `--threshold auto is chosen on the validation part, and its ${valid.length} samples have no pixel of ${valid.classes[1]}: hold others out with --val or --seed, or give a number`,
  );
}

interface ChoosingOptions extends ViewOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The threshold with the greatest Dice of the foreground over all pixels of the validation part, at the size of
 * the images.
 *
 * @throws PixelwiseError `threshold` where no pixel of the part is foreground.
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

/** Undefined where no pixel of the part is foreground. */
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
 * Settles the threshold of a run that has ended, in config.json: from then on `predict`, `evaluate` and `export`
 * use it. Returns what it was chosen by; undefined where it was given, or none could be chosen: the weights are
 * worth more than their threshold, so that is told and the run ends whole.
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
        `No threshold was chosen, and the run keeps ${DEFAULT_THRESHOLD}: the masks of the validation part, as they are now, have no pixel of ${segmenter.card.classes[1]}.`,
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
