/** Training curves: loss and scores by epoch, the learning rate, and the learning-rate range test. */
import { flatScores, type EpochRecord } from '../../training/index.js';
import type { LineChart } from '../charts/line-chart.js';
import { lineChart } from '../charts/line-chart.js';
import { duration, figure, lossFigure, rate } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import { scrolling, type Section } from '../page/page.js';
import { evenly } from '../pictures.js';
import type { LrCurve, Run } from '../read-run.js';
import { scoreNames, scoreOf, writtenScore } from '../scores-table.js';

/** The most rows in the table of epochs. */
const ROWS = 100;
/** A loss that spans more than this factor is drawn on a logarithmic axis. */
const WIDE_RANGE = 50;

export function curvesSection({ history, bestEpoch, lrCurve, config }: Run): Section | undefined {
  if (history.length === 0 && !lrCurve) return undefined;
  const held = history.some(({ valid }) => valid !== undefined);
  return {
    id: 'curves',
    title: 'Curves',
    body: html`${
      history.length > 0 &&
      html`${
          held &&
          html`<ul class="legend">
            <li><span class="stroke" style="--swatch: var(--valid)"></span>Validation</li>
            <li><span class="stroke dashed" style="--swatch: var(--train)"></span>Training</li>
          </ul>`
        }
        <div class="charts">${epochCharts(history, held ? bestEpoch : undefined)}</div>
        <p class="aside">
          Computed after each epoch at the model's input size. Training scores are computed on augmented
          images while the weights
          change${config.data.valid > 0 ? ', so they may be lower than the validation scores' : ''}.
        </p>
        <details>
          <summary>Show the curves as a table</summary>
          ${epochTable(history, bestEpoch)}
        </details>`
    }
    ${
      lrCurve &&
      html`<h3>Learning-rate range test</h3>
        ${lrFigure(lrCurve)}`
    }`,
  };
}

function epochCharts(history: readonly EpochRecord[], bestEpoch: number | undefined): Html[] {
  const latest = history.at(-1)!;
  const x = { label: 'epoch', whole: true };
  const mark =
    bestEpoch !== undefined && bestEpoch > 0 && history.length > 1
      ? { mark: { x: bestEpoch, text: `best: ${bestEpoch}` } }
      : {};
  const scores = scoreNames(latest.train)
    // The loss comes first.
    .sort((a, b) => Number(a.key !== 'loss') - Number(b.key !== 'loss'))
    .map((name): LineChart => {
      const values = (part: 'train' | 'valid') =>
        history.map((record) => [record.epoch, scoreOf(record[part], name.key) ?? null] as const);
      const [valid, train] = [values('valid'), values('train')];
      const numbers = [...valid, ...train].flatMap(([, value]) => (value === null ? [] : [value]));
      const least = Math.min(...numbers);
      const wide = name.better === 'smaller' && least > 0 && Math.max(...numbers) > WIDE_RANGE * least;
      const [before, after] = [valid.some(([, v]) => v !== null) ? valid : train].flatMap((line) => [
        line.find(([, value]) => value !== null)?.[1],
        line.findLast(([, value]) => value !== null)?.[1],
      ]);
      return {
        title: wide ? `${name.label} (logarithmic)` : name.label,
        description: `From ${writtenScore(name, before)} after epoch ${history[0]!.epoch} to ${writtenScore(name, after)} after epoch ${latest.epoch}.`,
        series: [
          { name: 'Training', color: 'var(--train)', dash: '5,3', points: train },
          { name: 'Validation', color: 'var(--valid)', points: valid },
        ],
        x,
        y: { log: wide, ...(name.better === 'larger' && { min: 0, max: 1 }) },
        tell: (epoch, value) => `epoch ${epoch}: ${writtenScore(name, value)}`,
        ...mark,
      };
    });
  const lr: LineChart = {
    title: 'Learning rate',
    description: `At the end of each epoch, from ${rate(history[0]!.lr)} to ${rate(latest.lr)}.`,
    series: [
      { name: 'Learning rate', color: 'var(--muted)', points: history.map(({ epoch, lr }) => [epoch, lr]) },
    ],
    x,
    y: { min: 0 },
    tell: (epoch, value) => `epoch ${epoch}: ${rate(value)}`,
  };
  return [...scores, lr].flatMap((chart) => chartFigure(chart) ?? []);
}

