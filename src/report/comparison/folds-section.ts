/** First section of the report of a cross-validation: mean and spread of the folds, and their ensemble. */
import type { EpochScores } from '../../training/index.js';
import { count, figure, lossFigure } from '../numbers.js';
import { html } from '../page/html.js';
import type { Section } from '../page/page.js';
import { scoreOf } from '../scores-table.js';
import { PART_NAMES } from '../sections/part-names.js';
import type { Spread } from '../spread.js';

export interface FoldsSummary {
  /** Number of folds. */
  readonly count: number;
  readonly scores: Readonly<Partial<Record<'valid' | 'test', Readonly<Record<string, Spread>>>>>;
  /** Scores of the averaged probabilities on the test part. */
  readonly ensemble?: Omit<EpochScores, 'metrics'>;
}

export function foldsSection({ count: folds, scores, ensemble }: FoldsSummary): Section {
  const parts = (['test', 'valid'] as const).flatMap((part) => {
    const spreads = scores[part];
    return spreads ? [{ part, spreads, together: part === 'test' ? ensemble : undefined }] : [];
  });
  const head = parts.at(-1)?.spreads['meanIoU'];
  return {
    id: 'folds',
    title: 'Cross-validation',
    body: html`<p class="lede">
        ${count(folds)} runs, each with another part of the data held
        out${head && `: mean IoU ${figure(head.mean)} ± ${figure(head.deviation)} on the part that each held out`}.
        ${
          parts.some(({ part }) => part === 'valid') &&
          'The best epoch of each run was chosen on the part that it is scored on here, so these scores are slightly too good.'
        }
      </p>
      ${parts.map(
        ({ part, spreads, together }) =>
          html`<h3>${PART_NAMES[part]!}</h3>
            <table>
              <thead>
                <tr>
                  <th scope="col">Score</th>
                  <th scope="col">Mean</th>
                  <th scope="col">Standard deviation</th>
                  <th scope="col">Least</th>
                  <th scope="col">Greatest</th>
                  ${together && html`<th scope="col">Ensemble</th>`}
                </tr>
              </thead>
              <tbody>
                ${Object.entries(spreads).map(([key, each]) => spreadRow(key, each, together))}
              </tbody>
            </table>`,
      )}`,
  };
}

function spreadRow(key: string, { mean, deviation, least, greatest }: Spread, together?: EpochScores) {
  const write = key.startsWith('loss') ? lossFigure : figure;
  const [name, of] = key.split('/');
  const label = LABELS[name!] ?? name!;
  const joint =
    name === 'iou' && of !== undefined
      ? together?.classes.find((one) => one.name === of)?.iou
      : scoreOf(together, key);
  return html`<tr>
    <th scope="row">${of === undefined ? label : `${label} of ${of}`}</th>
    ${[mean, deviation, least, greatest].map((value) => html`<td>${write(value)}</td>`)}
    ${together && html`<td>${write(joint)}</td>`}
  </tr>`;
}

const LABELS: Readonly<Record<string, string>> = {
  meanIoU: 'Mean IoU',
  meanDice: 'Mean Dice',
  dice: 'Dice of the foreground',
  iou: 'IoU',
  meanGroupDice: 'Mean Dice of groups',
  softDice: 'Soft Dice',
  pixelAccuracy: 'Pixel accuracy',
  loss: 'Loss',
  metric: 'Metric',
};
