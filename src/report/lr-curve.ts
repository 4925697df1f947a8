/** Draws a learning-rate range test: loss over learning rate, with the suggested rates marked. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { loadSharp } from '../images/sharp.js';
import type { LrPoint, LrSuggestions } from '../training/index.js';
import { lossCurve } from '../training/index.js';

export interface LrCurve {
  /** In the order of the test, with rising rates. */
  readonly points: readonly LrPoint[];
  readonly suggestions: LrSuggestions;
  /** The suggested rate to use. */
  readonly suggestion: number;
}

const WIDTH = 760;
const HEIGHT = 420;
/** Colours that colour-blind people can distinguish (Okabe & Ito 2008). */
const BLUE = '#0072b2';
const VERMILION = '#d55e00';
const GREY = '#666666';
/** Space above the initial loss, as a fraction of the drop in loss. */
const HEADROOM = 0.35;
/** Labels that differ from the name of the suggestion. */
const LABELS: Readonly<Record<string, string>> = { threeQuarters: 'three quarters', minimum: 'minimum ÷ 10' };

/**
 * Returns an SVG document: batch losses as dots, the smoothed loss as a line, and a vertical line per suggestion.
 */
export function lrCurveSvg({ points, suggestions, suggestion }: LrCurve): string {
  const { document } = parseHTML('<html><body></body></html>');
  const smoothed = lossCurve(points);
  const line = points.map(({ lr }, i) => ({ lr, loss: smoothed[i]! }));
  const [least, most] = lossRange(points, smoothed);
  const [first, last] = [points[0]!.lr, points.at(-1)!.lr];
  const suggested = (Object.entries(suggestions) as [string, number][])
    .filter(([, lr]) => lr >= first && lr <= last)
    .map(([name, lr], i) => ({
      lr,
      chosen: lr === suggestion,
      label: `${LABELS[name] ?? name} ${rate(lr)}`,
      row: i,
      // Near the right edge the label goes to the left of its line.
      onLeft: Math.log(lr / first) > 0.7 * Math.log(last / first),
    }));
  const figure = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 56,
    marginTop: 80,
    style: { fontFamily: 'sans-serif', fontSize: '13px', background: 'white', color: '#222' },
    x: { type: 'log', label: 'learning rate', tickFormat: rate, grid: true, ticks: 6 },
    y: { label: 'training loss', domain: [least, most], grid: true },
    marks: [
      Plot.dot(points, { x: 'lr', y: 'loss', r: 2, fill: GREY, fillOpacity: 0.45, clip: true }),
      Plot.line(line, { x: 'lr', y: 'loss', stroke: BLUE, strokeWidth: 2.5, clip: true }),
      Plot.ruleX(suggested, {
        x: 'lr',
        stroke: ({ chosen }: Mark) => (chosen ? VERMILION : GREY),
        strokeWidth: ({ chosen }: Mark) => (chosen ? 2.5 : 1),
        strokeDasharray: '5 4',
      }),
      suggested.map(({ row, onLeft, ...mark }) =>
        Plot.text([mark], {
          x: 'lr',
          text: 'label',
          frameAnchor: 'top',
          dy: -66 + 16 * row,
          dx: onLeft ? -5 : 5,
          textAnchor: onLeft ? 'end' : 'start',
          fill: mark.chosen ? VERMILION : GREY,
          fontWeight: mark.chosen ? 'bold' : 'normal',
        }),
      ),
    ],
  });
  figure.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${figure.outerHTML}\n`;
}

/** The same picture as a PNG at twice the resolution. */
export async function lrCurvePng(curve: LrCurve): Promise<Buffer> {
  const sharp = await loadSharp();
  return sharp(Buffer.from(lrCurveSvg(curve)), { density: 144 })
    .flatten({ background: 'white' })
    .png()
    .toBuffer();
}

interface Mark {
  readonly lr: number;
  readonly chosen: boolean;
}

/** Range of the y-axis: from the lowest loss to slightly above the initial loss. Later the loss may diverge. */
function lossRange(points: readonly LrPoint[], smoothed: readonly number[]): [number, number] {
  const least = Math.min(...smoothed);
  const end = smoothed.indexOf(least) + 1;
  const highest = Math.max(...smoothed.slice(0, end));
  const losses = points.slice(0, end).map(({ loss }) => loss);
  const fall = highest - least || Math.abs(least) || 1;
  return [Math.min(least - 0.1 * fall, ...losses), Math.max(highest + HEADROOM * fall, ...losses)];
}

/** `3e-3`, `1.5e-4`. */
function rate(lr: number): string {
  return lr.toExponential(1).replace('.0e', 'e').replace('e+', 'e');
}
