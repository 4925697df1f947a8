/** `pixelwise train --data DIR`: trains and writes a run folder. */
import { UsageError } from '../../errors/index.js';
import { train } from '../../jobs/index.js';
import type { Run } from '../command.js';
import { configOfRun } from '../data-to-score.js';
import { INTERRUPTED } from '../interruption.js';
import { scoresText } from '../scores-text.js';
import { trainingDisplay } from '../training-display.js';

/** The data to train on: what is given, or else that of the run to be resumed. */
async function dataOf({ data, out }: { data?: string; out?: string | undefined }): Promise<string> {
  if (data !== undefined) return data;
  const config = out === undefined ? undefined : await configOfRun(out);
  if (config) return config.data.path;
  throw new UsageError(
    `There is no run${out === undefined ? '' : ` in ${out}`} to resume: name the data with --data DIR.`,
  );
}

export const run: Run<'train'> = async (
  { json: _json, config: _config, ...options },
  { output, signal, group },
) => {
  const result = await train({
    ...options,
    data: await dataOf(options),
    threads: options.threads ?? group?.threads,
    communicator: group?.communicator,
    signal,
    onNote: (message) => output.note(message),
    callbacks: [trainingDisplay(output)],
  });
  output.close();
  const { best, valid, test, stopped } = result;
  if (best) {
    const score = `(${best.metric} ${best.value.toFixed(4)})`;
    output.line(
      best.epoch === 0
        ? `No epoch was better than the model that training started from, which is kept ${score}.`
        : `Best epoch: ${best.epoch} ${score}.`,
    );
  }
  if (valid) scoresText('Validation', valid).forEach((line) => output.line(line));
  if (test) scoresText('Test', test).forEach((line) => output.line(line));
  output.line(`Run: ${result.run}`);
  if (result.report !== undefined) output.line(`Report: ${result.report}`);
  if (result.unsaved) {
    output.error(result.unsaved.message);
    return { json: { ...result, error: result.unsaved }, exitCode: 1 };
  }
  if (stopped !== 'interrupted') return { json: result };
  output.line('Interrupted and saved; go on with --resume.');
  return { json: result, exitCode: INTERRUPTED };
};
