/** `pixelwise report RUN`: writes a run's report anew. */
import { writeReport } from '../../report/index.js';
import type { Run } from '../command.js';

export const run: Run<'report'> = async ({ out }, { output, words }) => {
  const report = await writeReport(words[0]!, { out });
  output.line(`Report: ${report}`);
  return { json: { report } };
};
