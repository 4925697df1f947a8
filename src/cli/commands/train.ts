/** `pixelwise train --data DIR`: trains and writes a run folder. */
import { join } from 'node:path';
import { UsageError } from '../../errors/index.js';
import type { DownloadProgress } from '../../files/index.js';
import { type FoldsResult, train, trainFolds } from '../../jobs/index.js';
import type { CommandResult, Run } from '../command.js';
import { configOfRun } from '../data-to-score.js';
import { bytesProgress, showBytes } from '../bytes-progress.js';
import { INTERRUPTED } from '../interruption.js';
import type { Output } from '../output.js';
import type { Progress } from '../progress.js';
import { scoresText } from '../scores-text.js';
import { trainingDisplay } from '../training-display.js';

/** The data set to train on: the given one, or that of the run to resume. */
async function dataOf({ data, out }: { data?: string; out?: string | undefined }): Promise<string> {
  if (data !== undefined) return data;
  const config = out === undefined ? undefined : await configOfRun(out);
  if (config) return config.data.path;
  throw new UsageError(
    `There is no run${out === undefined ? '' : ` in ${out}`} to resume: name the data with --data DIR.`,
  );
}

export const run: Run<'train'> = async (
  { json: _json, config: _config, folds, ...options },
  { output, signal, group },
) => {
  let download: Progress | undefined;
  const call = {
    ...options,
    data: await dataOf({ ...options, ...(folds && options.out && { out: join(options.out, 'fold-1') }) }),
    threads: options.threads ?? group?.threads,
    communicator: group?.communicator,
    signal,
    onNote: (message: string) => output.note(message),
    onDownload: (file: string, progress: DownloadProgress) =>
      showBytes((download ??= bytesProgress(output, `downloading ${file}`, progress.totalBytes)), progress),
    callbacks: [trainingDisplay(output)],
  };
  if (folds !== undefined) {
    const result = await trainFolds({ ...call, folds });
    output.close();
    return toldFolds(result, output);
  }
  const result = await train(call);
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

function toldFolds(result: FoldsResult, output: Output): CommandResult {
  const { folds, scores, ensemble, stopped, report, run } = result;
  for (const [part, spreads] of Object.entries(scores)) {
    const { meanIoU: iou, meanDice: dice } = spreads;
    const written = [iou && `mean IoU ${inWords(iou)}`, dice && `mean Dice ${inWords(dice)}`].filter(Boolean);
    output.line(`${part === 'test' ? 'Test' : 'Validation'}, ${folds.length} folds: ${written.join(', ')}.`);
  }
  if (ensemble) scoresText('Test, all folds together', ensemble).forEach((line) => output.line(line));
  output.line(`Folds: ${run}`);
  if (report !== undefined) output.line(`Report: ${report}`);
  if (stopped === 'finished') return { json: result };
  output.line('Interrupted and saved; go on with --resume.');
  return { json: result, exitCode: INTERRUPTED };
}

const inWords = ({ mean, deviation }: { readonly mean: number; readonly deviation: number }) =>
  `${mean.toFixed(4)} ± ${deviation.toFixed(4)}`;
