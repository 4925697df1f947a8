/** `--threshold auto` of `evaluate` and `predict`: chosen on the validation part of the run that is used. */
import { UsageError } from '../errors/index.js';
import type { RasterSegmenter, ViewOptions } from '../inference/index.js';
import type { ChosenThreshold } from '../training/index.js';
import type { Output } from './output.js';

/**
 * The threshold to use and how it was chosen; a number is returned unchanged. It is always chosen on the validation
 * part, not on the data that is scored.
 *
 * @param sources the run folders. @throws UsageError for a model file, which has no validation part, and for
 *   several runs.
 */
export async function chosenThreshold(
  sources: readonly string[],
  segmenter: RasterSegmenter,
  threshold: number | 'auto' | undefined,
  view: ViewOptions,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<{ threshold: number | undefined; chosen?: ChosenThreshold }> {
  if (threshold !== 'auto') return { threshold };
  // Only here: the jobs are the largest part of the program.
  const [{ thresholdOnValidation }, { partOfRun }, { configOfRun }] = await Promise.all([
    import('../jobs/index.js'),
    import('../jobs/part-of-run.js'),
    import('./data-to-score.js'),
  ]);
  const [source, ...others] = sources as [string, ...string[]];
  if (others.length > 0) {
    throw new UsageError(
      '--threshold auto is chosen on the validation part of one run, and several runs are averaged here: give a number, or leave it out for the mean of their thresholds.',
    );
  }
  const config = await configOfRun(source);
  if (!config) {
    throw new UsageError(
      `--threshold auto is chosen on the validation part of a run, and ${source} is a model file: it has the threshold that its run ended with. Name the run, or give a number.`,
    );
  }
  const valid = await partOfRun(source, config, config.data.path, 'valid');
  const progress = output.progress({ label: 'choosing a threshold', unit: 'images', total: valid.length });
  const onProgress = (done: number): void => progress.update({ done });
  const chosen = await thresholdOnValidation(segmenter, valid, { ...view, signal, onProgress });
  progress.end();
  output.note(
    `Threshold ${chosen.value.toFixed(3)}, chosen on the ${chosen.samples} validation images (Dice ${chosen.dice.toFixed(4)} there).`,
  );
  return { threshold: chosen.value, chosen };
}
