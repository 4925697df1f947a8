/** The threshold of a run of two classes: given, or chosen on the validation part, and kept in config.json. */
import type { Dataset } from '../data/index.js';
import { PixelwiseError } from '../errors/index.js';
import { chooseThreshold, Segmenter, type ViewOptions } from '../inference/index.js';
import type { RasterSegmenter } from '../inference/index.js';
import type { Runtime } from '../runtime/index.js';
import type { ChosenThreshold, RunFolder } from '../training/index.js';
import type { Plan } from './train-plan.js';

/**
 * The threshold with the greatest Dice of the foreground over all pixels of the validation part, at the size of
 * the images.
 *
 * @throws PixelwiseError `threshold` where no pixel of the part is foreground.
 */
export async function thresholdOnValidation(
  segmenter: RasterSegmenter,
  valid: Dataset,
  options: ViewOptions & {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((done: number, total: number) => void) | undefined;
  } = {},
): Promise<ChosenThreshold> {
  const best = await chooseThreshold(segmenter, valid, options);
  if (best) return { value: best.threshold, chosenOn: 'valid', samples: valid.length, dice: best.dice };
  throw new PixelwiseError(
    'threshold',
    `no threshold can be chosen: the ${valid.length} validation samples have no pixel of ${segmenter.card.classes[1]}. Give a number, or hold other samples out with --val.`,
  );
}

/**
 * Settles the threshold of a run that has ended, in config.json: from then on `predict`, `evaluate` and `export`
 * use it. Returns what it was chosen by; undefined where it was given.
 */
export async function settleThreshold(
  folder: RunFolder,
  { threshold, parts }: Pick<Plan, 'threshold' | 'parts'>,
  runtime: Runtime,
  signal: AbortSignal | undefined,
): Promise<ChosenThreshold | undefined> {
  const { thresholdChoice: _before, ...config } = (await folder.readConfig()) as Record<string, unknown>;
  if (threshold !== 'auto') {
    if (config['threshold'] !== threshold) await folder.writeConfig({ ...config, threshold });
    return undefined;
  }
  const segmenter = await Segmenter.load(folder.path, { runtime });
  try {
    const chosen = await thresholdOnValidation(segmenter, parts.valid!, { signal });
    await folder.writeConfig({ ...config, threshold: chosen.value, thresholdChoice: chosen });
    return chosen;
  } finally {
    await segmenter.close();
  }
}
