/** Charts of scores, loss and learning rate with a line per run. */
import type { LineChart, Series } from '../charts/line-chart.js';
import { duration, figure, lossFigure, rate } from '../numbers.js';
import type { Html } from '../page/html.js';
import { html } from '../page/html.js';
import type { Section } from '../page/page.js';
import type { Run } from '../read-run.js';
import { scoreOf } from '../scores-table.js';
import { chartFigure } from '../sections/curves.js';
import type { Column, Compared } from './compared.js';

type Point = readonly [x: number, y: number | null];

export function curvesSection({ columns, sameLoss }: Compared): Section | undefined {
  const drawn = columns.filter(({ run }) => run.history.length > 0);
  if (drawn.length === 0) return undefined;
  const lines = (points: (run: Run) => readonly Point[]): Series[] =>
    drawn.map(({ name, colour, dash, run }) => ({
      name,
      color: colour,
      ...(dash !== undefined && { dash }),
      points: points(run),
    }));
  const score = (key: string) =>
    lines(({ history }) =>
      history.map((record) => [record.epoch, scoreOf(record.valid ?? record.train, key) ?? null]),
    );
  const x = { label: 'epoch', whole: true };
  const unit = unitOf(drawn);
  const epoch = (write: (value: number) => string) => (at: number, value: number) =>
    `epoch ${at}: ${write(value)}`;
  const scored = [
    ['meanIoU', 'Mean IoU'],
    ['meanDice', 'Mean Dice'],
  ].map(([key, title]): LineChart => ({
    title: title!,
    description: endsOf(drawn, key!),
    series: score(key!),
    x,
    y: { min: 0, max: 1 },
    tell: epoch(figure),
  }));
  const charts: LineChart[] = [
    ...scored,
    ...(sameLoss
      ? [
          {
            title: 'Loss',
            description: endsOf(drawn, 'loss'),
            series: score('loss'),
            x,
            tell: epoch(lossFigure),
          },
        ]
      : []),
    {
      title: 'Mean IoU by time',
      description: 'The same scores over training time.',
      series: lines((run) => byTime(run, unit.seconds)),
      x: { label: `${unit.name} of training` },
      y: { min: 0, max: 1 },
      tell: (time, value) => `after ${duration(time * unit.seconds)}: ${figure(value)}`,
    },
    {
      title: 'Learning rate',
      description: 'At the end of each epoch.',
      series: lines(({ history }) => history.map(({ epoch: at, lr }) => [at, lr])),
      x,
      y: { min: 0 },
      tell: epoch(rate),
    },
  ];
  const trained = drawn.filter(({ run }) => run.history.every(({ valid }) => valid === undefined));
  return {
    id: 'curves',
    title: 'Curves',
    body: html`<ul class="legend">
        ${drawn.map((column) => html`<li>${stroke(column)}${column.name}</li>`)}
      </ul>
      <div class="charts">${charts.flatMap((chart) => chartFigure(chart) ?? [])}</div>
      <p class="aside">
        Scores on the validation part after each epoch, at each model's input
        size.${trained.map(({ name }) => ` ${name} has no validation part; its curves are of the training part.`)}
      </p>`,
  };
}

/** A short piece of a run's line for the legend. */
export function stroke({ colour, dash }: Column): Html {
  return html`<svg class="line" viewBox="0 0 34 4" width="34" height="4" aria-hidden="true">
    <path
      d="M0 2H34"
      style="stroke: ${colour}"
      stroke-width="2.5"
      ${dash !== undefined && html`stroke-dasharray="${dash}"`}
    />
  </svg>`;
}

/** Time unit that suits the longest run. */
function unitOf(columns: readonly Column[]): { readonly name: string; readonly seconds: number } {
  const longest = Math.max(
    ...columns.map(({ run }) => run.history.reduce((sum, { seconds }) => sum + seconds, 0)),
  );
  if (longest < 180) return { name: 'seconds', seconds: 1 };
  return longest < 3 * 3600 ? { name: 'minutes', seconds: 60 } : { name: 'hours', seconds: 3600 };
}

function byTime({ history }: Run, unit: number): Point[] {
  let seconds = 0;
  return history.map((record) => {
    seconds += record.seconds;
    return [seconds / unit, scoreOf(record.valid ?? record.train, 'meanIoU') ?? null];
  });
}

function endsOf(columns: readonly Column[], key: string): string {
  const ends = columns.map(({ name, run }) => {
    const last = run.history.at(-1)!;
    const value = scoreOf(last.valid ?? last.train, key);
    return `${name} ${key === 'loss' ? lossFigure(value) : figure(value)} after epoch ${last.epoch}`;
  });
  return `At the end: ${ends.join(', ')}.`;
}
