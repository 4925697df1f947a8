/** `pixelwise lr-find --data DIR`: a learning-rate range test, a curve and a suggestion. */
import { findLearningRate } from '../../jobs/index.js';
import type { Run } from '../command.js';
import { textTable } from '../text-table.js';

export const run: Run<'lr-find'> = async (
  { json: _json, config: _config, ...options },
  { output, signal },
) => {
  if (typeof options.lr === 'number')
    output.note(`--lr ${options.lr} is ignored: lr-find searches for a learning rate.`);
  const progress = output.progress({ label: 'looking for a learning rate', unit: 'steps' });
  let done = 0;
  const { suggestion, suggestions, points, plot } = await findLearningRate({
    ...options,
    signal,
    onNote: (message) => output.note(message),
    onPoint: ({ lr, smoothed }, total) =>
      progress.update({
        done: ++done,
        total,
        detail: `rate ${lr.toExponential(1)}, loss ${smoothed.toFixed(4)}`,
      }),
  });
  progress.end();
  const { threeQuarters, steepest, valley, minimum } = suggestions;
  output.line(`Suggested: --lr ${shortRate(suggestion)}`);
  const readings: [string, number, string][] = [
    ['three quarters', threeQuarters, 'by which three quarters of the fall are done'],
    ['steepest', steepest, 'where the loss falls fastest'],
    ['valley', valley, 'in the middle of its longest fall'],
    ['minimum ÷ 10', minimum, 'a tenth of the rate where it is least'],
  ];
  const rows = readings.map(([name, lr, meaning]) => [name, shortRate(lr), meaning]);
  for (const line of textTable(
    [{ heading: 'reading' }, { heading: 'rate', align: 'right' }, { heading: '' }],
    rows,
  ))
    output.line(line);
  output.line(`Curve: ${plot}`);
  return { json: { suggestion, suggestions, points, plot } };
};

/** Two digits: more would claim what the test cannot tell. `0.0032`, `1.5e-5`. */
function shortRate(lr: number): string {
  return lr < 1e-4 ? lr.toExponential(1) : String(Number(lr.toPrecision(2)));
}