/** A chart under its title. */
export function chartFigure(chart: LineChart): Html | undefined {
  const drawn = lineChart(chart);
  return (
    drawn &&
    html`<figure>
      <p class="chart-title">${chart.title}</p>
      ${drawn}
    </figure>`
  );
}

function epochTable(history: readonly EpochRecord[], bestEpoch: number | undefined): Html {
  const shown =
    history.length <= ROWS
      ? history
      : [...new Set([0, ...evenly(1, history.length - 2, ROWS - 2), history.length - 1])].map(
          (i) => history[i]!,
        );
  const rows = history.filter((record) => shown.includes(record) || record.epoch === bestEpoch);
  const latest = history.at(-1)!;
  const keys = flatScores(latest.train)
    .map(([name]) => name)
    .filter((name) => ['loss', 'meanIoU', 'meanDice', 'pixelAccuracy'].includes(name));
  const names = scoreNames(latest.train).filter(({ key }) => keys.includes(key));
  const parts = (['train', 'valid'] as const).filter((part) => history.some((record) => record[part]));
  const words = { train: 'Training', valid: 'Validation' };
  const table = scrolling(
    'Scores by epoch',
    html`<table>
      <thead>
        <tr>
          <th scope="col">Epoch</th>
          ${parts.flatMap((part) =>
            names.map(({ label }) => html`<th scope="col">${words[part]}<br />${label.toLowerCase()}</th>`),
          )}
          <th scope="col">Learning<br />rate</th>
          <th scope="col">Time</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (record) =>
            html`<tr${record.epoch === bestEpoch && html` class="best"`}><th scope="row">${record.epoch}</th>${parts.flatMap(
              (part) =>
                names.map(
                  ({ key }) =>
                    html`<td>
                      ${key === 'loss' ? lossFigure(record[part]?.loss) : figure(scoreOf(record[part], key))}
                    </td>`,
                ),
            )}<td>${rate(record.lr)}</td><td>${duration(record.seconds)}</td></tr>`,
        )}
      </tbody>
    </table>`,
  );
  const left = history.length - rows.length;
  return html`${table}${left > 0 && html`<p class="aside">${left} more epochs are in metrics.jsonl.</p>`}`;
}

function lrFigure({ points, suggestion }: LrCurve): Html {
  const smoothed = points.some((point) => typeof point.smoothed === 'number');
  const line = points.map(({ lr, loss, smoothed: mean }) => [lr, (smoothed ? mean : loss) ?? null] as const);
  const chart = chartFigure({
    title: 'Loss by learning rate',
    description: `The suggestion is ${rate(suggestion)}.`,
    series: [
      {
        name: 'Loss',
        color: 'var(--valid)',
        points: untilItBlowsUp(line),
      },
    ],
    x: { label: 'learning rate (logarithmic)', log: true },
    mark: { x: suggestion, text: `suggestion ${rate(suggestion)}` },
    tell: (lr, loss) => `${rate(lr)}: ${lossFigure(loss)}`,
  });
  return html`<div class="charts">${chart}</div>
    <p class="aside">
      The learning rate was raised at each step${smoothed && '; the loss is a moving average'}. The suggested
      rate is ${rate(suggestion)}.
    </p>`;
}

/**
 * A range test ends when the loss explodes. Drawn completely, the end would flatten the rest of the curve, so points
 * are left out once the loss exceeds its start by more than half of its fall.
 */
export function untilItBlowsUp(
  line: readonly (readonly [lr: number, loss: number | null])[],
): readonly (readonly [lr: number, loss: number | null])[] {
  const losses = line.flatMap(([, loss]) => (loss === null ? [] : [loss]));
  if (losses.length === 0) return line;
  const least = Math.min(...losses);
  const ceiling = losses[0]! + (losses[0]! - least) / 2;
  const lowest = line.findIndex(([, loss]) => loss === least);
  const end = line.findIndex(([, loss], index) => index > lowest && loss !== null && loss > ceiling);
  return end < 0 ? line : line.slice(0, end);
}
