/** `pixelwise report RUN…`: writes a run's report again, or compares several runs. */
import { compareRuns } from '../../jobs/index.js';
import { writeReport } from '../../report/index.js';
import type { Run } from '../command.js';

export const run: Run<'report'> = async ({ out }, { output, words, signal }) => {
  if (words.length === 1) {
    const report = await writeReport(words[0]!, { out });
    output.line(`Report: ${report}`);
    return { json: { report } };
  }
  const progress = output.progress({ label: 'predicting', unit: 'images' });
  const report = await compareRuns(words, {
    out,
    signal,
    onNote: (message) => output.note(message),
    onProgress: (done, total) => progress.update({ done, total }),
  });
  progress.end();
  output.line(`Comparison: ${report}`);
  return { json: { report } };
};
