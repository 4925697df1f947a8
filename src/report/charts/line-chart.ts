/**
 * Line charts as SVG. Colours are CSS variables of the page, so that a chart adapts to light and dark mode.
 * Charts are small, so that their text is legible on a phone.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { rate } from '../numbers.js';
import { Html } from '../page/html.js';

/** A line. Null makes a gap. */
export interface Series {
  readonly name: string;
  /** A CSS colour, such as `var(--valid)`. */
  readonly color: string;
  /** Lengths of dashes and gaps, as SVG takes them: `5,3`. */
  readonly dash?: string;
  readonly points: readonly (readonly [x: number, y: number | null])[];
  /** Whether points are marked, if there are not too many. Default true. */
  readonly dots?: boolean;
}

export interface LineChart {
  /** Title, also for screen readers: `Loss by epoch`. */
  readonly title: string;
  /** A sentence that describes the content. */
  readonly description: string;
  readonly series: readonly Series[];
  readonly x: { readonly label: string; readonly log?: boolean; readonly whole?: boolean };
  readonly y?: { readonly log?: boolean; readonly min?: number; readonly max?: number };
  /** A vertical line at `x` with a label. */
  readonly mark?: { readonly x: number; readonly text: string };
  /** Formats the tooltip of a point. */
  readonly tell?: (x: number, y: number) => string;
}

const WIDTH = 344;
const HEIGHT = 190;
/** Series with more points than this are drawn without dots. */
const DOTS = 40;

/** Draws a chart. Undefined if no series has a value. */
export function lineChart(chart: LineChart): Html | undefined {
  const { series, x, y = {}, mark, tell } = chart;
  const drawn = series.flatMap(({ points }) => points.filter(([, value]) => value !== null));
  if (drawn.length === 0) return undefined;
  const { document } = parseHTML('<html><body></body></html>');
  const xs = [...new Set(drawn.map(([place]) => place))];
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginTop: 14,
    marginRight: 12,
    marginBottom: 32,
    marginLeft: 48,
    style: { fontSize: '11px', background: 'transparent' },
    x: {
      type: x.log ? 'log' : 'linear',
      ...(xs.length === 1 && !x.log && { domain: [xs[0]! - 0.5, xs[0]! + 0.5] }),
    },
    y: { type: y.log ? 'log' : 'linear', label: null, ...domainOf(drawn, y) },
    marks: [
      Plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1, ticks: 4 }),
      Plot.axisY({ label: null, tickSize: 0, ticks: 4, color: 'var(--muted)', fontSize: 11 }),
      Plot.axisX({
        label: x.label,
        labelArrow: 'none',
        tickSize: 0,
        color: 'var(--muted)',
        fontSize: 11,
        ...(x.log ? { ticks: 6, tickFormat: rate } : { ticks: x.whole ? wholeTicks(xs) : 6 }),
        ...(x.whole && { tickFormat: 'd' }),
      }),
      ...(mark
        ? [
            Plot.ruleX([mark.x], { stroke: 'var(--muted)', strokeDasharray: '2,3' }),
            Plot.text([mark], {
              x: 'x',
              text: 'text',
              frameAnchor: 'top',
              textAnchor: nearEnd(mark.x, xs, x.log) ? 'end' : 'start',
              dx: nearEnd(mark.x, xs, x.log) ? -4 : 4,
              dy: -10,
              fill: 'var(--muted)',
              fontSize: 11,
            }),
          ]
        : []),
      ...series.flatMap(({ name, color, dash, points, dots = true }) => {
        const channels = { x: (point: Point) => point[0], y: (point: Point) => point[1] ?? NaN };
        const shown = points.filter((point): point is readonly [number, number] => point[1] !== null);
        const title = ([at, value]: Point) => `${name}, ${tell?.(at, value!) ?? `${at}: ${value}`}`;
        return [
          Plot.lineY(points, {
            ...channels,
            stroke: color,
            strokeWidth: 1.75,
            ...(dash !== undefined && { strokeDasharray: dash }),
          }),
          ...(dots && shown.length <= DOTS
            ? [Plot.dot(shown, { ...channels, fill: color, r: 2.2, title })]
            : []),
        ];
      }),
    ],
  });
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `${chart.title}. ${chart.description}`);
  // Screen readers treat the chart as one picture, so remove the labels of its parts.
  for (const part of svg.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
  svg.setAttribute('class', 'chart');
  svg.querySelector('style')?.remove();
  return Html.trusted(svg.outerHTML);
}

type Point = readonly [number, number | null];

function domainOf(points: readonly Point[], { log, min, max }: NonNullable<LineChart['y']>) {
  const values = points.map(([, value]) => value!);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (log) return low === high ? { domain: [low / 2, high * 2] } : {};
  if (low === high) {
    const room = Math.abs(low) / 10 || 0.1;
    [low, high] = [low - room, high + room];
  }
  const room = (high - low) * 0.04;
  return { domain: [Math.max(low - room, min ?? -Infinity), Math.min(high + room, max ?? Infinity)] };
}

/** A few evenly spaced integer ticks, since there are no half epochs. */
function wholeTicks(xs: readonly number[]): number[] {
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const steps = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 100_000];
  const step = steps.find((each) => (last - first) / each <= 6) ?? 1_000_000;
  const ticks = [first];
  for (let tick = Math.ceil((first + 1) / step) * step; tick <= last; tick += step) {
    if (tick - first >= step / 2) ticks.push(tick);
  }
  return ticks;
}

function nearEnd(x: number, xs: readonly number[], log = false): boolean {
  const place = (value: number) => (log ? Math.log(value) : value);
  const [first, last] = [place(Math.min(...xs)), place(Math.max(...xs))];
  return place(x) - first > 0.6 * (last - first);
}
